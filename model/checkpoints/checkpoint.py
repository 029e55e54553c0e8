"""Checkpoints: a folder with weights, a card that says what they are, and what a resume needs; no pickle.

    model.safetensors   the averaged weights, which inference uses
    model.json          the card: network, training, sha256 of the weights
    state.safetensors   every tensor of the training state: raw weights, optimisers' means
    state.json          the rest of it

A folder is written beside the old one and renamed, so that one that is there is whole and its files belong
together; the old one is removed with all that is in it. Between the two renames the name is free for a moment;
`find_checkpoint` knows. The hash of the weights cannot lie in their own file, where safetensors keeps no checksum.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.json_text import NUMBER, Maybe, Needs, Whole, misfit
from unmask.model.common.checked_files import ADVICE, read_json, read_tensors, sync_folder, write_synced
from unmask.model.common.limits import LARGEST_PX, LARGEST_WIDTH, MULTIPLE_PX, SMALLEST_PX
from unmask.model.networks.networks import MODULE_NAMES, NetworkSpec, build_network, origin_note

from .names import CARD_NAME, WEIGHTS_NAME
from .packing import pack, unpack

STATE_TENSORS_NAME, STATE_NAME = "state.safetensors", "state.json"
FILE_NAMES = (WEIGHTS_NAME, CARD_NAME, STATE_TENSORS_NAME, STATE_NAME)
BEST, LAST = "best", "last"
# What inference takes from a card; the rest is for people.
_CARD = Needs(
    {
        "sha256": str,
        "network": Needs({"kind": str, "name": str, "width": Whole(0, LARGEST_WIDTH)}, {"straps": bool}),
    },
    {"size": Whole(SMALLEST_PX, LARGEST_PX), "preset": str, "images": Maybe(NUMBER), "mirror_mean": bool},
)
_NO_SPACE = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def new_folder(folder: Path) -> Path:
    """Return where the next checkpoint is written before it gets the name ``folder``."""
    return folder.with_name(f".{folder.name}.new")


def old_folder(folder: Path) -> Path:
    """Return where the checkpoint ``folder`` waits until the next one has its name."""
    return folder.with_name(f".{folder.name}.old")


def save_checkpoint(
    folder: Path, model: Mapping[str, Tensor], card: Mapping[str, Any], state: Mapping[str, Any] | None
) -> None:
    """Write a checkpoint; at any moment the old one or the new one is whole.

    Parameters
    ----------
    folder : Path
        Such as ``RUN/last``; RUN exists. One process writes at a time.
    model : mapping of str to Tensor
        Weights for inference, any device and layout.
    card : mapping
        JSON-able; ``network`` holds `NetworkSpec.to_dict`. ``sha256`` is added.
    state : mapping or None
        What `unmask.model.checkpoints.packing.pack` takes: everything a resume needs. None writes the model alone.

    Raises
    ------
    UserError
        When the file system refuses, a full disk before all; the earlier checkpoint stays.
    """
    new = new_folder(folder)
    try:
        _settle(folder)
        new.mkdir()
        _write_files(new, model, card, state)
        sync_folder(new)
        _put_in_place(new, folder)
    except BaseException as error:
        if not old_folder(folder).exists() or folder.exists():  # else it is the only new one there is
            shutil.rmtree(new, ignore_errors=True)
        if isinstance(error, OSError):
            raise UserError(_words(folder, error)) from error
        raise


def _write_files(
    new: Path, model: Mapping[str, Tensor], card: Mapping[str, Any], state: Mapping[str, Any] | None
) -> None:
    _, weights = pack(model)
    data = safetensors.torch.save(weights)
    card_text = json.dumps({**card, "sha256": hashlib.sha256(data).hexdigest()}, indent=2) + "\n"
    write_synced(new / WEIGHTS_NAME, data)
    write_synced(new / CARD_NAME, card_text.encode("ascii"))
    if state is not None:
        tree, tensors = pack(state)
        data = safetensors.torch.save(tensors)
        content = {
            "sha256": hashlib.sha256(data).hexdigest(),
            "tree_sha256": _tree_sha256(tree),
            "tree": tree,
        }
        write_synced(new / STATE_TENSORS_NAME, data)
        write_synced(new / STATE_NAME, json.dumps(content, allow_nan=False).encode("ascii"))


def _tree_sha256(tree: Any) -> str:
    return hashlib.sha256(json.dumps(tree, allow_nan=False).encode("ascii")).hexdigest()


def _put_in_place(new: Path, folder: Path) -> None:
    old = old_folder(folder)
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    sync_folder(folder.parent)
    with suppress(OSError):
        _remove_old(folder)


def _remove_old(folder: Path) -> None:
    """Remove the checkpoint that ``folder`` has replaced; files of other people that lay in it move on."""
    old = old_folder(folder)
    for path in old.iterdir() if old.exists() else ():
        if path.name not in FILE_NAMES and not os.path.lexists(folder / path.name):
            path.rename(folder / path.name)
    shutil.rmtree(old, ignore_errors=True)


def _settle(folder: Path) -> None:
    """Finish what a killed `save_checkpoint` left."""
    new, old = new_folder(folder), old_folder(folder)
    if old.exists() and not folder.exists():
        (new if new.exists() else old).rename(folder)  # the old one only moves when the new one is whole
    with suppress(FileNotFoundError):
        shutil.rmtree(new)
    _remove_old(folder)


def _words(folder: Path, error: OSError) -> str:
    what = error.strerror or str(error)
    if error.errno not in _NO_SPACE:
        return f"`run` {folder.parent}: cannot write a checkpoint ({what})"
    with suppress(OSError):
        what += f", {shutil.disk_usage(folder.parent).free / 1e6:.0f} MB free"
    return f"`run` {folder.parent}: no space for a checkpoint ({what})"


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
    card_path = _model_files(path)[1]
    card = read_json(card_path)
    wrong = misfit(card, _CARD, "card")
    if not wrong and card.get("size", MULTIPLE_PX) % MULTIPLE_PX:
        wrong = "card.size"
    if wrong:
        raise UserError(f"{card_path}: not written by this toolkit ({wrong} is missing or cannot be)")
    return card


def load_weights(path: Path) -> dict[str, Tensor]:
    """Return the averaged weights, on the CPU; parameters and errors as for `load_card`."""
    return read_tensors(_model_files(path)[0], load_card(path)["sha256"])


def load_state(folder: Path) -> dict[str, Any]:
    """Return the training state exactly as `save_checkpoint` was given it, tensors on the CPU.

    Raises
    ------
    UserError
        When a file is missing or damaged.
    """
    path = folder / STATE_NAME
    content = read_json(path)
    tree = content.get("tree")
    if not isinstance(tree, dict) or _tree_sha256(tree) != content.get("tree_sha256"):
        raise UserError(f"{path}: damaged (its checksum is wrong); {ADVICE}")
    tensors = read_tensors(folder / STATE_TENSORS_NAME, str(content.get("sha256")))
    try:
        state: dict[str, Any] = unpack(tree, tensors)
    except KeyError as error:
        raise UserError(f"{folder / STATE_TENSORS_NAME}: lacks {error}; {ADVICE}") from error
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: not written by this toolkit; {ADVICE}") from error
    return state


def _model_files(path: Path) -> tuple[Path, Path]:
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


def load_model(path: Path, kind: str, device: str | torch.device = "cpu") -> tuple[nn.Module, dict[str, Any]]:
    """Build the network that a checkpoint describes and give it its weights.

    Parameters
    ----------
    path : Path
        As for `resolve_model`.
    kind : str
        ``map`` or ``edit``.
    device : str or torch.device
        Where the network is put.

    Returns
    -------
    network : nn.Module
        In evaluation mode.
    card : dict
        What ``model.json`` says.

    Raises
    ------
    UserError
        When there is no such model, it is damaged, or does not fit the network it names.
    """
    found = resolve_model(path, kind)
    card = load_card(found)
    weights_path, card_path = _model_files(found)
    try:
        spec = NetworkSpec.from_dict(card["network"])
    except ValueError as error:
        raise UserError(f"{card_path}: {error}") from error
    weights = load_weights(found)
    no_fit = f"{weights_path}: not the weights of network {spec.kind}/{spec.name}, width {spec.width}"
    # before a network is built whose width would fill the memory
    if spec.width and not any(value.ndim and len(value) == spec.width for value in weights.values()):
        raise UserError(no_fit)
    with torch.random.fork_rng(devices=[]):  # the weights that building draws are thrown away
        network = build_network(spec)
    note = origin_note(network)
    if note and note["encoder"] != card.get("encoder"):
        raise UserError(
            f"{card_path}: trained on another version of {note['encoder']['package']}: install that"
        )
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(no_fit) from error
    return network.to(device).eval(), card
