"""A row of ``metrics.csv``: how well a mask was found, and how near each system comes to the clean picture."""

from dataclasses import asdict

import numpy as np

from unmask.datagen.pictures.arrays import Bools
from unmask.model.inference.photo import OK, TURNED_AWAY
from unmask.model.metrics.metrics import MASKED, score_map, score_regions
from unmask.model.metrics.similarity import Windowed
from unmask.model.metrics.skin import skin_lightness

from .systems import EDIT, FALSE_ALARM, MAP, PIPE, Outcome

Row = dict[str, str | float]


def score_outcome(outcome: Outcome) -> Row:
    """Score everything that needs no other network.

    Returns
    -------
    dict
        ``key``, the tags as text, ``width``, ``height``, ``coverage`` and ``lightness`` where they can be measured,
        and ``<system>_<score>``; a score that does not exist is NaN.
    """
    picture = outcome.picture
    height, width = picture.masked.shape[:2]
    row: Row = {"key": picture.item.key, **picture.item.tags, "width": str(width), "height": str(height)}
    if outcome.status:
        row["status"] = outcome.status
    if picture.map is not None:
        row["coverage"] = f"{np.mean(picture.map >= MASKED):.5f}"
    if picture.clean is not None and picture.landmarks is not None:
        lightness = skin_lightness(picture.clean, picture.landmarks.points)
        row["lightness"] = "" if lightness is None else f"{lightness:.2f}"
    return row | _map_scores(outcome) | _edit_scores(outcome)


def _map_scores(outcome: Outcome) -> Row:
    truth, found = outcome.picture.map, outcome.found
    if outcome.picture.item.is_bare:
        return {FALSE_ALARM: float(outcome.status == OK)}
    if truth is None or found is None:
        return {}
    if outcome.status not in ("", OK, TURNED_AWAY):
        return {f"{MAP}_pipeline_iou": 0.0}
    scores = {f"{MAP}_{name}": value for name, value in asdict(score_map(found.map, truth)).items()}
    if found.probability is None:
        return {**scores, f"{MAP}_pipeline_iou": scores[f"{MAP}_iou"]}
    raw = np.where(found.probability >= 0.5, 255, 0).astype(np.uint8)
    return {**scores, **{f"{MAP}_raw_{name}": value for name, value in asdict(score_map(raw, truth)).items()}}


def _edit_scores(outcome: Outcome) -> Row:
    picture = outcome.picture
    if picture.clean is None:
        return {}
    clean, row = Windowed(picture.clean), Row()
    mask = mask_of(outcome)
    for system, done in outcome.done.items():
        row |= {f"{system}_{name}": value for name, value in score_regions(done, clean, mask).items()}
    for system in (EDIT, PIPE):
        if system in outcome.raw:
            scores = score_regions(outcome.raw[system], clean, mask)
            row |= {f"{system}_raw_{name}": value for name, value in scores.items()}
    return row


def mask_of(outcome: Outcome) -> Bools:
    """Pixels of the true mask, bool (h, w); none where the true map is not known."""
    map_ = outcome.picture.map
    if map_ is None:
        return np.zeros(outcome.picture.masked.shape[:2], np.bool_)
    return np.asarray(map_ >= MASKED, np.bool_)
