import numpy as np
import pandas as pd
import pytest

from unmask.datagen.common.errors import UserError
from unmask.model.evaluation.groups import Grouping, cross, crossable, make_groupings

COVERAGE = ["0.05", "0.08", "0.10", "0.12", "0.14", "0.16", "0.2", ""]


def tags(**columns: list[str]) -> pd.DataFrame:
    """Eight pictures as metrics.csv has them: text, empty where not known."""
    usual = {
        "key": [f"{index:06d}_00" for index in range(8)],
        "family": ["surgical", "surgical", "kn95", "kn95", "scarf", "scarf", "scarf", ""],
        "worn": ["proper"] * 8,
        "colour": ["#101010", "#fafafa", "#2040c0", "#2244c8", "#c01818", "", "blue", "#f4f4f4"],
        "coverage": COVERAGE,
        "yaw": ["-40", "-20", "-13", "0", "13", "13.1", "25", "25.5"],
        "attr_Male": ["1", "1", "0", "0", "1", "0", "", "1"],
        "attr_Young": ["1", "0", "1", "0", "1", "1", "1", "1"],
        "attr_Bald": ["0"] * 8,
    }
    return pd.DataFrame(usual | columns)


def named(groupings: list[Grouping], name: str) -> Grouping:
    return next(grouping for grouping in groupings if grouping.name == name)


def labels(grouping: Grouping) -> list[str]:
    return ["" if code < 0 else grouping.groups[code] for code in grouping.codes]


def test_attributes_part_pictures_into_yes_and_no_and_unknown_ones_are_in_neither():
    male = named(make_groupings(tags()), "Male")
    assert (male.kind, male.groups) == ("attribute", ("yes", "no"))
    assert labels(male) == ["yes", "yes", "no", "no", "yes", "no", "", "yes"]


def test_what_all_pictures_share_is_no_grouping():
    found = [(grouping.kind, grouping.name) for grouping in make_groupings(tags())]
    assert ("attribute", "Bald") not in found
    assert ("worn", "worn") not in found
    assert found == [
        ("attribute", "Male"),
        ("attribute", "Young"),
        *[(kind, kind) for kind in ("family", "colour", "coverage", "yaw")],
    ]


def test_a_table_without_tags_has_no_groupings():
    assert make_groupings(pd.DataFrame({"key": ["a", "b"], "edit_psnr": [1.0, 2.0]})) == []


def test_colours_are_grouped_under_everyday_names():
    colour = named(make_groupings(tags()), "colour")
    assert labels(colour) == ["black", "white", "blue", "blue", "red", "", "", "white"]


def test_yaw_keeps_left_and_right_apart_and_limits_belong_to_the_smaller_turn():
    yaw = named(make_groupings(tags()), "yaw")
    assert yaw.groups == (
        "beyond 25° left",
        "13 to 25° left",
        "within 13°",
        "13 to 25° right",
        "beyond 25° right",
    )
    expected = [0, 1, 2, 2, 2, 3, 3, 4]
    assert yaw.codes.tolist() == expected


def test_coverage_is_cut_into_quarters_named_by_their_range_in_percent():
    coverage = named(make_groupings(tags()), "coverage")
    assert coverage.groups == ("5.0 to 9.0 %", "9.0 to 12.0 %", "12.0 to 15.0 %", "15.0 to 20.0 %")
    assert coverage.codes.tolist() == [0, 0, 1, 1, 2, 3, 3, -1]


def test_quarters_are_about_equally_large_and_each_picture_is_in_the_range_of_its_group():
    values = np.random.default_rng(0).uniform(20, 95, 403)
    table = pd.DataFrame({"lightness": [f"{value:.3f}" for value in values]})
    lightness = named(make_groupings(table), "lightness")
    assert np.bincount(lightness.codes).tolist() == pytest.approx([101, 101, 101, 100], abs=1)
    for value, group in zip(values, labels(lightness), strict=True):
        low, high = (float(text) for text in group.removeprefix("L* ").split(" to "))
        assert low - 0.051 <= value <= high + 0.051


