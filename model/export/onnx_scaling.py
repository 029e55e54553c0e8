"""OpenCV's scaling of pictures in tensor operations, as functions in ONNX's own text.

It is a product with two matrices, for rows and for columns, that are made from the sizes: for OpenCV's area, how
much of each old pixel a new one covers; for its cubic and linear interpolation, what each of four neighbours
counts. Sizes stay whole numbers until the last division, so that large pictures lose nothing.
"""

# How much each of four neighbours counts, a column for each, at t between the middle two: powers 3, 2, 1, 0 of t.
_CUBIC = (
    "-0.75, 1.25, -1.25, 0.75,  1.5, -2.25, 1.5, -0.75,  -0.75, 0, 0.75, 0,  0, 1, 0, 0"  # OpenCV's a = -0.75
)
LINEAR = "0, 0, 0, 0,  0, 0, 0, 0,  0, -1, 1, 0,  0, 1, 0, 0"

# All sizes are int64 (2,): height, width. OPSET is filled in with the rest of a model.
SCALING = """
<domain: "unmask", opset_import: ["": OPSET, "unmask": 1]>
overlaps (before, after) => (weights)
{
  zero = Constant <value = int64 {0}> ()
  one = Constant <value = int64 {1}> ()
  columns = Constant <value = int64[1] {1}> ()
  new = Range (zero, after, one)
  old = Range (zero, before, one)
  new_rows = Unsqueeze (new, columns)
  new_start = Mul (new_rows, before)
  new_end = Add (new_start, before)
  old_start = Mul (old, after)
  old_end = Add (old_start, after)
  start = Max (new_start, old_start)
  end = Min (new_end, old_end)
  length = Sub (end, start)
  common = Max (length, zero)
  common_float = Cast <to = 1> (common)
  whole = Cast <to = 1> (before)
  weights = Div (common_float, whole)
}

<domain: "unmask", opset_import: ["": OPSET, "unmask": 1]>
neighbours (before, after, polynomials) => (weights)
{
  zero = Constant <value = int64 {0}> ()
  one = Constant <value = int64 {1}> ()
  two = Constant <value = int64 {2}> ()
  columns = Constant <value = int64[1] {1}> ()
  depth = Constant <value = int64[1] {2}> ()
  exponents = Constant <value = float[4] {3, 2, 1, 0}> ()
  offsets = Constant <value = int64[4] {-2, -1, 0, 1}> ()

  new = Range (zero, after, one)
  twice_new = Mul (new, two)
  odd = Add (twice_new, one)
  middle = Mul (odd, before)
  place = Add (middle, after)
  step = Mul (after, two)
  third = Div (place, step)
  reached = Mul (third, step)
  rest = Sub (place, reached)
  rest_float = Cast <to = 1> (rest)
  step_float = Cast <to = 1> (step)
  share = Div (rest_float, step_float)
  share_rows = Unsqueeze (share, columns)
  powers = Pow (share_rows, exponents)
  counts = MatMul (powers, polynomials)

  third_rows = Unsqueeze (third, columns)
  anywhere = Add (third_rows, offsets)
  last = Sub (before, one)
  not_before = Max (anywhere, zero)
  inside = Min (not_before, last)
  inside_planes = Unsqueeze (inside, depth)
  old = Range (zero, before, one)
  is_there = Equal (inside_planes, old)
  there = Cast <to = 1> (is_there)
  counts_planes = Unsqueeze (counts, columns)
  weights_planes = MatMul (counts_planes, there)
  weights = Squeeze (weights_planes, columns)
}

<domain: "unmask", opset_import: ["": OPSET, "unmask": 1]>
scaled (planes, from, to, by_area, polynomials) => (result)
{
  first = Constant <value = int64 {0}> ()
  second = Constant <value = int64 {1}> ()
  from_height = Gather (from, first)
  from_width = Gather (from, second)
  to_height = Gather (to, first)
  to_width = Gather (to, second)
  row_overlaps = unmask.overlaps (from_height, to_height)
  row_neighbours = unmask.neighbours (from_height, to_height, polynomials)
  rows = Where (by_area, row_overlaps, row_neighbours)
  column_overlaps = unmask.overlaps (from_width, to_width)
  column_neighbours = unmask.neighbours (from_width, to_width, polynomials)
  columns = Where (by_area, column_overlaps, column_neighbours)
  columns_down = Transpose (columns)
  shortened = MatMul (rows, planes)
  result = MatMul (shortened, columns_down)
}

<domain: "unmask", opset_import: ["": OPSET, "unmask": 1]>
scaled_levels (planes, from, to, by_area) => (levels)
{
  cubic = Constant <value = float[4, 4] {CUBIC}> ()
  two = Constant <value = int64 {2}> ()
  none = Constant <value = float {0}> ()
  some = Constant <value = float {0.125}> ()
  full = Constant <value = float {255}> ()
  exact = unmask.scaled (planes, from, to, by_area, cubic)
  twice = Mul (to, two)
  differences = Sub (from, twice)
  difference = ReduceL1 <keepdims = 0> (differences)
  is_other = Cast <to = 9> (difference)
  nudge = Where (is_other, none, some)
  nudged = Add (exact, nudge)
  whole = Round (nudged)
  levels = Clip (whole, none, full)
}
""".replace("CUBIC", _CUBIC)
