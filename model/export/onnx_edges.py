"""`unmask.model.inference.edges` in tensor operations: functions for `unmask.model.export.onnx_frame`."""

from unmask.model.inference.edges import EDGE, REACH_PX

_PLANES = 'domain: "unmask", opset_import: ["": OPSET, "unmask": 1]'
# Each product of two colours, and the cofactors of the symmetric matrix that they make.
_PAIRS = ("rr", "rg", "rb", "gg", "gb", "bb")
_COFACTORS = {
    "a": ("gg", "bb", "gb", "gb"),
    "b": ("gb", "rb", "rg", "bb"),
    "c": ("rg", "gb", "rb", "gg"),
    "d": ("rr", "bb", "rb", "rb"),
    "e": ("rg", "rb", "rr", "gb"),
    "f": ("rr", "gg", "rg", "rg"),
}
_ROWS = {"red": "abc", "green": "bde", "blue": "cef"}  # of the inverse, times the determinant

_TEXT = f"""
<{_PLANES}>
square_means (planes) => (means)
{{
  around = Constant <value = int64[4] {{REACH, REACH, REACH, REACH}}> ()
  sides = Constant <value = int64[2] {{-2, -1}}> ()
  larger = Pad <mode = "reflect"> (planes, around, , sides)
  means = AveragePool <kernel_shape = [SQUARE, SQUARE]> (larger)
}}

<{_PLANES}>
edge_coefficients (body, guide) => (coefficients)
{{
  red, green, blue = Split <axis = 1, num_outputs = 3> (guide)
  first = Concat <axis = 1> (red, red, red, green, green, blue)
  second = Concat <axis = 1> (red, green, blue, green, blue, blue)
  products = Mul (first, second)
  weighted = Mul (guide, body)
  planes = Concat <axis = 1> (guide, body, weighted, products)
  means = unmask.square_means (planes)
  parts = Constant <value = int64[4] {{3, 1, 3, 6}}> ()
  colour, level, colour_and_level, mean_products = Split <axis = 1> (means, parts)

  mean_red, mean_green, mean_blue = Split <axis = 1, num_outputs = 3> (colour)
  mean_first = Concat <axis = 1> (mean_red, mean_red, mean_red, mean_green, mean_green, mean_blue)
  mean_second = Concat <axis = 1> (mean_red, mean_green, mean_blue, mean_green, mean_blue, mean_blue)
  products_of_means = Mul (mean_first, mean_second)
  spread = Sub (mean_products, products_of_means)
  edge = Constant <value = float[1, 6, 1, 1] {{EDGE, 0, 0, EDGE, 0, EDGE}}> ()
  regular = Add (spread, edge)
  matrix = Cast <to = 11> (regular)
  {", ".join(_PAIRS)} = Split <axis = 1, num_outputs = 6> (matrix)
  product_of_means = Mul (colour, level)
  with_map = Sub (colour_and_level, product_of_means)
  right = Cast <to = 11> (with_map)
  x, y, z = Split <axis = 1, num_outputs = 3> (right)
  SOLVE
  solved = Concat <axis = 1> (red_slope, green_slope, blue_slope)
  slope = Cast <to = 1> (solved)
  explained = Mul (slope, colour)
  all_explained = ReduceSum <keepdims = 1> (explained, channel)
  offset = Sub (level, all_explained)
  coefficients_there = Concat <axis = 1> (slope, offset)
  coefficients = unmask.square_means (coefficients_there)
}}

<{_PLANES}>
at_edges (coefficients, guide) => (probabilities)
{{
  parts = Constant <value = int64[2] {{3, 1}}> ()
  channel = Constant <value = int64[1] {{1}}> ()
  slope, offset = Split <axis = 1> (coefficients, parts)
  explained = Mul (slope, guide)
  all_explained = ReduceSum <keepdims = 1> (explained, channel)
  probabilities = Add (all_explained, offset)
}}
"""


def edge_functions() -> str:
    """Return ``edge_coefficients`` (body (n, 1, h, w), guide (n, 3, h, w) in [0, 1]) and ``at_edges``, as text."""
    text = _TEXT.replace("SOLVE", "\n  ".join(_solve()))
    return (
        text.replace("SQUARE", str(2 * REACH_PX + 1))
        .replace("REACH", str(REACH_PX))
        .replace("EDGE", str(EDGE))
    )


def _solve() -> list[str]:
    """Lines that solve the symmetric systems by cofactors."""
    lines = ["channel = Constant <value = int64[1] {1}> ()"]
    for name, (one, two, three, four) in _COFACTORS.items():
        lines += [
            f"{name}_first = Mul ({one}, {two})",
            f"{name}_second = Mul ({three}, {four})",
            f"{name} = Sub ({name}_first, {name}_second)",
        ]
    lines += _dot("determinant", ("rr", "rg", "rb"), "abc")
    for colour, row in _ROWS.items():
        lines += [*_dot(f"{colour}_sum", row, "xyz"), f"{colour}_slope = Div ({colour}_sum, determinant)"]
    return lines


def _dot(name: str, ones: tuple[str, ...] | str, others: str) -> list[str]:
    products = [
        f"{name}_{k} = Mul ({one}, {other})" for k, (one, other) in enumerate(zip(ones, others, strict=True))
    ]
    return [*products, f"{name} = Sum ({name}_0, {name}_1, {name}_2)"]
