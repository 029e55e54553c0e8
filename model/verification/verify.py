"""`verify_faces`: a dataset and pairs of its pictures in, a report's folder out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unmask.datagen.common.atomic import write_atomic
from unmask.datagen.common.csv_lines import csv_line
from unmask.datagen.common.json_text import Needs
from unmask.datagen.common.work_folder import FolderKind, WorkFolder
from unmask.datagen.pictures.arrays import F64
from unmask.model.common.environment import package_versions
from unmask.model.evaluation.evaluate import Bar
from unmask.model.evaluation.items import EvalItem
from unmask.model.evaluation.summary import plain
from unmask.model.inference.torch_modules import choose_device

from .curve import DRAWS, FARS, LEVEL, Curve, Value, change, draw_weights, measure
from .embedding import Embedding, open_embedding
from .faces import BARE, MASKED, Unmaskers, embed_faces, load_unmaskers, open_faces, unmasked
from .options import VerifyOptions
from .page import draw_page
from .pairs import PairSet, drawn_pairs, listed_pairs, named
from .pairs_file import PairsFile, read_pairs, write_pairs

SUMMARY, TABLE, ROC, SCORES, PAIRS, PAGE = (
    "summary.json", "verification.csv", "roc.csv", "scores.csv", "pairs.txt", "verification.html"
)  # fmt: skip
VERIFICATION = FolderKind(
    argument="out",
    noun="verification",
    work="verification",
    card=".verify.json",
    identity=dict,
    shape=Needs({"data": str, "embedding": str}),
    own=(SUMMARY, TABLE, ROC, SCORES, PAIRS, PAGE),
    places=(),
    labels={"map": "`map_module`", "edit": "`edit_modules`", "embedding_sha256": "`embedding`"},
)
_FEW_FALSE = 10  # fewer accepted pairs of two people than this make a TAR at a FAR a rough number


@dataclass(frozen=True)
class Trial:
    """One row of the report: what a picture of the one and of the other side shows."""

    name: str
    left: str
    right: str


@dataclass(frozen=True, eq=False)
class Verification:
    """A finished report: its folder, its page, what ``summary.json`` says, and the curves by row."""

    out: Path
    page: Path
    summary: dict[str, Any]
    curves: Mapping[str, Curve]


def trials_of(edit_modules: Sequence[str]) -> list[Trial]:
    """Return the rows of a report: bare pictures, masked ones, and those that modules took the masks off."""
    trials = [Trial("bare, bare", BARE, BARE)]
    for kind in (MASKED, *map(unmasked, edit_modules)):
        trials += [Trial(f"{kind}, {BARE}", kind, BARE), Trial(f"{kind}, {kind}", kind, kind)]
    return trials


def verify_faces(options: VerifyOptions, command: str, bar: Bar) -> Verification:
    """Say how well faces are told apart: bare, masked, and with the masks taken off.

    Parameters
    ----------
    options : VerifyOptions
    command : str
        As the person gave it; goes into the summary.
    bar : callable
        Takes a title, gives a progress bar.

    Raises
    ------
    UserError
        With the argument or file named, before the first picture wherever that can be known.
    """
    options.validate()
    listed = None if options.pairs is None else read_pairs(options.pairs)
    opened, items = open_faces(options)
    pairs = _pairs(listed, items, options)
    device = choose_device(options.device)
    embedding = open_embedding(options, device)
    unmaskers = load_unmaskers(options, device)
    folder = WorkFolder(options.out, VERIFICATION)
    card = _card(options, embedding, unmaskers)
    with folder.opened(card, options.existing), folder.writing():
        folder.write_card(card)
        chosen = np.unique(np.concatenate([pairs.left, pairs.right]))
        with bar("faces") as progress:
            found = embed_faces(items, chosen, unmaskers, embedding, options.batch_size, progress)
        scores = {
            trial.name: embedding.compare(found[trial.left][pairs.left], found[trial.right][pairs.right])
            for trial in trials_of(options.edit_modules)
        }
        curves = _curves(scores, pairs)
        summary = _summary(options, opened.split, items, pairs, embedding, unmaskers, curves, command)
        _write(options.out, summary, curves, scores, pairs, items)
        return Verification(options.out, options.out / PAGE, summary, curves)


def _pairs(listed: PairsFile | None, items: Sequence[EvalItem], options: VerifyOptions) -> PairSet:
    return drawn_pairs(items, options) if listed is None else listed_pairs(listed, items, options)


def _card(options: VerifyOptions, embedding: Embedding, unmaskers: Unmaskers) -> dict[str, Any]:
    edits = [f"{name} {module.card.get('sha256')}" for name, module in unmaskers.edit_modules.items()]
    names = ("embedding_size", "embedding_mean", "embedding_std", "embedding_bgr")
    return {
        "data": str(options.data.absolute()),
        "pairs": None if options.pairs is None else str(options.pairs.absolute()),
        "pairs_per_fold": options.pairs_per_fold,
        "seed": options.seed,
        "split": options.split,
        "embedding": embedding.name,
        "embedding_sha256": embedding.facts.get("sha256"),
        **{name: getattr(options, name) for name in names},
        "map": unmaskers.map_module.card.get("sha256"),
        "edit": "; ".join(edits),
    }


def _curves(scores: Mapping[str, F64], pairs: PairSet) -> dict[str, Curve]:
    there = np.unique(np.concatenate([pairs.people[pairs.left], pairs.people[pairs.right]]))
    left, right = (np.searchsorted(there, pairs.people[side]) for side in (pairs.left, pairs.right))
    weights = draw_weights(left, right, pairs.same, len(there))
    return {
        name: measure(values, pairs.same, pairs.fold, weights, len(there)) for name, values in scores.items()
    }


def _summary(
    options: VerifyOptions,
    split: str,
    items: Sequence[EvalItem],
    pairs: PairSet,
    embedding: Embedding,
    unmaskers: Unmaskers,
    curves: Mapping[str, Curve],
    command: str,
) -> dict[str, Any]:
    same, used = int(pairs.same.sum()), np.unique(np.concatenate([pairs.left, pairs.right]))
    modules = {"map": unmaskers.map_module, **unmaskers.edit_modules}
    return {
        "command": command,
        "data": {"folder": str(options.data), "split": split, "pictures": len(used), "there": len(items)},
        "pairs": {
            "list": None if options.pairs is None else str(options.pairs),
            "same": same,
            "different": len(pairs.same) - same,
            "people": len(np.unique(pairs.people[used])),
            "folds": len(np.unique(pairs.fold)),
            "seed": options.seed,
        },
        "embedding": {"name": embedding.name, **embedding.facts},
        "modules": {name: {"sha256": one.card.get("sha256", "")} for name, one in modules.items()},
        "rows": {name: _row(curve) for name, curve in curves.items()},
        "changes": _changes(curves, options.edit_modules),
        "interval": {"level": LEVEL, "draws": DRAWS, "over": "people"},
        "notes": [*pairs.notes, *_few_words(len(pairs.same) - same)],
        "versions": package_versions(),
    }


def _row(curve: Curve) -> dict[str, Any]:
    return {
        **_values(curve.numbers()),
        "accuracy_se_of_folds": curve.accuracy_spread,
        "eer_threshold": curve.eer_threshold,
    }


def _values(numbers: Mapping[str, Value]) -> dict[str, dict[str, float]]:
    return {name: {"value": v.value, "low": v.low, "high": v.high} for name, v in numbers.items()}


def _changes(curves: Mapping[str, Curve], edit_modules: Sequence[str]) -> dict[str, Any]:
    """What taking the masks off changes: each row of an Editing Module against the same one of masked pictures."""
    names = [trial.name for trial in trials_of(edit_modules)]
    before, after = names[1:3], names[3:]
    return {
        ours: {"against": theirs, **_values(change(curves[ours], curves[theirs]))}
        for ours, theirs in zip(after, before * len(edit_modules), strict=True)
    }


def _few_words(strangers: int) -> list[str]:
    """What is to be said of a FAR that the pairs of two people are too few for."""
    words = []
    for limit in FARS:
        expected = strangers * limit
        if expected < 1:
            words.append(
                f"TAR at FAR {limit:g} is not given: it takes {round(1 / limit):,} pairs of two people or more, "
                f"and there are {strangers:,}"
            )
        elif expected < _FEW_FALSE:
            words.append(
                f"TAR at FAR {limit:g} is rough: {int(expected)} of {strangers:,} pairs of two people decide it"
            )
    return words


def _write(
    out: Path,
    summary: dict[str, Any],
    curves: Mapping[str, Curve],
    scores: Mapping[str, F64],
    pairs: PairSet,
    items: Sequence[EvalItem],
) -> None:
    listed = named(pairs, items)
    write_pairs(out / PAIRS, listed, pairs.fold.tolist())
    sides = [[pair.left, pair.right, str(int(pair.same))] for pair in listed]
    columns = zip(sides, pairs.fold.tolist(), *scores.values(), strict=True)
    lines = [[*side, str(fold), *(f"{score:.6g}" for score in rest)] for side, fold, *rest in columns]
    _write_csv(out / SCORES, [["left", "right", "same", "fold", *scores], *lines])
    rows = summary["rows"]
    names = list(next(iter(rows.values())))
    _write_csv(out / TABLE, [["row", *_heads(names)], *([name, *_cells(row)] for name, row in rows.items())])
    _write_csv(out / ROC, [["row", "far", "tar", "similarity"], *_roc_lines(curves)])
    text = json.dumps(plain(summary), indent=2) + "\n"
    write_atomic(out / SUMMARY, text.encode("utf-8", "surrogateescape"))
    write_atomic(out / PAGE, draw_page(plain(summary), curves).encode("utf-8", "surrogateescape"))


def _heads(names: Sequence[str]) -> list[str]:
    plain_names = ("accuracy_se_of_folds", "eer_threshold")
    return [
        head
        for name in names
        for head in ([name] if name in plain_names else [name, f"{name}_low", f"{name}_high"])
    ]


def _cells(row: Mapping[str, Any]) -> list[str]:
    values = [v for cell in row.values() for v in (cell.values() if isinstance(cell, Mapping) else [cell])]
    return ["" if value != value else f"{value:.6g}" for value in values]


def _roc_lines(curves: Mapping[str, Curve]) -> list[list[str]]:
    """The corners of each curve: what lies on the line between two of them is left out."""
    lines = []
    for name, curve in curves.items():
        wider, higher = np.diff(curve.far) > 0, np.diff(curve.tar) > 0
        turns = (wider[1:] != wider[:-1]) | (higher[1:] != higher[:-1]) | (wider & higher)[1:]
        corner = np.concatenate([[True], turns, [True]])
        numbers = zip(curve.far[corner], curve.tar[corner], curve.threshold[corner], strict=True)
        lines += [[name, *(f"{number:.6g}" for number in each)] for each in numbers]
    return lines


def _write_csv(path: Path, lines: Sequence[Sequence[str]]) -> None:
    write_atomic(path, "".join(map(csv_line, lines)).encode("utf-8", "surrogateescape"))
