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
from unmask.model.common.checked_files import ADVICE, read_json, read_tensors, sync_folder, write_synced
from unmask.model.networks.networks import build_network, origin_note

from .card import (
    FILE_NAMES,
    STATE_NAME,
    STATE_TENSORS_NAME,
    described_network,
    load_card,
    model_files,
    new_folder,
    not_its_weights,
    old_folder,
    other_encoder,
    resolve_model,
)
from .names import CARD_NAME, WEIGHTS_NAME
from .packing import pack, unpack

_NO_SPACE = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


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


def load_weights(path: Path) -> dict[str, Tensor]:
    """Return the averaged weights, on the CPU; parameters and errors as for `load_card`."""
    return read_tensors(model_files(path)[0], load_card(path)["sha256"])


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
    weights_path, card_path = model_files(found)
    spec = described_network(card, card_path)
    weights = load_weights(found)
    # before a network is built whose width would fill the memory
    if spec.width and not any(value.ndim and len(value) == spec.width for value in weights.values()):
        raise not_its_weights(weights_path, spec)
    with torch.random.fork_rng(devices=[]):  # the weights that building draws are thrown away
        network = build_network(spec)
    note = origin_note(network)
    if note and note["encoder"] != card.get("encoder"):
        raise other_encoder(card_path, note["encoder"]["package"])
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise not_its_weights(weights_path, spec) from error
    return network.to(device).eval(), card
