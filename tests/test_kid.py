"""KID: its definition, no bias, and pairs that are no pairs of strangers."""

from itertools import product

import numpy as np
import pytest

from unmask.model.metrics import kid as kid_module
from unmask.model.metrics.kid import kid


def features(seed: int, count: int, shift: float = 0.0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(0.3, 0.5, (count, 6)) + shift).astype(np.float32)


def by_definition(ours: np.ndarray, theirs: np.ndarray, paired: bool) -> float:
    def mean(a, b, apart):
        pairs = [(i, j) for i, j in product(range(len(a)), range(len(b))) if not apart or i != j]
        return np.mean([(float(np.dot(a[i].astype(float), b[j])) / a.shape[1] + 1) ** 3 for i, j in pairs])

    return mean(ours, ours, True) + mean(theirs, theirs, True) - 2 * mean(ours, theirs, paired)


@pytest.mark.parametrize("paired", [False, True])
def test_the_full_estimate_is_the_definition_written_out(paired):
    ours, theirs = features(0, 7, 0.4), features(1, 7 if paired else 9)
    found = kid(ours, theirs, 0, paired=paired)
    assert found.full == pytest.approx(by_definition(ours, theirs, paired), rel=1e-9)


@pytest.mark.parametrize("paired", [False, True])
def test_subsets_are_each_estimated_by_the_definition(paired):
    ours, theirs = features(0, 4, 0.4), features(1, 4)
    found = kid(ours, theirs, 0, paired=paired, subsets=400)
    assert found.subset_pictures == 2
    pairs = [(i, j) for i, j in product(range(4), repeat=2) if i < j]
    chosen = [(a, a) for a in pairs] if paired else list(product(pairs, pairs))
    every = [by_definition(ours[list(a)], theirs[list(b)], paired) for a, b in chosen]
    assert found.mean == pytest.approx(np.mean(every), abs=4 * np.std(every) / 20)
    assert found.sd == pytest.approx(np.std(every), rel=0.15)


def test_sets_of_one_distribution_are_around_zero_negative_as_often_as_not():
    values = [kid(features(2 * n, 20), features(2 * n + 1, 30), 0, paired=False).full for n in range(200)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(200)
    assert 40 < np.sum(np.array(values) < 0) < 160


def test_a_picture_and_its_own_restoration_are_not_compared():
    clean = features(3, 50)
    assert kid(clean, clean, 0, paired=True).full == pytest.approx(0, abs=1e-12)
    assert kid(clean, clean, 0, paired=False).full < -0.01  # what unbiased pairs of strangers are spared


def test_it_grows_with_the_distance():
    clean = features(4, 300)
    found = [kid(features(5, 300, shift), clean, 0, paired=False).mean for shift in (0.0, 0.1, 0.2, 0.4)]
    assert abs(found[0]) < found[1] < found[2] < found[3]


def test_the_same_seed_draws_the_same_subsets():
    ours, theirs = features(0, 40), features(1, 40)
    first = kid(ours, theirs, 1, paired=False, subset_pictures=10)
    assert first == kid(ours, theirs, 1, paired=False, subset_pictures=10)
    assert first.mean != kid(ours, theirs, 2, paired=False, subset_pictures=10).mean
    assert (first.pictures, first.subset_pictures, first.subsets) == (40, 10, 100)


def test_of_very_many_pictures_some_are_drawn(monkeypatch):
    monkeypatch.setattr(kid_module, "MOST_PICTURES", 30)
    clean = features(6, 200)
    found = kid(clean + 0.001, clean, 0, paired=True)
    assert found.pictures == 30
    assert abs(found.full) < 0.01


@pytest.mark.parametrize(
    ("ours", "theirs", "says"),
    [
        (features(0, 1), features(1, 5), "two or more"),
        (features(0, 4), features(1, 5), "pairs one by one"),
        (features(0, 4)[:, :3], features(1, 4), "expected features"),
        (np.full((4, 6), np.nan, np.float32), features(1, 4), "not finite"),
    ],
)
def test_what_cannot_be_compared_is_refused(ours, theirs, says):
    with pytest.raises(ValueError, match=says):
        kid(ours, theirs, 0, paired=True)
