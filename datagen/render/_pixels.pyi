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
def draw_cloth(
    xyz: Any,
    attr: Any,
    texels: Any,
    out: Any,
    rows: int,
    cols: int,
    window: tuple[int, int, int, int, int, int, int],
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
