from typing import Any

def rasterize_grid(
    xyz: Any, attr: Any, out: Any, depth: Any, rows: int, cols: int, k: int, h: int, w: int, /
) -> None: ...
def shade_fabric(
    values: Any,
    depth: Any,
    texels: Any,
    out: Any,
    h: int,
    w: int,
    fine: int,
    fabric_h: int,
    fabric_w: int,
    ambient: float,
    strength: float,
    low: float,
    high: float,
    red: float,
    green: float,
    blue: float,
    /,
) -> None: ...
def add_change(layer: Any, before: Any, after: Any, decode: Any, /) -> None: ...
def blend_layers(
    image: Any,
    shadow: Any,
    strap: Any,
    body: Any,
    layer: Any,
    grain: Any,
    decode: Any,
    encode: Any,
    strap_rgb: tuple[float, float, float],
    shadow_rgb: tuple[float, float, float],
    noise: float,
    /,
) -> None: ...
