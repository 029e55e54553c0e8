"""`unmask.model.inference.pasting.paste_alpha` in tensor operations: a function for the parts around a network."""

from unmask.model.inference.pasting import DILATE_PX, FEATHER_PX

_TEXT = """
<domain: "unmask", opset_import: ["": OPSET, "unmask": 1]>
paste_alpha (levels) => (alpha)
{
  half = Constant <value = uint8 {128}> ()
  zero = Constant <value = uint8 {0}> ()
  channel = Constant <value = int64[1] {1}> ()
  planes = Unsqueeze (levels, channel)
  is_masked = GreaterOrEqual (planes, half)
  masked = Cast <to = 1> (is_masked)
  is_covered = Greater (planes, zero)
  covered = Cast <to = 1> (is_covered)
  dilated = MaxPool <kernel_shape = [DILATED, DILATED], pads = [DILATE, DILATE, DILATE, DILATE]> (masked)
  ring_0 = Max (dilated, covered)
  sum_0 = Identity (ring_0)
  FEATHER
  alpha = Div (sum_LAST, rings)
}
"""


def paste_function() -> str:
    """Return ``paste_alpha`` of maps, uint8 (n, h, w), as text: float32 (n, 1, h, w) in [0, 1]."""
    lines = [f"rings = Constant <value = float {{{FEATHER_PX + 1}}}> ()"]
    for ring in range(FEATHER_PX):
        grown = f"ring_{ring + 1} = MaxPool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (ring_{ring})"
        lines += [grown, f"sum_{ring + 1} = Add (sum_{ring}, ring_{ring + 1})"]
    text = _TEXT.replace("FEATHER", "\n  ".join(lines)).replace("LAST", str(FEATHER_PX))
    return text.replace("DILATED", str(2 * DILATE_PX + 1)).replace("DILATE", str(DILATE_PX))
