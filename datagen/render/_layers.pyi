from typing import Any

Triple = tuple[float, float, float]
Window = tuple[int, int, int, int, int]  # the picture's width; top, left, height and width in it

def soften(layer: Any, blurred_coverage: Any, /) -> None: ...
def hide(layer: Any, strap: Any, matte: Any, /) -> None: ...
def cut_alphas(layer: Any, strap: Any, body: Any, cover: Any, limit: float, /) -> None: ...
def fall_on(shadow: Any, face: Any, strength: float, limit: float, /) -> None: ...
def blend_layers(
    image: Any,
    shadow: Any,
    strap: Any,
    body: Any,
    layer: Any,
    grain: Any,
    decode: Any,
    encode: Any,
    window: Window,
    strap_rgb: Triple,
    shadow_rgb: Triple,
    noise: float,
    /,
) -> None: ...
def mark_layers(layers: Any, body: Any, strap: Any, shadow: Any, window: Window, /) -> None: ...
def add_change(layer: Any, before: Any, after: Any, decode: Any, /) -> None: ...
