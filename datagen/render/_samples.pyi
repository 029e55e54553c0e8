from typing import Any

Triple = tuple[float, float, float]

def fit_light(
    image: Any,
    at: Any,
    normals: Any,
    camera: Any,
    decode: Any,
    out: Any,
    h: int,
    w: int,
    spot: int,
    luma: Triple,
    usual: Triple,
    ridge: float,
    /,
) -> int: ...
def noise_response(image: Any, at: Any, facing: Any, h: int, w: int, /) -> float: ...
def edge_ratio(sharp: Any, soft: Any, h: int, w: int, /) -> float: ...
