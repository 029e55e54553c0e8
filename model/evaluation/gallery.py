"""The best, the middling and the worst pictures of an evaluation, made once more for the page."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from unmask.datagen.pictures.arrays import U8
from unmask.model.metrics.table import score_of, score_words
from unmask.model.report.content import Gallery, GalleryRow

from .evaluate import Evaluation
from .pictures import read_item
from .systems import EDIT, MAP, PIPE, Outcome

_ROWS = 6
# Of the first screen: shares of the other pictures that one is better than.
_SHARES = {1.0: "best", **{s / 100: f"better than {s} %" for s in (80, 60, 40, 20)}, 0.0: "worst"}


_JUDGED = ((EDIT, f"{PIPE}_mask_psnr"), (EDIT, f"{EDIT}_mask_psnr"), (MAP, f"{MAP}_iou"))
# What the first screen shows of each, the first of those that are there.
_EXAMPLE = {
    EDIT: (("masked",), ("restored", "restored, true map"), ("clean",)),
    MAP: (("masked",), ("found map",), ("true map",)),
}


def draw_galleries(evaluation: Evaluation, table: pd.DataFrame) -> tuple[Gallery, ...]:
    """Return galleries for the Map Module (by IoU) and for the Editing Module (by PSNR in the mask)."""
    galleries: list[Gallery] = []
    for module, column in _JUDGED:
        known = column in table and table[column].notna().any()
        if known and all(gallery.module != module for gallery in galleries):
            galleries += _galleries(evaluation, table, module, column)
    return tuple(galleries)


def draw_examples(evaluation: Evaluation, table: pd.DataFrame) -> Gallery | None:
    """Return six pictures from the best to the worst, by the score that the report is about; None without one."""
    for module, column in _JUDGED:
        if column not in table or not table[column].notna().any():
            continue
        order = table[column].dropna().sort_values(kind="stable").index.to_list()
        chosen: dict[int, str] = {}
        for share, words in _SHARES.items():
            chosen.setdefault(order[round(share * (len(order) - 1))], words)
        score, rows = score_of(column), []
        for index, words in chosen.items():
            images = _images(module, _outcome(evaluation, index))
            stages = [next((name for name in names if name in images), "") for names in _EXAMPLE[module]]
            shown = {name: images[name] for name in stages if name}
            value = score.write(float(table.loc[index, column]), unit=True, brief=True)
            rows.append(GalleryRow(str(table.loc[index, "key"]), f"{value}\n{words}", tuple(shown.values())))
        what = score_words(column.partition("_")[2])
        return Gallery(module, "From the best to the worst", f"By {what}.", tuple(shown), tuple(rows))
    return None


def _galleries(evaluation: Evaluation, table: pd.DataFrame, module: str, column: str) -> list[Gallery]:
    order = table[column].dropna().sort_values(kind="stable").index.to_list()
    middle = max(0, (len(order) - _ROWS) // 2)
    chosen = {
        "Best": order[::-1][:_ROWS],
        "Median": order[middle : middle + _ROWS],
        "Worst": order[:_ROWS],
    }
    wanted = {index for indices in chosen.values() for index in indices}
    rows = {index: _outcome(evaluation, index) for index in sorted(wanted)}
    columns = tuple(_images(module, rows[order[0]]))
    return [
        Gallery(
            module,
            title,
            f"{title} by {score_words(column.partition('_')[2])}",
            columns,
            tuple(_row(module, columns, rows[index], table.loc[index]) for index in indices),
        )
        for title, indices in chosen.items()
    ]


def _outcome(evaluation: Evaluation, index: int) -> Outcome:
    item = evaluation.pictures.items[index]
    outcome = evaluation.systems.run([read_item(item, evaluation.pictures.size)])[0]
    evaluation.systems.fill_baselines(outcome)
    return outcome


def _images(module: str, outcome: Outcome) -> dict[str, U8]:
    picture, found = outcome.picture, outcome.found
    images: dict[str, U8] = {"masked": picture.masked}
    if found is not None:
        if module == MAP:
            images["probability"] = np.rint(found.probability * 255).astype(np.uint8)
        images["found map"] = found.map
    if picture.map is not None:
        images["true map"] = picture.map
    if module == EDIT:
        names = {EDIT: "restored, true map", PIPE: "restored", "nearest": "nearest pixel"}
        images |= {words: outcome.done[name] for name, words in names.items() if name in outcome.done}
        if picture.clean is not None:
            images["clean"] = picture.clean
    return images


def _row(module: str, columns: Sequence[str], outcome: Outcome, scores: pd.Series) -> GalleryRow:
    images = _images(module, outcome)
    shown = {
        MAP: {f"{MAP}_iou": "IoU", f"{MAP}_boundary_f": "boundary F"},
        EDIT: {
            f"{PIPE}_mask_psnr": "in the mask dB",
            f"{EDIT}_mask_psnr": "with the true map dB",
            f"{PIPE}_psnr": "whole dB",
            f"{MAP}_iou": "IoU",
        },
    }[module]
    words = [
        f"{name} {scores[column]:.{score_of(column).brief}f}"
        for column, name in shown.items()
        if column in scores and pd.notna(scores[column])
    ]
    kind = " ".join(str(scores[name]) for name in ("family", "worn") if scores.get(name))
    caption = "; ".join([*words, *([kind] if kind else [])])
    return GalleryRow(str(scores["key"]), caption, tuple(images[name] for name in columns))
