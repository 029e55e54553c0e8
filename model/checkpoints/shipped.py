"""The weights that come with the package, which there are and where; and what else a person may name a model by."""

from importlib.resources import files
from pathlib import Path

from unmask.datagen.common.errors import UserError

from .hub import fetch_model, hub_place, whole_name

PERCEPTUAL, FIDELITY = "perceptual", "fidelity"
PRESETS = (PERCEPTUAL, FIDELITY)
SHIPPED = "shipped"  # how a person names the Map Module that is used unasked
PRETRAINED, COMPACT = (
    "pretrained",
    "compact",
)  # the same by its preset's name, and a smaller one trained from scratch
FINDER = "finder"  # what finds faces in photographs
_FILES = {
    SHIPPED: "map.safetensors",
    PRETRAINED: "map.safetensors",
    COMPACT: "map-compact.safetensors",
    PERCEPTUAL: "edit-perceptual.safetensors",
    FIDELITY: "edit-fidelity.safetensors",
    FINDER: "finder.safetensors",
}
FRAME_FILE = "frame.safetensors"  # the Frame Module, which settles what the finder finds


def weights_folder() -> Path:
    """Return the folder of the shipped weights."""
    return Path(str(files("unmask.assets") / "weights"))


def shipped_weights(name: str) -> Path:
    """Return a shipped module's ``.safetensors``.

    Parameters
    ----------
    name : str
        ``shipped``, ``pretrained``, ``compact``, ``perceptual``, ``fidelity`` or ``finder``.

    Raises
    ------
    UserError
        When it is not there: a broken installation.
    """
    return _there(_FILES[name])


def _there(file: str) -> Path:
    path = weights_folder() / file
    if not path.is_file():
        raise UserError(f"shipped weights {path.name} are missing from {path.parent}: install unmask again")
    return path


def frame_weights() -> Path:
    """Return the Frame Module's ``.safetensors``, which has no card; UserError as `shipped_weights`."""
    return _there(FRAME_FILE)


def find_weights(chosen: str | Path) -> Path:
    """Return what one of the names of `shipped_weights` stands for; else a path.

    A ``Path`` that exists is that path: it no longer tells ``./fidelity`` from ``fidelity``, as a text does.
    ``hf://USER/NAME`` is fetched from the Hugging Face Hub first; its folder is returned.

    Raises
    ------
    UserError
        When shipped weights are missing, or the Hub has no such model.
    """
    name = weights_name(chosen)
    if name is None:
        return Path(chosen)
    place = hub_place(name)
    return shipped_weights(name) if place is None else fetch_model(place)


def weights_name(chosen: str | Path) -> str | None:
    """Return the name that `find_weights` takes it for, None where it is a path.

    Raises
    ------
    UserError
        When it begins as a name on the Hub and is none.
    """
    if isinstance(chosen, Path) and chosen.exists():
        return None
    name = str(chosen)
    if name in _FILES:
        return name
    return None if hub_place(name) is None else whole_name(name)
