"""What lies around a network in its ONNX file: pictures of any size to the size that it sees, and its answer back.

`unmask.model.inference.network_frame.NetworkFrame` in tensor operations; `onnx_scaling` has those that scale.
"""

from typing import TYPE_CHECKING

from unmask.model.common.limits import MULTIPLE_PX
from unmask.model.inference.strap_mask import BROAD

from .onnx_calibration import calibration_function
from .onnx_edges import edge_functions
from .onnx_functions import function_model
from .onnx_pasting import paste_function
from .onnx_scaling import LINEAR, SCALING

if TYPE_CHECKING:  # of the extra 'export'
    import onnx

# All sizes are int64 (2,): height, width. `framing` is `NetworkFrame` itself, the rest its methods.
_FRAMING = """
<domain: "unmask", opset_import: ["": OPSET, "unmask": 1]>
framing (size) => (inner, corner, padding, reduced)
{
  side = Constant <value = int64 {SIDE}> ()
  multiple = Constant <value = int64 {MULTIPLE}> ()
  most_added = Constant <value = int64 {MOST_ADDED}> ()
  two = Constant <value = int64 {2}> ()

  shorter = ReduceMin <keepdims = 0> (size)
  reduced = GreaterOrEqual (shorter, side)
  side_double = Cast <to = 11> (side)
  shorter_double = Cast <to = 11> (shorter)
  scale = Div (side_double, shorter_double)
  size_double = Cast <to = 11> (size)
  scaled = Mul (size_double, scale)
  rounded = Round (scaled)
  inner = Cast <to = 7> (rounded)

  raised = Add (inner, most_added)
  times = Div (raised, multiple)
  padded = Mul (times, multiple)
  added = Sub (padded, inner)
  corner = Div (added, two)
  rest = Sub (added, corner)
  padding = Concat <axis = 0> (corner, rest)
}
"""

_SHRINKING = """
<domain: "unmask", opset_import: ["": OPSET, "unmask": 1]>
shrunk (planes, size, inner, padding, reduced) => (seen)
{
  sides = Constant <value = int64[2] {-2, -1}> ()
  given = Cast <to = 1> (planes)
  levels = unmask.scaled_levels (given, size, inner, reduced)
  padded = Pad <mode = "reflect"> (levels, padding, , sides)
  seen = Cast <to = 2> (padded)
}

<domain: "unmask", opset_import: ["": OPSET, "unmask": 1]>
guide (picture) => (planes)
{
  full = Constant <value = float {255}> ()
  channels_first = Transpose <perm = [0, 3, 1, 2]> (picture)
  levels = Cast <to = 1> (channels_first)
  planes = Div (levels, full)
}

<domain: "unmask", opset_import: ["": OPSET, "unmask": 1]>
cut (planes, inner, corner) => (picture)
{
  sides = Constant <value = int64[2] {-2, -1}> ()
  end = Add (corner, inner)
  picture = Slice (planes, corner, end, sides)
}
"""

# Where a picture is exactly twice as large OpenCV rounds halves up, elsewhere to even numbers: a nudge does that.
_BEFORE_MAP = """
before (uint8[n, height, width, 3] image)
  => (uint8[n, rows, columns, 3] seen, int64[2] size, int64[2] inner, int64[2] corner, bool reduced)
{
  size = Shape <start = 1, end = 3> (image)
  inner, corner, padding, reduced = unmask.framing (size)
  planes = Transpose <perm = [0, 3, 1, 2]> (image)
  seen_planes = unmask.shrunk (planes, size, inner, padding, reduced)
  seen = Transpose <perm = [0, 2, 3, 1]> (seen_planes)
}
"""

_BEFORE_EDIT = """
before (uint8[n, height, width, 3] image, uint8[n, height, width] map)
  => (uint8[n, rows, columns, 3] seen, uint8[n, rows, columns] seen_map,
      int64[2] size, int64[2] inner, int64[2] corner, bool reduced)
{
  size = Shape <start = 1, end = 3> (image)
  inner, corner, padding, reduced = unmask.framing (size)
  planes = Transpose <perm = [0, 3, 1, 2]> (image)
  seen_planes = unmask.shrunk (planes, size, inner, padding, reduced)
  seen = Transpose <perm = [0, 2, 3, 1]> (seen_planes)
  seen_map = unmask.shrunk (map, size, inner, padding, reduced)
}
"""

