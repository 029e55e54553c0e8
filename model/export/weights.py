"""Weights to hand on: a trained module in half precision, one file with its card beside it."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from unmask.datagen.common.atomic import write_atomic
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.model.checkpoints.card import find_model, load_card
from unmask.model.checkpoints.checkpoint import load_weights
from unmask.model.checkpoints.shipped import find_weights


def export_weights(run: str | Path, out: Path, average: Sequence[str | Path] = ()) -> int:
    """Write ``OUT.safetensors`` and ``OUT.json``: what `unmask.model.checkpoints.checkpoint.load_model` takes.

    Parameters
    ----------
    run : str or Path
        Run (its best, else last), checkpoint or name of shipped weights, of either module.
    out : Path
        The file, ``.safetensors``.
    average : sequence of str or Path
        More runs, checkpoints, weights or names of shipped ones, of the same network: the mean of all weights is
        written, which holds better on pictures unlike those of training where one training went on from the other
        (Wortsman et al., Model soups, 2022). The card lists them and has no scores. A Map Module that knows straps
        may be averaged with one that does not: its masks gain, its straps have to be trained again. They may have
        been trained at other sizes; pictures are shown at that of ``run``.

    Returns
    -------
    int
        Bytes of the weights.

    Raises
    ------
    UserError
        When there is no such run, a weight is too large for half precision, OUT cannot be written, or, naming
        ``average``, another one is of another network.
    """
    found = find_model(find_weights(run))
    weights, card = load_weights(found), load_card(found)
    if average:
        weights, card = _averaged(weights, card, [find_model(find_weights(other)) for other in average])
    data = safetensors.torch.save({name: _half(name, value) for name, value in weights.items()})
    card |= {"stored": "float16", "sha256": hashlib.sha256(data).hexdigest()}
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(out, data)
        write_atomic(out.with_suffix(".json"), (json.dumps(card, indent=2) + "\n").encode("ascii"))
    except OSError as error:
        raise ArgumentError("out", f"{out}: cannot write: {error.strerror or error}") from error
    return len(data)


def _averaged(
    weights: dict[str, torch.Tensor], card: dict[str, Any], others: Sequence[Path]
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The mean of several modules' weights, and a card that says which they are."""
    all_weights, cards = [weights], [card]
    for other in others:
        all_weights.append(load_weights(other))
        cards.append(load_card(other))
        for key in ("network", "encoder"):
            if _but_straps(cards[-1].get(key)) != _but_straps(card.get(key)):
                raise ArgumentError("average", f"{other}: its {key} is another one")
    mean = {
        name: _mean([each[name] for each in all_weights]) if value.is_floating_point() else value
        for name, value in weights.items()
    }
    told = ("sha256", "size", "images", "seconds", "dataset")
    parts = [{key: one.get(key) for key in told} for one in cards]
    return mean, {key: value for key, value in card.items() if key != "metrics"} | {"average_of": parts}


def _but_straps(value: Any) -> Any:
    """A network's description without its second output: what both have can be averaged."""
    return {key: one for key, one in value.items() if key != "straps"} if isinstance(value, dict) else value


def _mean(values: Sequence[torch.Tensor]) -> torch.Tensor:
    """The mean; a row that only the first ones have, of an output that others lack, is the mean of theirs."""
    rows = max(len(value) for value in values) if values[0].ndim else 0
    if all(value.shape == values[0].shape for value in values):
        return torch.stack([value.double() for value in values]).mean(0).to(torch.float32)
    have = [[value[row] for value in values if len(value) > row] for row in range(rows)]
    return torch.stack([_mean(each) for each in have])[: len(values[0])]


def _half(name: str, value: torch.Tensor) -> torch.Tensor:
    if not value.is_floating_point():
        return value
    half = value.half()
    if not bool(half.isfinite().all()):
        raise UserError(f"{name}: a weight is too large for half precision")
    return half.contiguous()
