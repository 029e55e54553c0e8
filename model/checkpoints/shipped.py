"""The weights that come with the package: which there are, and where."""

from importlib.resources import files
from pathlib import Path

from unmask.datagen.common.errors import UserError

PERCEPTUAL, FIDELITY = "perceptual", "fidelity"
PRESETS = (PERCEPTUAL, FIDELITY)
MAP_NAME = "map"
SHIPPED = "shipped"  # how a person names the Map Module that comes with the package


def weights_folder() -> Path:
    """Return the folder of the shipped weights."""
    return Path(str(files("unmask.assets") / "weights"))


def shipped_weights(name: str) -> Path:
    """Return a shipped module's ``.safetensors``.

    Parameters
    ----------
    name : str
        ``map``, ``perceptual`` or ``fidelity``.

    Raises
    ------
    UserError
        When it is not there: a broken installation.
    """
    path = weights_folder() / (f"{name}.safetensors" if name == MAP_NAME else f"edit-{name}.safetensors")
    if not path.is_file():
        raise UserError(f"shipped weights {path.name} are missing from {path.parent}: install unmask again")
    return path


def find_weights(chosen: str | Path) -> Path:
    """Return what ``shipped``, ``perceptual`` or ``fidelity`` names; anything else is a path.

    A ``Path`` that exists is that path: it no longer tells ``./fidelity`` from ``fidelity``, as a text does.
    """
    if isinstance(chosen, Path) and chosen.exists():
        return chosen
    name = str(chosen)
    if name == SHIPPED:
        return shipped_weights(MAP_NAME)
    return shipped_weights(name) if name in PRESETS else Path(chosen)
