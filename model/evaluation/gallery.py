"""The best, the middling and the worst pictures of an evaluation, made once more for the page."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from unmask.datagen.common.cores import available_cores
from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset.preview import overlay
from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.picture import shrunk
from unmask.model.metrics.table import score_of, score_words
from unmask.model.report.content import Gallery, GalleryRow

from .evaluate import Evaluation, Progress
from .systems import EDIT, FALSE_ALARM, MAP, PIPE, Outcome

_ROWS = 6
_ALARMS = 24
# Of the first screen: shares of the other pictures that one is better than.
_SHARES = {1.0: "best", **{s / 100: f"beats {s} %" for s in (80, 60, 40, 20)}, 0.0: "worst"}
_LONGEST_PX = 480  # of what is kept: the page shows less
_JUDGED = (
    (EDIT, f"{PIPE}_mask_psnr"),
    (EDIT, f"{EDIT}_mask_psnr"),
    (MAP, f"{MAP}_pipeline_iou"),
    (MAP, f"{MAP}_iou"),
)
# What the first screen shows of each, the first of those that are there.
_STAGES = {
    EDIT: (("masked",), ("restored", "restored, true map"), ("clean",)),
    MAP: (("masked", "bare"), ("map on it", "found map"), ("true map",)),
}


@dataclass(frozen=True, eq=False)
class _Choice:
    """Pictures of one gallery: rows of the table, each with a rank in words on the first screen."""

    module: str
    title: str
    what: str
    rows: Mapping[int, str]
    column: str
    is_first: bool = False


def draw_galleries(
    evaluation: Evaluation, table: pd.DataFrame, progress: Progress
) -> tuple[Gallery | None, tuple[Gallery, ...]]:
    """Make pictures for the page.

    Returns
    -------
    examples : Gallery or None
        Six of the first screen, from the best to the worst by the score that the report is about; of bare faces
        those on which a mask is taken off.
    galleries : tuple of Gallery
        For the Map Module (by IoU) and for the Editing Module (by PSNR in the mask).
    """
    choices = _alarms(table) if FALSE_ALARM in table else _choices(table)
    wanted = sorted({index for choice in choices for index in choice.rows})
    pictures = _make(evaluation, wanted, progress)
    drawn = {choice: _draw(choice, pictures, table) for choice in choices}
    first = next((gallery for choice, gallery in drawn.items() if choice.is_first), None)
    return first, tuple(gallery for choice, gallery in drawn.items() if not choice.is_first)


def _choices(table: pd.DataFrame) -> list[_Choice]:
    found: list[_Choice] = []
    for module, column in _JUDGED:
        if column not in table or any(choice.module == module for choice in found):
            continue
        order = table[column].dropna().sort_values(kind="stable").index.to_list()
        if not order:
            continue
        what = score_words(column.partition("_")[2])
        if not found:
            ranks: dict[int, str] = {}
            for share, words in _SHARES.items():
                ranks.setdefault(order[round(share * (len(order) - 1))], words)
            title = "From the best to the worst"
            found.append(_Choice(module, title, f"By {what}.", ranks, column, is_first=True))
        middle = max(0, (len(order) - _ROWS) // 2)
        parts = {"Best": order[::-1][:_ROWS], "Median": order[middle:][:_ROWS], "Worst": order[:_ROWS]}
        for title, rows in parts.items():
            found.append(_Choice(module, title, f"{title} by {what}", dict.fromkeys(rows, ""), column))
    return found


def _alarms(table: pd.DataFrame) -> list[_Choice]:
    rows = table.index[table[FALSE_ALARM] > 0].to_list()
    if not rows:
        return []
    first = {index: str(table.loc[index, "key"]) for index in rows[:_ROWS]}
    many = "" if len(rows) <= _ALARMS else f", the first {_ALARMS} of {len(rows)}"
    what = "Bare faces on which a mask is taken off"
    return [
        _Choice(MAP, "False alarms", f"{what}.", first, FALSE_ALARM, is_first=True),
        _Choice(MAP, "False alarms", f"{what}{many}.", dict.fromkeys(rows[:_ALARMS], ""), FALSE_ALARM),
    ]


def _make(
    evaluation: Evaluation, wanted: Sequence[int], progress: Progress
) -> dict[int, dict[str, dict[str, U8]]]:
    """What each module's gallery shows of pictures, by their rows."""
    made: dict[int, dict[str, dict[str, U8]]] = {}
    with ThreadPoolExecutor(available_cores()) as pool:
        for start in range(0, len(wanted), evaluation.options.batch_size):
            batch = wanted[start : start + evaluation.options.batch_size]
            done = evaluation.run_items([evaluation.pictures.items[index] for index in batch], pool)
            if done.failures:
                raise UserError(f"changed while it was evaluated: {done.failures[0].reason}")
            for index, outcome in zip(batch, done.outcomes, strict=True):
                made[index] = {module: _shrunk(_images(module, outcome)) for module in (EDIT, MAP)}
            progress(len(made), len(wanted), 0)
    return made


