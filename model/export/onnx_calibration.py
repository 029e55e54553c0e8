"""`unmask.model.inference.calibration` in tensor operations: a function for `unmask.model.export.onnx_frame`."""

from unmask.model.inference.calibration import MASK_FROM, SURE

_TEXT = """
<domain: "unmask", opset_import: ["": OPSET, "unmask": 1]>
calibrated (body) => (probabilities)
{
  sure = Constant <value = float {SURE}> ()
  one = Constant <value = float {1}> ()
  odds = Constant <value = float {ODDS}> ()
  sides = Constant <value = int64[2] {-2, -1}> ()
  negative = Neg (body)
  least_negative = MaxPool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (negative)
  eroded = Neg (least_negative)
  surest = ReduceMax <keepdims = 1> (eroded, sides)
  is_seen = GreaterOrEqual (surest, sure)
  raised = Mul (body, odds)
  more = Sub (odds, one)
  added = Mul (body, more)
  total = Add (one, added)
  shifted = Div (raised, total)
  probabilities = Where (is_seen, shifted, body)
}
"""


def calibration_function() -> str:
    """Return ``calibrated`` of bodies (n, 1, h, w) in [0, 1], as text."""
    return _TEXT.replace("ODDS", repr((1 - MASK_FROM) / MASK_FROM)).replace("SURE", repr(SURE))
