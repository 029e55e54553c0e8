"""A network in an ONNX file: its graph, and what `unmask.model.inference.aligned` computes of its output."""

from typing import TYPE_CHECKING

from unmask.model.networks.spec import EDIT

from .onnx_functions import function_model
from .onnx_pasting import paste_function

if TYPE_CHECKING:  # of the extra 'export'
    import onnx

# Mirror images are pictures of the same batch: the network stands in the file once.
_MIRRORING = """
<domain: "unmask", opset_import: ["": OPSET, "unmask": 1]>
mirrored (given) => (turned)
{
  columns = Constant <value = int64[1] {2}> ()
  last = Constant <value = int64[1] {-1}> ()
  beyond_first = Constant <value = int64[1] {-2147483648}> ()
  turned = Slice (given, last, beyond_first, columns, last)
}

<domain: "unmask", opset_import: ["": OPSET, "unmask": 1]>
with_mirror (given) => (both)
{
  turned = unmask.mirrored (given)
  both = Concat <axis = 0> (given, turned)
}

<domain: "unmask", opset_import: ["": OPSET, "unmask": 1]>
mirror_mean (both) => (mean)
{
  half = Constant <value = float {0.5}> ()
  own, turned = Split <axis = 0, num_outputs = 2> (both)
  back = unmask.mirrored (turned)
  sum = Add (own, back)
  mean = Mul (sum, half)
}
"""

_ASK_MAP = """
ask (uint8[n, rows, columns, 3] seen) => (uint8[m, rows, columns, 3] pictures)
{
  pictures = unmask.with_mirror (seen)
}
"""

_ASK_EDIT = """
ask (uint8[n, rows, columns, 3] seen, uint8[n, rows, columns] seen_map)
  => (uint8[m, rows, columns, 3] pictures, float[m, 1, rows, columns] alpha)
{
  pictures = unmask.with_mirror (seen)
  maps = unmask.with_mirror (seen_map)
  alpha = unmask.paste_alpha (maps)
}
"""

_TELL_MAP = """
tell (float[m, rows, columns, layers] said) => (float[n, rows, columns, layers] answer)
{
  answer = unmask.mirror_mean (said)
}
"""

_TELL_EDIT = """
tell (float[m, rows, columns, 3] said) => (uint8[n, rows, columns, 3] answer)
{
  one = Constant <value = float {1}> ()
  middle = Constant <value = float {127.5}> ()
  mean = unmask.mirror_mean (said)
  raised = Add (mean, one)
  exact = Mul (raised, middle)
  whole = Round (exact)
  answer = Cast <to = 2> (whole)
}
"""
_WITH_MIRROR = ("unmask.with_mirror", "unmask.mirror_mean")


def network_parts(graph: "onnx.ModelProto", kind: str, *, mirror_mean: bool) -> "list[onnx.ModelProto]":
    """Return a network as it stands between the two parts of `unmask.model.export.onnx_frame`.

    Parameters
    ----------
    graph : onnx.ModelProto
        Of `unmask.model.networks.graph_networks`.
    kind : str
        ``map`` or ``edit``.
    mirror_mean : bool
        The answer is the mean with that of the mirror image.

    Returns
    -------
    list of onnx.ModelProto
        Parts that follow one another, from ``seen`` uint8 (n, h, w, 3), sides multiples of 16, and for ``edit``
        ``seen_map`` uint8 (n, h, w), to ``answer``: probabilities float32 (n, h, w, layers), or the drawn picture,
        uint8 (n, h, w, 3).
    """
    ask, tell = (_ASK_EDIT, _TELL_EDIT) if kind == EDIT else (_ASK_MAP, _TELL_MAP)
    if not mirror_mean:
        for function in _WITH_MIRROR:
            ask, tell = (text.replace(function, "Identity") for text in (ask, tell))
    functions = f"{_MIRRORING}{paste_function()}"
    before, after = (function_model(text, functions) for text in (ask, tell))
    return [before, graph, after]
