"""Every compiled function refuses arrays of another size than it is told: it would read or write beyond them."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from unmask.datagen.render.triplet import Triplet, make_triplet
from unmask.datagen.render.triplet_config import TripletConfig

# Where each compiled function is called from, by the name that it has there.
CALLED = {
    "face_model": ["skin_points"],
    "surface": ["directions_of", "surface_axes", "place_grid"],
    "pose": ["project"],
    "light": ["fit_light"],
    "camera": ["noise_response", "edge_ratio"],
    "folds": ["draw_height"],
    "fabric": ["find_slopes", "weave"],
    "render": ["light_vertices", "draw_cloth", "cut_alphas"],
    "straps": ["trace_straps"],
    "front": ["front_flags"],
    "shadow": ["fall_on"],
    "sensor": ["soften"],
    "pixels": ["blend_layers", "add_change"],
    "triplet": ["mark_layers"],
}
NAMES = [f"{module}.{name}" for module, names in CALLED.items() for name in names]
# Arrays of which a window is used: what lies behind it may be missing.
WINDOWED = {"fabric.weave": (4, 12), "pixels.blend_layers": (0,), "triplet.mark_layers": (0,)}
DrawFace = Callable[..., tuple[np.ndarray, Any]]


@pytest.fixture(scope="module")
def calls(draw_face: DrawFace, triplet_config: TripletConfig) -> dict[str, tuple[Any, ...]]:
    """Arguments of one call of each function while masks are drawn."""
    seen: dict[str, tuple[Any, ...]] = {}
    with pytest.MonkeyPatch.context() as patch:
        for name in NAMES:
            patch.setattr(f"unmask.datagen.render.{name}", keep(name, seen))
        for variant in range(12):
            image, landmarks = draw_face(variant % 3)
            made = make_triplet(image, [landmarks], triplet_config, key="a", variant=variant, jpeg_quality=80)
            assert isinstance(made, Triplet)
    return seen


def keep(name: str, seen: dict[str, tuple[Any, ...]]) -> Callable[..., Any]:
    module, function = name.split(".")
    real = getattr(importlib.import_module(f"unmask.datagen.render.{module}"), function)

    def called(*given: Any) -> Any:
        copies = [array.copy() if isinstance(array, np.ndarray) else array for array in given]
        seen[name] = tuple(copies)
        return real(*given)

    called.real = real  # type: ignore[attr-defined]
    return called


@pytest.mark.parametrize("name", NAMES)
def test_an_array_of_another_size_is_refused(name: str, calls: dict[str, tuple[Any, ...]]):
    module, function = name.split(".")
    real = getattr(importlib.import_module(f"unmask.datagen.render.{module}"), function)
    given = calls[name]
    real(*[array.copy() if isinstance(array, np.ndarray) else array for array in given])
    spoilt = 0
    for at, array in enumerate(given):
        if not isinstance(array, np.ndarray) or array.size < 2:
            continue
        flat = array.ravel()
        for cut in (flat[:1].copy(), *(() if at in WINDOWED.get(name, ()) else (flat[:-1].copy(),))):
            arguments = [each.copy() if isinstance(each, np.ndarray) else each for each in given]
            arguments[at] = cut
            with pytest.raises(ValueError, match="size"):
                real(*arguments)
            spoilt += 1
    assert spoilt >= 2