_AFTER_MAP = """
after (float[n, rows, columns, layers] answer, uint8[n, rows, columns, 3] seen,
       uint8[n, height, width, 3] image, int64[2] size, int64[2] inner, int64[2] corner, bool reduced)
  => (float[n, height, width] probability STRAPS_OUTPUT)
{
  linear = Constant <value = float[4, 4] {LINEAR}> ()
  none = Constant <value = float {0}> ()
  one = Constant <value = float {1}> ()
  first = Constant <value = int64[1] {0}> ()
  channel = Constant <value = int64[1] {1}> ()
  enlarged = Not (reduced)
  planes = Transpose <perm = [0, 3, 1, 2]> (answer)
  body = Gather <axis = 1> (planes, first)
  seen_guide = unmask.guide (seen)
  calibrated_body = unmask.calibrated (body)
  coefficients = unmask.edge_coefficients (calibrated_body, seen_guide)
  own = unmask.cut (coefficients, inner, corner)
  fitted = unmask.scaled (own, inner, size, enlarged, linear)
  guide = unmask.guide (image)
  bodies = unmask.at_edges (fitted, guide)
  clipped = Clip (bodies, none, one)
  probability = Squeeze (clipped, channel)
  STRAPS_LINES
}
"""
_USUAL_STRAPS = """
  second = Constant <value = int64 {1}> ()
  straps = Gather <axis = 1> (planes, second)
  own_straps = unmask.cut (straps, inner, corner)
  usual_straps = unmask.scaled (own_straps, inner, size, enlarged, linear)
"""

# `unmask.model.inference.strap_mask.joined_straps`.
_AFTER_STRAPS = """
after (float[n, rows, columns, layers] answer, float[n, height, width] usual_straps,
       int64[2] size, int64[2] inner, int64[2] corner, bool reduced)
  => (float[n, height, width] straps_probability)
{
  linear = Constant <value = float[4, 4] {LINEAR}> ()
  none = Constant <value = float {0}> ()
  one = Constant <value = float {1}> ()
  broad_from = Constant <value = float {BROAD}> ()
  second = Constant <value = int64 {1}> ()
  enlarged = Not (reduced)
  planes = Transpose <perm = [0, 3, 1, 2]> (answer)
  straps = Gather <axis = 1> (planes, second)
  own = unmask.cut (straps, inner, corner)
  closer = unmask.scaled (own, inner, size, enlarged, linear)
  sure = GreaterOrEqual (usual_straps, broad_from)
  broad = Where (sure, usual_straps, none)
  both = Max (closer, broad)
  straps_probability = Clip (both, none, one)
}
"""

_AFTER_EDIT = """
after (uint8[n, rows, columns, 3] answer, uint8[n, height, width, 3] image, uint8[n, height, width] map,
       int64[2] size, int64[2] inner, int64[2] corner, bool reduced)
  => (uint8[n, height, width, 3] restored)
{
  one = Constant <value = float {1}> ()
  planes = Transpose <perm = [0, 3, 1, 2]> (answer)
  own = unmask.cut (planes, inner, corner)
  drawn = Cast <to = 1> (own)
  enlarged = Not (reduced)
  raw = unmask.scaled_levels (drawn, inner, size, enlarged)

  paste = unmask.paste_alpha (map)
  keep = Sub (one, paste)

  picture_planes = Transpose <perm = [0, 3, 1, 2]> (image)
  picture = Cast <to = 1> (picture_planes)
  pasted = Mul (raw, paste)
  kept = Mul (picture, keep)
  mixed = Add (pasted, kept)
  whole = Round (mixed)
  levels = Cast <to = 2> (whole)
  restored = Transpose <perm = [0, 2, 3, 1]> (levels)
}
"""


def before_model(side: int, *, with_map: bool) -> "onnx.ModelProto":
    """Return the part before a network as a model of its own.

    Parameters
    ----------
    side : int
        Shorter side in pixels at which the network works, a multiple of 16.
    with_map : bool
        There is a map beside the picture.

    Returns
    -------
    onnx.ModelProto
        ``image`` uint8 (n, height, width, 3) and ``map`` uint8 (n, height, width) to ``seen`` and ``seen_map``,
        what `NetworkFrame.shrink` makes of them, and what the part after the network needs to know.
    """
    return _model(_BEFORE_EDIT if with_map else _BEFORE_MAP, side)


def after_map_model(side: int, *, straps: bool) -> "onnx.ModelProto":
    """Return the part after a Map Module: ``answer``, ``seen``, ``image`` to ``probability``, ``usual_straps``."""
    made, lines = (", float[n, height, width] usual_straps", _USUAL_STRAPS) if straps else ("", "")
    return _model(_AFTER_MAP.replace("STRAPS_OUTPUT", made).replace("STRAPS_LINES", lines), side)


def after_closer_model(side: int) -> "onnx.ModelProto":
    """Return the part after a closer look at straps: ``answer``, ``usual_straps`` to ``straps_probability``."""
    return _model(_AFTER_STRAPS, side)


def after_edit_model(side: int) -> "onnx.ModelProto":
    """Return the part after an Editing Module: ``answer``, uint8, pasted into ``image`` where ``map`` is."""
    return _model(_AFTER_EDIT, side)


def _model(graph: str, side: int) -> "onnx.ModelProto":
    functions = (
        f"{_FRAMING}\n{SCALING}{_SHRINKING}{calibration_function()}{edge_functions()}{paste_function()}"
    )
    values = {
        "LINEAR": LINEAR,
        "SIDE": side,
        "MOST_ADDED": MULTIPLE_PX - 1,
        "MULTIPLE": MULTIPLE_PX,
        "BROAD": BROAD,
    }
    return function_model(graph, functions, values)
