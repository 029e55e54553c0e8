"""Train the classifier of attributes: ridge regression on features of clean faces, judged on other people."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unmask.datagen.common.atomic import writing_to
from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError, UserError
from unmask.datagen.dataset.splits import choose_split, stable_order
from unmask.datagen.pictures.arrays import F32, Bools
from unmask.datagen.pictures.picture import decode_picture, fit_picture
from unmask.datagen.sources.open_source import open_source
from unmask.datagen.sources.source import Source, SourceFace
from unmask.model.common.environment import package_versions
from unmask.model.common.pace_log import PaceLog

from .attributes import KNOWN_FROM, SIDE_PX, save_probe
from .features import FeatureNetwork

_LOG = logging.getLogger(__name__)


# Of 0.3, 1 and 3 best on CelebA's val split, and flat there: mean balanced accuracy .855, .855, .850 with the
# features of EfficientNet-lite0, which were read then; .853 with lite2's.
RIDGE = 1.0
_SPREAD_FLOOR = 1e-3  # of a feature that hardly changes; values are 0 to 10
_THRESHOLD_SHARE = 7  # one person of so many is kept to choose thresholds
_BATCH = 64
_TERMS = (
    "trained on CelebA, whose pictures and labels are for non-commercial research only: so is this classifier; "
    "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
)


@dataclass(frozen=True, eq=False)
class _Described:
    """Features (n, d) and labels (n, attributes) of a number of faces."""

    grid: F32
    labels: Bools
    left_out: int


def train_attributes(source: str, out: Path, limit: int | None = None, device: str = "cpu") -> dict[str, Any]:
    """Train a classifier on a source's train split, judge it on its val split and write both files.

    Parameters
    ----------
    source : str
        CelebA folder with attributes, or ``demo``.
    out : Path
        Folder to write to.
    limit : int, optional
        Train on that many faces, drawn by their names.
    device : str

    Returns
    -------
    dict
        The card, as ``attributes.json`` holds it but for its sha256.

    Raises
    ------
    UserError
        When the source has no attributes or nothing to train on, or OUT cannot be written to.
    """
    opened = open_source(source)
    where = f"`source` {source}"
    named = [face for face in opened.faces if face.attributes]
    if not named:
        raise ArgumentError(
            "source", f"{source}: no attributes of its pictures (list_attr_celeba.txt or .csv)"
        )
    split = choose_split(named, where)
    chosen = [split.train[index] for index in stable_order([face.name for face in split.train])[:limit]]
    with writing_to(out):
        out.mkdir(parents=True, exist_ok=True)
    kept = _threshold_part(chosen)
    pace = PaceLog(_LOG, "features", "faces", len(chosen) + len(split.val))
    network = FeatureNetwork(device)
    fitted = _describe(network, [face for face, one in zip(chosen, kept, strict=True) if not one], pace)
    judging = _describe(network, [face for face, one in zip(chosen, kept, strict=True) if one], pace)
    judged = _describe(network, split.val, pace)

    parts = (fitted, judging, judged)
    learnt = np.flatnonzero(np.all([part.labels.any(0) & ~part.labels.all(0) for part in parts], axis=0))
    if not len(learnt):
        raise UserError(
            f"{where}: too few faces: no attribute that some of each part have and others have not"
        )
    names = [opened.attribute_names[index] for index in learnt]
    weights = _fit(fitted.grid, fitted.labels[:, learnt]).astype(np.float16)
    scores = judging.grid @ weights.astype(np.float32)
    thresholds = np.array(
        [_best_threshold(scores[:, k], judging.labels[:, index]) for k, index in enumerate(learnt)],
        np.float32,
    )
    answers = judged.grid @ weights.astype(np.float32) > thresholds
    accuracy = {
        name: _accuracy(answers[:, k], judged.labels[:, index])
        for k, (name, index) in enumerate(zip(names, learnt, strict=True))
    }
    card = _card(opened, network.name, names, accuracy, parts, limit)
    with writing_to(out):
        save_probe(out, weights, thresholds, card)
    return card


def _threshold_part(faces: Sequence[SourceFace]) -> list[bool]:
    """Which faces choose the thresholds: all of a person or none."""
    people = sorted({face.identity or face.name for face in faces})
    kept = {people[index] for index in stable_order(people)[::_THRESHOLD_SHARE]}
    return [(face.identity or face.name) in kept for face in faces]


def _describe(network: FeatureNetwork, faces: Sequence[SourceFace], pace: PaceLog) -> _Described:
    grids, labels, left_out = [], [], 0
    for start in range(0, len(faces), _BATCH):
        pictures = []
        for face in faces[start : start + _BATCH]:
            try:
                picture = decode_picture(face.read_bytes()).image_rgb
            except UnreadablePictureError:
                left_out += 1
                continue
            pictures.append(fit_picture(picture, (SIDE_PX, SIDE_PX)))
            labels.append(face.attributes)
        if pictures:
            grids.append(network.describe(np.stack(pictures)).grid)
        pace.reach(pace.done + len(faces[start : start + _BATCH]))
    if not grids:
        raise ArgumentError("source", ": too few pictures that can be read: one of the parts is empty")
    return _Described(np.concatenate(grids), np.array(labels, np.bool_), left_out)


def _fit(grid: F32, labels: Bools) -> F32:
    """Regress yes and no on the standardised features; return weights (d, attributes) for them as they are."""
    mean, spread = grid.mean(axis=0, dtype=np.float64), grid.std(axis=0, dtype=np.float64) + _SPREAD_FLOOR
    wanted = labels - labels.mean(axis=0)
    products, targets = np.zeros((grid.shape[1],) * 2), np.zeros((grid.shape[1], labels.shape[1]))
    for start in range(0, len(grid), 2048):  # all of it in double precision would take half a gigabyte
        part = (grid[start : start + 2048] - mean) / spread
        products += part.T @ part
        targets += part.T @ wanted[start : start + 2048]
    products[np.diag_indices_from(products)] += RIDGE * len(grid)
    return np.asarray(np.linalg.solve(products, targets) / spread[:, None], np.float32)


def _best_threshold(scores: F32, truth: Bools) -> float:
    """Return where yes and no are told apart with the highest balanced accuracy."""
    order = np.argsort(-scores, kind="stable")
    yes = np.cumsum(truth[order]) / truth.sum()
    no = np.cumsum(~truth[order]) / (~truth).sum()
    last = int(np.argmax(yes - no))
    below = order[min(last + 1, len(order) - 1)]
    return float(scores[order[last]] + scores[below]) / 2


def _accuracy(answers: Bools, truth: Bools) -> dict[str, float | int]:
    found = {
        "accuracy": float((answers == truth).mean()),
        "balanced": float((answers[truth].mean() + (~answers[~truth]).mean()) / 2),
        "share": float(truth.mean()),
    }
    return {name: round(value, 4) for name, value in found.items()} | {"n": len(truth)}


def _card(
    source: Source,
    network: str,
    names: Sequence[str],
    accuracy: dict[str, dict[str, float | int]],
    parts: tuple[_Described, _Described, _Described],
    limit: int | None,
) -> dict[str, Any]:
    fitted, judging, judged = parts
    return {
        "what": "linear classifiers of facial attributes (ridge regression) on pooled features of a frozen network",
        "network": network,
        "attributes": list(names),
        "framing": f"centre crop, scaled to {SIDE_PX} x {SIDE_PX}",
        "data": "CelebA, train split" if source.kind == "celeba" else source.kind,
        "judged_on": "CelebA, val split: other people" if source.kind == "celeba" else "faces kept apart",
        "chosen_on": "layers, cells and ridge: on the same val split, whose numbers may therefore flatter",
        "pictures": {
            "fitted": len(fitted.labels),
            "thresholds": len(judging.labels),
            "judged": len(judged.labels),
            "unreadable": sum(part.left_out for part in parts),
        },
        "ridge": RIDGE,
        "thresholds": f"highest balanced accuracy on every {_THRESHOLD_SHARE}th person of the train split",
        "known_from": KNOWN_FROM,
        "accuracy": accuracy,
        "command": "unmask-train attributes OUT --source CELEBA" + (f" --limit {limit}" if limit else ""),
        "versions": package_versions(),
        "terms": _TERMS if source.kind == "celeba" else "as the source's",
    }
