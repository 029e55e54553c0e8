from typing import Any

def skin_points(
    azimuth: Any,
    elevation: Any,
    lift: Any,
    radius: Any,
    out: Any,
    rows: int,
    cols: int,
    first_azimuth: float,
    first_elevation: float,
    step: float,
    centre: tuple[float, float, float],
    /,
) -> None: ...
def mask_directions(
    edges: Any,
    u: Any,
    v: Any,
    azimuth: Any,
    elevation: Any,
    shift: float,
    tilt: float,
    lowest: float,
    highest: float,
    /,
) -> None: ...
def surface_axes(points: Any, along: Any, down: Any, normal: Any, rows: int, cols: int, /) -> None: ...
def project(points: Any, camera: Any, knots: Any, pull: Any, out: Any, reach: float, /) -> None: ...
def place_grid(
    points: Any,
    along: Any,
    down: Any,
    normal: Any,
    camera: Any,
    knots: Any,
    pull: Any,
    xyz: Any,
    placed_along: Any,
    placed_down: Any,
    placed_normal: Any,
    rows: int,
    cols: int,
    reach: float,
    /,
) -> float: ...
def light_vertices(
    places: Any,
    normal: Any,
    along: Any,
    down: Any,
    xyz: Any,
    values: Any,
    rows: int,
    cols: int,
    light: tuple[float, float, float],
    left: float,
    top: float,
    fine: int,
    texel_rows: int,
    texel_cols: int,
    /,
) -> None: ...
