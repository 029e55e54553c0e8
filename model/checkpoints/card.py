"""Which checkpoints there are and what their cards say. Imports no torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.json_text import NUMBER, Maybe, Needs, Whole, misfit
from unmask.model.common.checked_files import read_json
from unmask.model.common.limits import LARGEST_PX, LARGEST_WIDTH, MOST_DEEPER, MULTIPLE_PX, SMALLEST_PX
from unmask.model.networks.spec import MODULE_NAMES, NetworkSpec

from .names import CARD_NAME, WEIGHTS_NAME

STATE_TENSORS_NAME, STATE_NAME = "state.safetensors", "state.json"
FILE_NAMES = (WEIGHTS_NAME, CARD_NAME, STATE_TENSORS_NAME, STATE_NAME)
BEST, LAST = "best", "last"
# What inference takes from a card; the rest is for people.
_CARD = Needs(
    {
        "sha256": str,
        "network": Needs(
            {"kind": str, "name": str, "width": Whole(0, LARGEST_WIDTH)},
            {"straps": bool, "deeper": Whole(0, MOST_DEEPER)},
        ),
    },
    {"size": Whole(SMALLEST_PX, LARGEST_PX), "preset": str, "images": Maybe(NUMBER), "mirror_mean": bool},
)


def new_folder(folder: Path) -> Path:
    """Return where the next checkpoint is written before it gets the name ``folder``."""
    return folder.with_name(f".{folder.name}.new")


def old_folder(folder: Path) -> Path:
    """Return where the checkpoint ``folder`` waits until the next one has its name."""
    return folder.with_name(f".{folder.name}.old")


def find_checkpoint(run: Path, name: str = LAST) -> Path | None:
    """Return the folder of the whole checkpoint of that name, None where there is none.

    Changes nothing, so that a run that is being trained can be looked at. After a kill between the two renames of
    `save_checkpoint` that is the folder that had not yet got its name; the next save puts it right.

    Parameters
    ----------
    run : Path
        The run's folder.
    name : str
        ``last`` or ``best``.
    """
    folder = run / name
    new, old = new_folder(folder), old_folder(folder)
    if _is_begun(folder):
        return folder
    if _is_begun(old) and not folder.exists():  # it only moves when the new one is whole
        return new if _is_begun(new) else old
    return None


def _is_begun(folder: Path) -> bool:
    # One file is enough: a checkpoint that lost some is damaged, which loading says, and not absent.
    return any((folder / name).exists() for name in FILE_NAMES)


def load_card(path: Path) -> dict[str, Any]:
    """Return what ``model.json`` says.

    Parameters
    ----------
    path : Path
        A checkpoint's folder, or a ``.safetensors`` file with a JSON file of the same name beside it.

    Raises
    ------
    UserError
        When the file is missing, damaged, or no card.
    """
    card_path = model_files(path)[1]
    card = read_json(card_path)
    wrong = misfit(card, _CARD, "card")
    if not wrong and card.get("size", MULTIPLE_PX) % MULTIPLE_PX:
        wrong = "card.size"
    if wrong:
        raise UserError(f"{card_path}: not written by this toolkit ({wrong} is missing or cannot be)")
    return card


def model_files(path: Path) -> tuple[Path, Path]:
    """Return the weights and the card of what `load_card` takes."""
    if path.suffix == ".safetensors":
        return path, path.with_suffix(".json")
    return path / WEIGHTS_NAME, path / CARD_NAME


def find_model(path: Path) -> Path:
    """Return the model that a person means by ``path``: what `load_card` and `load_weights` take.

    Parameters
    ----------
    path : Path
        A run's folder (``best``, else ``last``), a checkpoint's folder, or a ``.safetensors`` file with its JSON.

    Raises
    ------
    UserError
        When there is no model.
    """
    if path.is_file() and path.suffix == ".safetensors":
        found: Path | None = path
    elif (path / CARD_NAME).is_file():
        found = path
    else:
        found = find_checkpoint(path, BEST) or find_checkpoint(path, LAST)
    if found is None:
        there = "holds no model" if path.is_dir() else "is no model"
        what = "" if path.exists() else ": no such file or folder"
        expected = "expected a run folder, a checkpoint folder or a .safetensors file with its .json"
        raise UserError(f"{path}{what or f' {there}'}; {expected}")
    return found


def resolve_model(path: Path, kind: str) -> Path:
    """`find_model`, of a module that is expected: ``map`` or ``edit``; UserError where it is the other one."""
    found = find_model(path)
    is_kind = load_card(found)["network"].get("kind")
    if is_kind != kind:
        raise UserError(f"expected {_a(kind)}, {path} is {_a(str(is_kind))}")
    return found


def _a(kind: str) -> str:
    name = MODULE_NAMES.get(kind, f"model of kind {kind}")
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def described_network(card: Mapping[str, Any], card_path: Path) -> NetworkSpec:
    """Return which network a card describes; UserError naming ``card_path`` where it does not say."""
    try:
        return NetworkSpec.from_dict(card["network"])
    except ValueError as error:
        raise UserError(f"{card_path}: {error}") from error


def not_its_weights(weights_path: Path, spec: NetworkSpec) -> UserError:
    """Return the error of weights that do not fit the network that their card describes."""
    return UserError(
        f"{weights_path}: not the weights of network {spec.kind}/{spec.name}, width {spec.width}"
    )


def other_encoder(card_path: Path, package: str) -> UserError:
    """Return the error of a network that was trained on other weights than the installed package has."""
    return UserError(f"{card_path}: trained on another version of {package}: install that")
