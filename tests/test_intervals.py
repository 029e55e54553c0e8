from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from unmask.model.metrics.differences import benjamini_hochberg, difference_p, difference_ps
from unmask.model.metrics.intervals import DRAWS, bootstrap_mean, bootstrap_means, paired_difference

Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]

NORMAL: Draw = lambda rng, shape: rng.normal(28, 3, shape)  # noqa: E731 - a table of distributions
LOG_NORMAL: Draw = lambda rng, shape: rng.lognormal(0, 0.5, shape)  # noqa: E731
MAP_IOU: Draw = lambda rng, shape: rng.beta(12, 1, shape)  # noqa: E731
MEANS = [(NORMAL, 28.0), (LOG_NORMAL, float(np.exp(0.125))), (MAP_IOU, 12 / 13)]


def coverage(draw: Draw, truth: float, n: int, repeats: int) -> float:
    """Share of intervals that hold the true mean; the repeats are columns, which share their resamples."""
    hits = 0
    for seed in range(4):
        table = draw(np.random.default_rng([n, seed]), (n, repeats // 4))
        found = bootstrap_means(table, draws=1000, seed=seed)
        hits += sum(interval.low <= truth <= interval.high for interval in found)
    return hits / repeats


@pytest.mark.parametrize(("draw", "truth"), MEANS)
@pytest.mark.parametrize(("n", "repeats"), [(30, 2000), (100, 2000), (1000, 800)])
def test_intervals_hold_the_true_mean_as_often_as_they_say(draw: Draw, truth: float, n: int, repeats: int):
    assert 0.93 <= coverage(draw, truth, n, repeats) <= 0.97


def test_intervals_of_very_skewed_scores_cover_more_than_percentile_intervals():
    truth, draw = float(np.exp(0.5)), lambda rng, shape: rng.lognormal(0, 1, shape)
    assert 0.90 <= coverage(draw, truth, 30, 2000) <= 0.94  # percentile intervals: 0.875


def test_an_interval_is_wide_for_few_values_and_narrow_for_many():
    values = np.random.default_rng(3).normal(28, 3, 2000)
    wide, narrow = bootstrap_mean(values[:50]), bootstrap_mean(values)
    assert wide.high - wide.low == pytest.approx(2 * 1.96 * 3 / np.sqrt(50), rel=0.2)
    assert narrow.high - narrow.low == pytest.approx(2 * 1.96 * 3 / np.sqrt(2000), rel=0.1)
    assert narrow.low < narrow.mean < narrow.high
    assert narrow.mean == pytest.approx(values.mean())


def test_missing_values_count_for_no_column_but_their_own():
    table = np.random.default_rng(0).normal(size=(60, 4))
    table[:20, 1] = np.nan
    table[::2, 3] = np.nan
    together = bootstrap_means(table)
    assert [interval.n for interval in together] == [60, 40, 60, 30]
    assert together[1] == bootstrap_mean(table[20:, 1])
    assert together[3] == bootstrap_mean(table[:, 3])
    # as a column of another table, whatever stands beside it: up to the order of sums
    alone = bootstrap_mean(table[:, 2])
    assert (alone.low, alone.high) == pytest.approx((together[2].low, together[2].high))


def test_the_same_seed_gives_the_same_interval_and_another_seed_almost_the_same():
    values = np.random.default_rng(1).lognormal(0, 0.5, 200)
    first, again, other = (bootstrap_mean(values, seed=seed) for seed in (4, 4, 5))
    assert first == again
    assert first != other
    assert first.high == pytest.approx(other.high, rel=0.02)


def test_an_interval_does_not_depend_on_how_many_resamples_fit_into_memory(monkeypatch: pytest.MonkeyPatch):
    values = np.random.default_rng(1).normal(size=200)
    whole = bootstrap_mean(values)
    monkeypatch.setattr("unmask.model.metrics.intervals._CHUNK", 1000)
    parts = bootstrap_mean(values)
    assert (whole.low, whole.high) == pytest.approx((parts.low, parts.high))


@pytest.mark.parametrize("values", [[], [np.nan, np.nan], [3.0], [3.0, np.nan]])
def test_fewer_than_two_values_have_no_interval(values: list[float]):
    interval = bootstrap_mean(values)
    assert np.isnan([interval.low, interval.high]).all()
    assert interval.n == np.isfinite(values).sum()
    assert interval.mean == 3 if interval.n else np.isnan(interval.mean)


@pytest.mark.parametrize("n", [2, 9, 30])
def test_values_all_the_same_have_an_interval_without_width(n: int):
    interval = bootstrap_mean([0.1] * n)
    assert (interval.low, interval.mean, interval.high) == (0.1, 0.1, 0.1)


def test_fewer_than_ten_values_get_students_interval():
    values = [27.1, 29.3, 28.0, 30.5]
    interval = bootstrap_mean(values, level=0.9)
    expected = stats.t.interval(0.9, 3, np.mean(values), stats.sem(values))
    assert (interval.low, interval.high) == pytest.approx(expected)


def test_an_interval_of_few_values_ends_where_scores_end():
    values = np.array([[0.99, 31.0], [0.7, 28.0], [0.98, 33.0]])
    free = bootstrap_means(values)
    held = bootstrap_means(values, limits=[[0.0, -np.inf], [1.0, 100.0]])
    assert free[0].high > 1 == held[0].high
    assert held[0].low == free[0].low and held[1] == free[1]


def test_one_failure_among_thirty_does_not_stretch_the_interval_without_end():
    interval = bootstrap_mean([1.0] * 29 + [0.0])
    assert 0.8 < interval.low < 0.95  # an exact binomial one begins at 0.83; without a limit on errors, at 0
    assert interval.high == 1


def test_a_paired_difference_finds_what_two_single_intervals_miss():
    rng = np.random.default_rng(2)
    theirs = rng.normal(28, 3, 300)
    ours = theirs + rng.normal(0.15, 0.5, 300)
    assert bootstrap_mean(ours).low < bootstrap_mean(theirs).high
    found = paired_difference(ours, theirs)
    assert 0 < found.low < found.mean < found.high
    assert found.p < 0.01
    assert found.p == pytest.approx(stats.ttest_rel(ours, theirs).pvalue, abs=0.003)


def test_a_paired_difference_counts_pictures_that_both_have():
    ours = np.array([1.0, 2.0, np.nan, 4.0, 6.0])
    theirs = np.array([0.0, np.nan, 3.0, 3.5, 5.0])
    found = paired_difference(ours, theirs)
    assert (found.n, found.mean) == (3, pytest.approx(2.5 / 3))
    assert found.p == pytest.approx(stats.ttest_rel([1, 4, 6], [0, 3.5, 5]).pvalue)


def test_a_model_compared_with_itself_differs_by_nothing():
    values = np.random.default_rng(0).normal(size=50)
    found = paired_difference(values, values)
    assert (found.mean, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert paired_difference(values + 1, values).p < 0.01
    assert np.isnan(paired_difference([1.0], [2.0]).p)


def test_p_of_a_paired_difference_is_as_often_below_a_level_as_the_level_says():
    rng = np.random.default_rng(7)
    gaps = rng.lognormal(0, 0.5, (400, 60)) - np.exp(0.125)
    p = np.array([paired_difference(row, np.zeros(60), draws=500, seed=1).p for row in gaps])
    assert 0.025 <= (p < 0.05).mean() <= 0.09
    found = [paired_difference(row, np.zeros(60), draws=500, seed=1) for row in gaps[:50]]
    assert all((one.p < 0.05) == (one.low > 0 or one.high < 0) for one in found if abs(one.p - 0.05) > 0.01)


# Benjamini & Hochberg 1995, section 3.2: fifteen endpoints of a trial, of which q = 0.05 keeps the first four.
TRIAL = [
    0.0001,
    0.0004,
    0.0019,
    0.0095,
    0.0201,
    0.0278,
    0.0298,
    0.0344,
    0.0459,
    0.3240,
    0.4262,
    0.5719,
    0.6528,
]
TRIAL += [0.7590, 1.0000]


def test_adjusted_p_keeps_the_four_endpoints_of_benjamini_and_hochberg():
    adjusted = benjamini_hochberg(TRIAL)
    assert (adjusted < 0.05).sum() == 4
    assert adjusted[[0, 3, 4, 5, 6]] == pytest.approx(
        [0.0015, 0.035625, 0.0603, 0.0638571, 0.0638571], rel=1e-5
    )


def test_adjusted_p_does_not_depend_on_the_order_nor_on_what_is_not_known():
    order = np.random.default_rng(0).permutation(15)
    shuffled = np.insert(np.array(TRIAL)[order], 4, np.nan)
    adjusted = benjamini_hochberg(shuffled)
    assert np.isnan(adjusted[4])
    assert np.delete(adjusted, 4) == pytest.approx(benjamini_hochberg(TRIAL)[order])
    assert benjamini_hochberg([]).shape == (0,)
    assert np.isnan(benjamini_hochberg([np.nan])).all()


def test_difference_p_equals_scipys_permutation_of_welchs_t():
    rng = np.random.default_rng(11)
    group, rest = rng.lognormal(0.3, 0.5, 30), rng.lognormal(0, 0.5, 90)
    method = stats.PermutationMethod(n_resamples=4000, rng=np.random.default_rng(0))
    theirs = stats.ttest_ind(group, rest, equal_var=False, method=method).pvalue
    assert difference_p(group, rest) == pytest.approx(theirs, abs=0.015)


def test_difference_p_is_symmetric_and_leaves_missing_values_out():
    rng = np.random.default_rng(1)
    group, rest = rng.normal(0.5, 1, 40), rng.normal(0, 1, 200)
    p = difference_p(group, rest, shuffles=4000)
    assert difference_p(rest, np.append(group, np.nan), shuffles=4000) == pytest.approx(p, abs=0.01)
    assert np.isnan(difference_p([1.0], rest))


def test_difference_p_of_equal_values_is_1_and_of_constant_different_ones_small():
    assert difference_p([2.0] * 40, [2.0] * 60, shuffles=500) == 1
    assert difference_p([2.0] * 40, [3.0] * 60, shuffles=500) == pytest.approx(2 / 501)


def test_groups_tested_together_get_what_each_gets_alone():
    rng = np.random.default_rng(4)
    values = rng.normal(size=(300, 3))
    values[:50, 1] -= 1.0
    members = np.stack([np.arange(300) < 50, np.arange(300) % 3 > 0, rng.random(300) < 0.3], axis=1)
    together = difference_ps(values, members, shuffles=4000)
    alone = [[difference_p(values[m, k], values[~m, k], shuffles=4000) for k in range(3)] for m in members.T]
    assert together == pytest.approx(np.array(alone), abs=0.03)
    assert together[0, 1] < 0.01


def test_p_does_not_depend_on_how_many_shuffles_fit_into_memory(monkeypatch: pytest.MonkeyPatch):
    values = np.random.default_rng(1).normal(size=(120, 2))
    members = (np.arange(120) < 40)[:, None]
    whole = difference_ps(values, members, shuffles=1000)
    monkeypatch.setattr("unmask.model.metrics.differences._CHUNK", 100)
    assert np.array_equal(whole, difference_ps(values, members, shuffles=1000))


def rates(draw: Draw, group_spread: float) -> np.ndarray:
    """How often 1,500 p-values of 30 pictures against 600 with the same mean are below 0.05 and 0.01."""
    values = draw(np.random.default_rng(9), (630, 1500))
    values -= values.mean()
    values[:30] *= group_spread
    p = difference_ps(values, (np.arange(630) < 30)[:, None], shuffles=1000)[0]
    return np.array([(p < 0.05).mean(), (p < 0.01).mean()])


@pytest.mark.parametrize("draw", [NORMAL, LOG_NORMAL, MAP_IOU])
@pytest.mark.parametrize("group_spread", [1.0, 2.0])
def test_a_small_group_like_the_rest_is_called_different_no_more_often_than_the_level(
    draw: Draw, group_spread: float
):
    at_5, at_1 = rates(draw, group_spread)
    assert 0.03 <= at_5 <= 0.07
    assert at_1 <= 0.02


def test_welchs_own_p_calls_small_groups_of_skewed_scores_different_too_often():
    values = np.random.default_rng(9).lognormal(0, 1, (630, 1500))
    p = stats.ttest_ind(values[:30], values[30:], axis=0, equal_var=False).pvalue
    assert (p < 0.01).mean() > 0.03  # why difference_ps shuffles
    ours = difference_ps(values, (np.arange(630) < 30)[:, None], shuffles=1000)[0]
    assert (ours < 0.01).mean() <= 0.02


def test_draws_and_shuffles_bound_p_from_below():
    assert paired_difference(np.arange(1.0, 60), np.zeros(59)).p == pytest.approx(2 / (DRAWS + 1))
