from collections import Counter

import numpy as np
import pytest
from numbered import Numbered

from unmask.datagen.common.rng import generator
from unmask.model.data.balance import LEAST, MOST, UNKNOWN, Balance, Trait, bounded
from unmask.model.data.batches import BatchStream
from unmask.model.data.order import EpochOrder


def trait(name: str, *values: int) -> Trait:
    return Trait(name, ("without", "with"), np.array(values, np.int8))


def share(weights: np.ndarray, values: np.ndarray) -> float:
    return float(weights[values == 1].sum() / weights.sum())


# ---- weights -----------------------------------------------------------------------------------------------


def test_both_values_of_a_rare_attribute_come_equally_often():
    beards = trait("Beard", *[1] * 3, *[0] * 17)
    weights = Balance((beards,)).weights
    assert weights.mean() == pytest.approx(1)
    assert share(weights, beards.values) == pytest.approx(0.5)
    assert weights[0] == pytest.approx(10 / 3)
    assert weights[-1] == pytest.approx(10 / 17)


def test_half_the_strength_goes_half_of_the_way():
    beards = trait("Beard", *[1] * 4, *[0] * 16)
    shares = [share(Balance((beards,), strength).weights, beards.values) for strength in (1e-9, 0.5, 1.0)]
    assert shares == pytest.approx([0.2, 1 / 3, 0.5])  # as 2 to 4: the roots of 4 and 16
    assert Balance((beards,), 0.5).fingerprint != Balance((beards,)).fingerprint


def test_no_picture_weighs_more_than_the_limit_and_the_others_take_what_is_left():
    rare = trait("Bald", 1, *[0] * 39)
    weights = Balance((rare,)).weights
    assert weights.max() == weights[0] == MOST
    assert weights.mean() == pytest.approx(1)
    assert np.ptp(weights[1:]) == 0


def test_weights_are_cut_on_both_sides_with_a_mean_of_one():
    counts = np.array([1, 2, 7, 20])
    weights = bounded(np.array([1000.0, 1.5, 1, 0.001]), counts)
    assert (weights[0], weights[3]) == (MOST, LEAST)
    assert np.average(weights, weights=counts) == pytest.approx(1)
    assert weights[1] / weights[2] == pytest.approx(1.5)


def test_attributes_that_go_together_share_what_the_bounds_leave_and_their_order_has_no_say():
    male = trait("Male", *[1] * 80, *[0] * 120)
    beard = trait("Beard", *[1] * 30, *[0] * 170)
    weights = Balance((male, beard)).weights
    men_with, men_without = weights[0], weights[40]
    assert men_without == pytest.approx(LEAST)  # else beards and women would need all places
    assert 0.5 < share(weights, male.values) < 0.57
    assert 0.43 < share(weights, beard.values) < 0.5
    assert men_with > 2.5
    assert Balance((beard, male)).weights == pytest.approx(weights)


def test_independent_attributes_are_all_even():
    rng = np.random.default_rng(0)
    traits = [trait(name, *(rng.random(2000) < at)) for name, at in (("A", 0.3), ("B", 0.4), ("C", 0.6))]
    weights = Balance(tuple(traits)).weights
    assert [share(weights, one.values) for one in traits] == pytest.approx([0.5] * 3, abs=2e-3)


def test_a_picture_of_which_nothing_is_known_weighs_as_the_mean():
    unknown = trait("Beard", 1, 0, 0, 0, UNKNOWN)
    assert Balance((unknown,)).weights.tolist() == pytest.approx([2, 2 / 3, 2 / 3, 2 / 3, 1])
    note = "balanced Beard: without 75.0 % -> 50.0 %, with 25.0 % -> 50.0 %; unknown: 1"
    assert Balance((unknown,)).notes == (note,)


def test_what_all_pictures_have_changes_no_weight():
    same = trait("Young", 1, 1, 1)
    assert Balance((same,)).weights.tolist() == [1, 1, 1]
    assert Balance((same,)).notes == ("balanced Young: with 100.0 % -> 100.0 %",)


def test_the_fingerprint_changes_with_what_decides_a_weight():
    ways = [
        Balance((trait("Beard", 1, 0),)),
        Balance((trait("Beard", 0, 1),)),
        Balance((trait("Male", 1, 0),)),
        Balance((trait("Beard", 1, 0), trait("Male", 1, 0))),
    ]
    assert len({way.fingerprint for way in ways}) == 4


# ---- the order ---------------------------------------------------------------------------------------------


def positions(order: EpochOrder, epoch: int) -> list[tuple[int, int]]:
    return [order.at(epoch * order.count + place) for place in range(order.count)]


WEIGHTS = np.array([3.3] * 5 + [0.45] * 20 + [29 / 30] * 15)  # of mean 1


def test_a_picture_comes_as_often_in_every_epoch_as_its_weight_allows():
    order = EpochOrder(40, 3, WEIGHTS)
    shown = np.zeros(40)
    for epoch in range(200):
        counts = np.bincount([index for index, _ in positions(order, epoch)], minlength=40)
        assert counts.sum() == 40
        assert (counts >= np.floor(WEIGHTS - 1e-9)).all()
        assert (counts <= np.ceil(WEIGHTS + 1e-9)).all()
        shown += counts
    assert np.abs(shown / 200 - WEIGHTS).max() < 0.15


def test_a_picture_that_comes_again_gets_a_mask_that_no_epoch_has():
    order = EpochOrder(40, 3, WEIGHTS)
    every = [pair for epoch in range(50) for pair in positions(order, epoch)]
    assert len(set(every)) == len(every)
    repeated = [epoch for index, epoch in positions(order, 7) if index == 0]
    assert len(repeated) > 1
    assert repeated == [7 + 10_000_000 * number for number in range(len(repeated))]


def test_the_order_depends_on_seed_and_epoch_alone():
    one, same, other = (EpochOrder(40, seed, WEIGHTS) for seed in (3, 3, 4))
    late = positions(same, 9)
    assert [positions(one, epoch) for epoch in (0, 9)] == [positions(same, 0), late]
    assert positions(one, 0) != positions(one, 1)
    assert positions(one, 0) != positions(other, 0)
    # the repeats of one picture are not next to each other
    places = [place for place, (index, _) in enumerate(positions(one, 0)) if index < 5]
    assert max(places) - min(places) > 20


def test_without_weights_the_order_is_the_permutation_of_before():
    permutation = generator(1, "", 2, "order").permutation(7)
    assert positions(EpochOrder(7, 1), 2) == [(index, 2) for index in permutation]


def test_workers_ranks_and_a_later_start_give_the_same_pictures():
    weights = np.array([3.0, 3, *[0.5] * 8])
    whole = BatchStream(Numbered(10), 4, seed=1, weights=weights)
    keys = [next(whole).keys for _ in range(9)]
    assert Counter(key for batch in keys for key in batch)["face 0"] > 8
    resumed = BatchStream(Numbered(10), 4, seed=1, weights=weights, workers=2, first_step=4)
    assert [next(resumed).keys for _ in range(4)] == keys[4:8]
    resumed.close()
    halves = [BatchStream(Numbered(10), 2, seed=1, weights=weights, rank=rank, world=2) for rank in (0, 1)]
    assert [halves[0].make_batch(step).keys + halves[1].make_batch(step).keys for step in range(9)] == keys