def _shrunk(images: Mapping[str, U8]) -> dict[str, U8]:
    return {name: shrunk(image, _LONGEST_PX / max(image.shape[:2])) for name, image in images.items()}


def _draw(
    choice: _Choice, pictures: Mapping[int, Mapping[str, Mapping[str, U8]]], table: pd.DataFrame
) -> Gallery:
    shown = {index: pictures[index][choice.module] for index in choice.rows}
    there = next(iter(shown.values()))
    columns = list(there)
    if choice.is_first:
        stages = (next((name for name in names if name in there), "") for names in _STAGES[choice.module])
        columns = [name for name in stages if name]
    rows = []
    for index, rank in choice.rows.items():
        caption = (
            _ranked(choice, table.iloc[index], rank)
            if choice.is_first
            else _caption(choice, table.iloc[index])
        )
        images = tuple(shown[index][name] for name in columns)
        rows.append(GalleryRow(str(table.loc[index, "key"]), caption, images))
    return Gallery(choice.module, choice.title, choice.what, tuple(columns), tuple(rows))


def _ranked(choice: _Choice, scores: pd.Series, rank: str) -> str:
    """Value and rank in two lines."""
    if choice.column == FALSE_ALARM:
        return rank
    score = score_of(choice.column)
    return f"{score.write(float(scores[choice.column]), unit=True, brief=True)}\n{rank}"


def _images(module: str, outcome: Outcome) -> dict[str, U8]:
    picture, found = outcome.picture, outcome.found
    images: dict[str, U8] = {"bare" if picture.item.is_bare else "masked": picture.masked}
    if found is not None:
        if module == MAP and found.probability is not None:
            images["probability"] = np.rint(found.probability * 255).astype(np.uint8)
        images["found map"] = found.map
        if picture.item.is_bare:
            images["map on it"] = overlay(picture.masked, found.map)
    if picture.map is not None:
        images["true map"] = picture.map
    if module == EDIT:
        names = {EDIT: "restored, true map", PIPE: "restored", "nearest": "nearest pixel"}
        images |= {words: outcome.done[name] for name, words in names.items() if name in outcome.done}
        if picture.clean is not None:
            images["clean"] = picture.clean
    return images


def _caption(choice: _Choice, scores: pd.Series) -> str:
    shown = {
        MAP: {f"{MAP}_iou": "IoU", f"{MAP}_boundary_f": "boundary F"},
        EDIT: {
            f"{PIPE}_mask_psnr": "in the mask dB",
            f"{EDIT}_mask_psnr": "with the true map dB",
            f"{PIPE}_psnr": "whole dB",
            f"{MAP}_iou": "IoU",
        },
    }[choice.module]
    words = [
        f"{name} {scores[column]:.{score_of(column).brief}f}"
        for column, name in shown.items()
        if column in scores and pd.notna(scores[column])
    ]
    status = str(scores.get("status") or "")
    words += [status.replace("_", " ")] if status not in ("", "ok") else []
    kind = " ".join(str(scores[name]) for name in ("family", "worn") if scores.get(name))
    return "; ".join([*words, *([kind] if kind else [])])
