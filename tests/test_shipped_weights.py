"""The weights that come along do their work: noise in a shipped file must not stay green."""

from typing import Any

import numpy as np
import pytest

import unmask
from unmask.model.inference.cleaning import clean_map
from unmask.model.metrics.baselines import nearest_fill

FACES = 8


@pytest.fixture(scope="module")
def triplets() -> list[dict[str, Any]]:
    data = unmask.TripletDataset("demo", size=128, seed=1)
    return [data[index] for index in range(FACES)]


def in_mask_error(image: np.ndarray, item: dict[str, Any]) -> float:
    inside = item["map"] >= 128
    return float(np.abs(image[inside].astype(np.float64) - item["clean"][inside]).mean())


@pytest.mark.parametrize("name", ["shipped", "compact"])
def test_shipped_map_modules_find_masks_that_they_never_saw(
    name: str, triplets: list[dict[str, Any]]
) -> None:
    unmasker = unmask.Unmasker(map=name)
    overlaps = []
    for item in triplets:
        found, true = clean_map(unmasker.segment(item["masked"])) > 0, item["map"] >= 128
        overlaps.append((found & true).sum() / (found | true).sum())
    assert np.mean(overlaps) > 0.9
    assert min(overlaps) > 0.7


@pytest.mark.parametrize("preset", ["fidelity", "perceptual"])
def test_shipped_editing_modules_beat_the_nearest_pixel(preset: str, triplets: list[dict[str, Any]]) -> None:
    unmasker = unmask.Unmasker(edit=preset)
    ours = [in_mask_error(unmasker.restore(item["masked"]), item) for item in triplets]
    nearest = [in_mask_error(nearest_fill(item["masked"], item["map"]), item) for item in triplets]
    assert np.mean(ours) < 0.7 * np.mean(nearest)
    assert sum(a < b for a, b in zip(ours, nearest, strict=True)) == FACES
