from typing import Any

Triple = tuple[float, float, float]

def trace_straps(
    image: Any,
    ends: Any,
    radius: Any,
    normals: Any,
    camera: Any,
    knots: Any,
    pull: Any,
    points: Any,
    told: Any,
    h: int,
    w: int,
    rows: int,
    cols: int,
    first_azimuth: float,
    first_elevation: float,
    step: float,
    centre: Triple,
    way: tuple[float, float, float, float],
    skin_rgb: Triple,
    spread: float,
    /,
) -> None: ...
