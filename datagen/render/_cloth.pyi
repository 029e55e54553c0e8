from typing import Any

def fold_height(x: Any, y: Any, creases: Any, humps: Any, out: Any, /) -> None: ...
def slopes(
    height: Any,
    around: Any,
    out: Any,
    rows: int,
    cols: int,
    step_u: float,
    step_v: float,
    strength: float,
    low: float,
    high: float,
    /,
) -> None: ...
def weave(
    reflectance: Any,
    opacity: Any,
    relief: Any,
    folds: Any,
    wrinkles: Any,
    texels: Any,
    dyes: Any,
    share: Any,
    third: Any,
    gain: Any,
    trim: Any,
    trim_rgb: Any,
    grain: Any,
    rows: int,
    cols: int,
    pleat: float,
    fold_shape: tuple[int, int],
    wrinkle_window: tuple[int, int, int, int, int, float],
    grain_window: tuple[int, int, int, float],
    /,
) -> None: ...
