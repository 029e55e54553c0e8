"""Weights to hand on: a trained module in half precision, one file with its card beside it."""

import hashlib
import json
from pathlib import Path

import safetensors.torch
import torch

from unmask.datagen.common.atomic import write_atomic
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.model.checkpoints.checkpoint import find_model, load_card, load_weights


def export_weights(run: Path, out: Path) -> int:
    """Write ``OUT.safetensors`` and ``OUT.json``: what `unmask.model.checkpoints.checkpoint.load_model` takes.

    Parameters
    ----------
    run : Path
        Run (its best, else last) or checkpoint of either module.
    out : Path
        The file, ``.safetensors``.

    Returns
    -------
    int
        Bytes of the weights.

    Raises
    ------
    UserError
        When there is no such run, a weight is too large for half precision, or OUT cannot be written.
    """
    found = find_model(run)
    weights = {name: _half(name, value) for name, value in load_weights(found).items()}
    data = safetensors.torch.save(weights)
    card = {**load_card(found), "stored": "float16", "sha256": hashlib.sha256(data).hexdigest()}
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(out, data)
        write_atomic(out.with_suffix(".json"), (json.dumps(card, indent=2) + "\n").encode("ascii"))
    except OSError as error:
        raise ArgumentError("out", f"{out}: cannot write: {error.strerror or error}") from error
    return len(data)


def _half(name: str, value: torch.Tensor) -> torch.Tensor:
    if not value.is_floating_point():
        return value
    half = value.half()
    if not bool(half.isfinite().all()):
        raise UserError(f"{name}: a weight is too large for half precision")
    return half.contiguous()
