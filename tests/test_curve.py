"""ROC and what is read off it: worked out by hand, and beside scipy."""

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from unmask.model.verification.curve import DRAWS, draw_weights, measure

ONE_FOLD = np.zeros(8, np.intp)


def curve_of(similarity, same, fold=None, weights=None, people=100):
    values, kinds = np.asarray(similarity, np.float64), np.asarray(same, bool)
    return measure(values, kinds, ONE_FOLD[: len(values)] if fold is None else fold, weights, people)


def test_area_errors_and_accuracy_by_hand():
    # falling: same 9, same 8, other 7, same 6, other 5, other 4, same 3, other 2
    curve = curve_of([9, 8, 7, 6, 5, 4, 3, 2], [1, 1, 0, 1, 0, 0, 1, 0])
    assert curve.far.tolist() == [0, 0, 0, 0.25, 0.25, 0.5, 0.75, 0.75, 1]
    assert curve.tar.tolist() == [0, 0.25, 0.5, 0.5, 0.75, 0.75, 0.75, 1, 1]
    assert curve.auc.value == pytest.approx(12 / 16)
    assert curve.eer.value == pytest.approx(0.25)
    assert curve.eer_threshold == 6
    assert curve.accuracy.value == pytest.approx(0.75)


def test_the_area_is_the_share_of_pairs_in_the_right_order_ties_by_half():
    rng = np.random.default_rng(0)
    same = rng.random(400) < 0.3
    values = np.round(rng.normal(same, 1.0), 1)
    expected = mannwhitneyu(values[same], values[~same]).statistic / same.sum() / (~same).sum()
    assert curve_of(values, same, np.zeros(400, np.intp)).auc.value == pytest.approx(expected)


def test_equal_similarities_are_accepted_together():
    curve = curve_of([1, 1, 1, 1], [1, 0, 1, 0])
    assert curve.far.tolist() == [0, 1]
    assert curve.auc.value == curve.eer.value == 0.5


def test_each_fold_is_judged_with_the_threshold_of_the_others():
    # the best threshold of either fold is useless on the other one
    curve = curve_of([9, 8, 3, 2], [1, 0, 1, 0], np.array([0, 0, 1, 1]))
    assert curve.accuracy.value == 0.5 and curve.accuracy_spread == 0
    parted = curve_of([9, 3, 8, 2], [1, 0, 1, 0], np.array([0, 0, 1, 1]))
    assert parted.accuracy.value == 0.75  # above 9 and 8; of the fold of 9, 8 is nearer to the threshold


def test_a_far_that_too_few_strangers_can_show_is_not_given():
    rng = np.random.default_rng(1)
    same = np.arange(600) < 100
    values = np.where(same, 1.0, rng.random(600) * 0.5)
    curve = curve_of(values, same, np.zeros(600, np.intp))
    assert np.isnan(curve.tar_at[1e-3].value)
    assert curve.tar_at[1e-2].value == 1


def test_tar_keeps_the_limit_of_false_accepts():
    same = np.arange(2000) < 1000
    values = np.where(same, np.arange(2000), np.arange(2000) - 1000 + 0.5)  # ranks interleaved
    curve = curve_of(values, same, np.zeros(2000, np.intp))
    assert curve.tar_at[1e-2].value == pytest.approx(0.010, abs=0.0011)
    assert curve.tar_at[1e-3].value == pytest.approx(0.001, abs=0.0011)


def test_weights_are_those_of_the_people_drawn():
    left, right = np.array([0, 1, 0]), np.array([0, 1, 1])
    weights = draw_weights(left, right, np.array([True, True, False]), 2)
    assert weights.shape == (DRAWS, 3)
    assert (weights[:, 0] + weights[:, 1] == 2).all()
    assert np.array_equal(weights[:, 2], weights[:, 0] * weights[:, 1])


def clustered(rng, people, each):
    """Similarities of pairs that share what is peculiar to a person."""
    who = np.repeat(np.arange(people), each)
    shift = rng.normal(0, 1, people)
    others = rng.integers(0, people, (people * each, 2))
    others = others[others[:, 0] != others[:, 1]]
    left = np.concatenate([who, others[:, 0]])
    right = np.concatenate([who, others[:, 1]])
    same = np.arange(len(left)) < len(who)
    values = 1.5 * same + (shift[left] + shift[right]) / 2 + rng.normal(0, 0.3, len(left))
    return left, right, same, values


def test_intervals_are_over_people_not_over_pairs():
    left, right, same, values = clustered(np.random.default_rng(2), 30, 40)
    fold = np.zeros(len(same), np.intp)
    over_people = measure(values, same, fold, draw_weights(left, right, same, 30), 30)
    alone = np.arange(len(same))
    over_pairs = measure(
        values, same, fold, draw_weights(alone, alone, np.ones(len(same), bool), len(same)), len(same)
    )
    wide, narrow = (curve.auc.high - curve.auc.low for curve in (over_people, over_pairs))
    assert wide > 2 * narrow
    assert over_people.auc.low < over_people.auc.value < over_people.auc.high


def test_three_people_have_no_interval():
    left, right, same, values = clustered(np.random.default_rng(3), 3, 10)
    curve = measure(values, same, np.zeros(len(same), np.intp), draw_weights(left, right, same, 3), 3)
    assert np.isnan(curve.auc.low) and np.isfinite(curve.auc.value)
