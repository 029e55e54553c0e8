from typing import Any

Axes = tuple[float, float, float, float, float]

def front_flags(
    image: Any,
    level: Any,
    dark: Any,
    skin: Any,
    hair: Any,
    limits: Any,
    out: Any,
    h: int,
    w: int,
    axes: Axes,
    /,
) -> None: ...
def count_parts(
    labels: Any, flags: Any, inside: Any, out: Any, h: int, w: int, parts: int, axes: Axes, eye_line: float, /
) -> None: ...
