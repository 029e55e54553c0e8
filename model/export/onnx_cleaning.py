"""`unmask.model.inference.cleaning.clean_map` as an ONNX graph, equal to it bit for bit.

Components are found by numbering: every pixel of a region starts with a number of its own, the first pixel, row by
row, with the highest. Then each takes the highest number among its neighbours, tells it to the pixel that its old
number names, and takes that of the pixel that its new one names, until nothing changes (hooking and pointer
jumping, Shiloach and Vishkin 1982: numbers travel in leaps, so that a large picture takes few more rounds than a
small one). Each component then bears the number of its first pixel.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # of the extra 'export'
    import onnx

OPSET = 18
_SQUARE = "near = MaxPool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (plane)"
_CROSS = """
    beside = MaxPool <kernel_shape = [1, 3], pads = [0, 1, 0, 1]> (plane)
    above = MaxPool <kernel_shape = [3, 1], pads = [1, 0, 1, 0]> (plane)
    near = Max (beside, above)"""

# NAME_numbers, float (n, pixels): 0 outside REGION (n, 1, h, w; 0 or 1), elsewhere NAME_pixels less the index of
# the first pixel of the component. Floats, for MaxPool's sake.
_NUMBER_COMPONENTS = """
  NAME_shape = Shape (REGION)
  NAME_n = Shape <start = 0, end = 1> (REGION)
  NAME_sides = Shape <start = 2> (REGION)
  NAME_pixel_count = ReduceProd <keepdims = 0> (NAME_sides)
  NAME_pixels = Cast <to = 1> (NAME_pixel_count)
  NAME_last = Sub (NAME_pixels, one)
  NAME_row = Concat <axis = 0> (NAME_n, minus_one)
  NAME_flat = Reshape (REGION, NAME_row)
  NAME_order = Range (NAME_pixels, zero, minus_one_float)
  NAME_start = Mul (NAME_order, NAME_flat)
  NAME_numbers = Loop (NAME_pixel_count, true, NAME_start) <body = NAME_body
    (int64 turn, bool unused, float[n, pixels] numbers) => (bool changed, float[n, pixels] leapt)
  {
    plane = Reshape (numbers, NAME_shape)
    NEAR
    row = Reshape (near, NAME_row)
    spread = Mul (row, NAME_flat)
    old_distance = Sub (NAME_pixels, numbers)
    old_inside = Min (old_distance, NAME_last)
    old_named = Cast <to = 7> (old_inside)
    told = ScatterElements <axis = 1, reduction = "max"> (spread, old_named, spread)
    distance = Sub (NAME_pixels, told)
    inside = Min (distance, NAME_last)
    named = Cast <to = 7> (inside)
    jumped = GatherElements <axis = 1> (told, named)
    leapt = Mul (jumped, NAME_flat)
    change = Sub (leapt, numbers)
    most = ReduceMax <keepdims = 0> (change)
    changed = Greater (most, zero)
  }>
"""

_GRAPH = """
<ir_version: 8, opset_import: ["": OPSET]>
clean_map (float[n, height, width] probability) => (uint8[n, height, width] map)
{
  zero = Constant <value = float {0.0}> ()
  half = Constant <value = float {0.5}> ()
  one = Constant <value = float {1.0}> ()
  minus_one_float = Constant <value = float {-1.0}> ()
  full = Constant <value = float {255.0}> ()
  true = Constant <value = bool {1}> ()
  minus_one = Constant <value = int64[1] {-1}> ()
  channel = Constant <value = int64[1] {1}> ()
  frame = Constant <value = int64[8] {0, 0, 1, 1, 0, 0, 1, 1}> ()
  frame_start = Constant <value = int64[2] {1, 1}> ()
  frame_end = Constant <value = int64[2] {-1, -1}> ()
  plane_axes = Constant <value = int64[2] {1, 2}> ()

  likely = GreaterOrEqual (probability, half)
  likely_float = Cast <to = 1> (likely)
  binary = Unsqueeze (likely_float, channel)
  not_binary = Sub (one, binary)
  not_eroded = MaxPool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (not_binary)
  eroded = Sub (one, not_eroded)
  opened = MaxPool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (eroded)

  NUMBER_PARTS
  parts_index_float = Sub (parts_pixels, parts_numbers)
  parts_index = Cast <to = 7> (parts_index_float)
  spare_count = Add (parts_pixel_count, channel)
  area_shape = Concat <axis = 0> (parts_n, spare_count)
  no_areas = ConstantOfShape <value = float[1] {0.0}> (area_shape)
  areas = ScatterElements <axis = 1, reduction = "add"> (no_areas, parts_index, parts_flat)
  largest = ArgMax <axis = 1> (areas)
  is_largest = Equal (parts_index, largest)
  kept_row = Cast <to = 1> (is_largest)
  kept = Reshape (kept_row, parts_shape)

  not_kept = Sub (one, kept)
  ground = Pad (not_kept, frame, one)
  NUMBER_GROUND
  is_outside = Equal (ground_numbers, ground_pixels)
  outside_row = Cast <to = 1> (is_outside)
  outside_framed_planes = Reshape (outside_row, ground_shape)
  outside_framed = Squeeze (outside_framed_planes, channel)
  outside = Slice (outside_framed, frame_start, frame_end, plane_axes)
  filled = Sub (one, outside)
  levels = Mul (filled, full)
  map = Cast <to = 2> (levels)
}
"""


def clean_map_model() -> "onnx.ModelProto":
    """Return the graph as a model of its own.

    Input ``probability``, float32 (n, height, width) in [0, 1]; output ``map``, uint8 of the same shape, 0 or 255.
    Any n from 1; any size below 2^24 pixels, a frame of one pixel included: up to there float32 counts exactly.
    """
    import onnx

    text = _GRAPH.replace("NUMBER_PARTS", _number_components("parts", "opened", _SQUARE))
    text = text.replace("NUMBER_GROUND", _number_components("ground", "ground", _CROSS))
    model = onnx.parser.parse_model(text.replace("OPSET", str(OPSET)))
    onnx.checker.check_model(model, full_check=True)
    return model


def _number_components(name: str, region: str, near: str) -> str:
    return _NUMBER_COMPONENTS.replace("NEAR", near).replace("NAME", name).replace("REGION", region)
