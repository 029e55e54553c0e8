import math

import pytest

from unmask.datagen.common.errors import UserError
from unmask.model.training.budget import Budget, learning_rate


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "give one of `images`, `epochs` and `minutes`, not none"),
        ({"images": 5, "minutes": 2.0}, "give one of .*, not `images` and `minutes`"),
        ({"images": 0}, "images 0: expected a number above 0"),
        ({"epochs": -1.0}, "epochs -1.0: expected"),
        ({"minutes": math.nan}, "minutes nan: expected"),
        ({"minutes": math.inf}, "minutes inf: expected"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused_with_its_flag(given: dict[str, float], words: str):
    with pytest.raises(UserError, match=words):
        Budget(**given)  # type: ignore[arg-type]


def test_each_kind_of_budget_counts_its_own_unit():
    assert Budget(images=200).fraction(50, seconds=9e9, dataset_size=7) == 0.25
    assert Budget(epochs=2.0).fraction(50, seconds=9e9, dataset_size=100) == 0.25
    assert Budget(minutes=2.0).fraction(10**9, seconds=30, dataset_size=100) == 0.25


def test_a_budget_is_done_exactly_at_its_end_and_never_more_than_spent():
    budget = Budget(epochs=0.1 * 3)  # a little above 0.3 in floats: no picture more than 3
    assert budget.fraction(2, 0, 10) < 1.0
    assert budget.fraction(3, 0, 10) == 1.0
    assert budget.fraction(99, 0, 10) == 1.0
    assert Budget(minutes=1.0).fraction(0, 60.0, 10) == 1.0
    assert Budget(minutes=1.0).fraction(10**9, 59.9, 10) < 1.0


def test_a_part_of_an_epoch_is_at_least_one_picture():
    assert Budget(epochs=1e-6).total_images(10) == 1
    assert Budget(epochs=1e-6).fraction(0, 0, 10) < 1.0


def test_a_larger_budget_makes_a_finished_run_unfinished():
    assert Budget(images=100).fraction(100, 5, 10) == 1.0
    assert Budget(images=400).fraction(100, 5, 10) == 0.25


def test_the_time_left_follows_the_speed_so_far_or_the_one_given():
    assert Budget(images=300).eta_s(100, 20.0, 10) == pytest.approx(40.0)
    assert Budget(images=300).eta_s(100, 20.0, 10, images_per_s=50.0) == pytest.approx(4.0)
    assert Budget(epochs=3.0).eta_s(10, 1.0, 10) == pytest.approx(2.0)
    assert Budget(minutes=2.0).eta_s(7, 30.0, 10) == pytest.approx(90.0)


def test_the_time_left_is_unknown_before_the_first_step_and_nothing_after_the_last():
    assert Budget(images=300).eta_s(0, 0.0, 10) == math.inf
    assert Budget(images=300).eta_s(400, 10.0, 10) == 0
    assert Budget(minutes=1.0).eta_s(400, 61.0, 10) == 0


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (Budget(images=50_000), "50,000 images"),
        (Budget(images=12_345_678), "12,345,678 images"),
        (Budget(epochs=1.5), "1.5 epochs"),
        (Budget(epochs=1.0), "1 epoch"),
        (Budget(minutes=20.0), "20 minutes"),
    ],
)
def test_a_budget_is_said_in_words(budget: Budget, words: str):
    assert budget.words() == words


def test_the_rate_warms_up_linearly_and_then_follows_the_cosine_to_the_floor():
    def rate(fraction: float, seen: int) -> float:
        return learning_rate(fraction, base=2.0, warmup_images=100, images_seen=seen, floor=0.1)

    assert rate(0, 0) == pytest.approx(0.2)
    assert rate(0, 50) == pytest.approx(1.1)
    assert rate(0, 100) == pytest.approx(2.0)
    assert rate(0.5, 100) == pytest.approx(1.1)
    assert rate(1.0, 10**6) == pytest.approx(0.2)
    assert rate(0.25, 100) == pytest.approx(2 * (0.1 + 0.9 * (1 + math.sqrt(0.5)) / 2))


def test_without_a_warm_up_the_first_rate_is_the_base():
    assert learning_rate(0, 3e-4, warmup_images=0, images_seen=0) == pytest.approx(3e-4)


def test_the_rate_only_falls_after_the_warm_up():
    rates = [learning_rate(step / 50, 1.0, 10, images_seen=10 + step) for step in range(51)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(0.01)


def test_validations_take_at_most_a_tenth_of_the_time_by_what_one_costs():
    two = Budget(minutes=2.0)
    assert two.most_validations(9, judged=256, validation_s=3.0) == pytest.approx(4.0)
    assert two.most_validations(9, judged=256, validation_s=24.0) == pytest.approx(0.5)
    assert Budget(minutes=60.0).most_validations(9, judged=256, validation_s=3.0) == pytest.approx(120.0)


def test_validations_of_a_budget_in_pictures_do_not_depend_on_the_clock():
    for took_s in (0.001, 1000.0):
        assert Budget(images=5120).most_validations(9, judged=256, validation_s=took_s) == pytest.approx(2.0)
        assert Budget(epochs=2.0).most_validations(2560, judged=256, validation_s=took_s) == pytest.approx(
            2.0
        )


def test_a_warm_up_takes_at_most_a_tenth_of_a_budget_in_whatever_unit():
    assert Budget(images=1000).longest_warmup(3, 0.003, 10) == 100
    assert Budget(epochs=2.0).longest_warmup(3, 0.0, 500) == 100
    minutes = Budget(minutes=2.0)
    assert minutes.longest_warmup(0, 0.0, 10) is None
    assert minutes.longest_warmup(32, 0.02, 10) == 160  # at this pace 1,600 in all
    seen, spent = 320, 0.2
    assert minutes.longest_warmup(seen, spent, 10) < seen  # so it is over
