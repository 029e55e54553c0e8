from typing import Any

import numpy as np
import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.masks.ranges import Choice, Uniform, parse_range, parse_weights, pick

SHARES = [0.0, 1e-9, 0.25, 0.5, 0.999, np.nextafter(1, 0)]


def test_a_number_is_a_fixed_value():
    for value in (0.3, 2, -1.5, 0):
        fixed = parse_range(value, "file: key")
        assert {fixed.at(share) for share in SHARES} == {value}
        assert fixed.span() == (value, value)


def test_a_pair_is_uniform_and_stays_within_its_ends():
    values = parse_range([0.1, 0.4], "file: key")
    drawn = [values.at(share) for share in SHARES]
    assert drawn == sorted(drawn)
    assert drawn[0] == 0.1
    assert all(0.1 <= value <= 0.4 for value in drawn)
    assert values.span() == (0.1, 0.4)


@pytest.mark.parametrize("ends", [[0.00004, 0.00008], [0.12345, 0.12346], [-0.00006, -0.00001]])
def test_rounding_does_not_leave_a_narrow_range(ends: list[float]):
    values = parse_range(ends, "file: key")
    assert all(ends[0] <= values.at(share) <= ends[1] for share in SHARES)


def test_a_choice_takes_each_value_by_its_weight():
    values = parse_range({"choice": [1, 2, 5], "weights": [1, 0, 3]}, "file: key")
    drawn = [values.at(share) for share in np.linspace(0, 1, 1000, endpoint=False)]
    assert drawn.count(1) == pytest.approx(250, abs=2)
    assert drawn.count(2) == 0
    assert drawn.count(5) == pytest.approx(750, abs=2)
    assert values.span() == (1, 5)


def test_a_choice_without_weights_is_even_and_may_hold_names():
    values = parse_range({"choice": ["a", "b"]}, "file: key")
    assert isinstance(values, Choice)
    assert values.at(0.0) == "a"
    assert values.at(0.75) == "b"


@pytest.mark.parametrize(
    "value",
    [
        *["0.3", None, True, [], [1], [1, 2, 3], [0.4, 0.1], [1, "2"], [True, 2], {}, {"choice": []}],
        *[{"choice": 3}, {"choice": [[1]]}, {"choice": [True]}, {"choice": [1], "weight": [1]}],
        *[
            {"choice": [1, 2], "weights": [1]},
            {"choice": [1], "weights": [0]},
            {"choice": [1], "weights": [-1]},
        ],
        *[{"choice": [1], "weights": 1}, {"choice": [1], "weights": ["1"]}, float("nan"), float("inf")],
        *[[0, float("inf")], [float("nan"), 1], {"choice": [float("nan")]}],
    ],
    ids=repr,
)
def test_anything_else_is_refused_in_one_line_that_names_file_and_key(value: Any):
    with pytest.raises(UserError, match=r"my\.toml: shape\.width") as caught:
        parse_range(value, "my.toml: shape.width")
    assert "\n" not in str(caught.value)


def test_weights_are_a_table_of_names_with_numbers():
    assert parse_weights({"a": 1, "b": 0, "c": 2.5}, "where") == {"a": 1.0, "b": 0.0, "c": 2.5}


@pytest.mark.parametrize(
    "table",
    [None, [], {}, 3, {"a": 0}, {"a": -1, "b": 2}, {"a": "1"}, {"a": True}, {"a": float("nan")}],
    ids=repr,
)
def test_bad_weights_are_refused_in_one_line_that_names_the_place(table: Any):
    with pytest.raises(UserError, match=r"my\.toml: families"):
        parse_weights(table, "my.toml: families")


def test_picking_never_takes_a_weight_of_zero():
    rng = np.random.default_rng(0)
    for _ in range(300):
        weights = rng.choice([0, 0, 0.1, 0.3, 1e-12, 5], rng.integers(1, 7))
        if not weights.any():
            continue
        for share in SHARES:
            assert weights[pick(float(share), weights.tolist())] > 0


def test_a_uniform_range_covers_itself_evenly():
    values = Uniform(2.0, 4.0)
    drawn = [values.at(share) for share in np.linspace(0, 1, 101)]
    assert np.allclose(np.diff(drawn), 0.02, atol=2e-4)