def test_quarters_with_many_equal_values_are_fewer_but_never_cut_through_them():
    coverage = named(make_groupings(tags(coverage=["0.1"] * 6 + ["0.2", "0.3"])), "coverage")
    assert coverage.groups == ("10.0 to 12.5 %", "12.5 to 30.0 %")
    assert coverage.codes.tolist() == [0] * 6 + [1, 1]
    assert "coverage" not in [grouping.name for grouping in make_groupings(tags(coverage=["0.1"] * 8))]


def test_ranges_get_as_many_digits_as_tell_them_apart():
    narrow = [f"{0.1 + 0.00001 * index:.5f}" for index in range(8)]
    coverage = named(make_groupings(tags(coverage=narrow)), "coverage")
    assert len(set(coverage.groups)) == 4


def test_numbers_instead_of_text_give_the_same_groups():
    numbers = tags()
    for name in ("coverage", "yaw", "attr_Male", "attr_Young"):
        numbers[name] = pd.to_numeric(numbers[name])
    for ours, theirs in zip(make_groupings(tags()), make_groupings(numbers), strict=True):
        assert ours.groups == theirs.groups
        assert ours.codes.tolist() == theirs.codes.tolist()


def test_crossed_attributes_part_pictures_by_both_and_need_both_known():
    both = make_groupings(tags(), ["Male", "Young"])[-1]
    assert (both.kind, both.name) == ("crossing", "Male x Young")
    assert both.groups == (
        "Male yes, Young yes",
        "Male yes, Young no",
        "Male no, Young yes",
        "Male no, Young no",
    )
    assert labels(both) == [both.groups[code] if code >= 0 else "" for code in (0, 1, 2, 3, 0, 2, -1, 0)]


def test_tags_are_crossed_too_and_names_may_be_written_in_any_case():
    both = cross(tags(), ["FAMILY", "attr_young"])
    assert both.name == "family x Young"
    assert both.groups == (
        "family kn95, Young yes",
        "family kn95, Young no",
        "family scarf, Young yes",
        "family surgical, Young yes",
        "family surgical, Young no",
    )
    assert both.codes.tolist() == [3, 4, 0, 1, 2, 2, 2, -1]


def test_a_single_name_is_a_crossing_of_one():
    single = cross(tags(identity=["7", "7", "8", "8", "9", "9", "9", ""]), ["identity", "identity"])
    assert (single.name, single.groups) == ("identity", ("identity 7", "identity 8", "identity 9"))


def test_an_unknown_name_is_refused_with_those_there_are():
    with pytest.raises(
        UserError, match=r"^by Mole: no such attribute or tag; there is family, .*Male, Young"
    ):
        make_groupings(tags(), ["Male", "Mole"])
    with pytest.raises(UserError, match=r"by Male: .*no picture has a tag"):
        cross(pd.DataFrame({"key": ["a"]}), ["Male"])


def test_names_on_offer_leave_out_columns_without_any_value():
    assert "texture" not in crossable(tags())
    assert "texture" not in crossable(tags(texture=[""] * 8))
    assert "texture" in crossable(tags(texture=["plain"] + [""] * 7))


def test_crossing_pictures_of_one_group_is_refused():
    with pytest.raises(UserError, match="by Bald: 1 group of pictures, nothing to compare"):
        make_groupings(tags(), ["Bald"])


def test_a_persons_own_column_of_words_can_be_crossed() -> None:
    table = pd.DataFrame(
        {
            "key": list("abcd"),
            "mask_kind": ["cloth", "surgical", "cloth", ""],
            "map_iou": [0.1, 0.2, 0.3, 0.4],
        }
    )
    assert crossable(table) == ["mask_kind"]
    grouping = cross(table, ["mask_kind"])
    assert grouping.codes.tolist() == [0, 1, 0, -1]
    with pytest.raises(UserError, match="by map_iou"):
        cross(table, ["map_iou"])
