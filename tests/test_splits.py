from dataclasses import dataclass

import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset.splits import check_disjoint, choose_split, stable_order


@dataclass(frozen=True)
class Item:
    name: str
    split: str = ""
    identity: str = ""


def test_official_splits_are_taken_and_test_pictures_left_alone():
    items = [Item("a", "train"), Item("b", "val"), Item("c", "test"), Item("d", "train"), Item("e")]
    split = choose_split(items, "--data x")
    assert [item.name for item in split.train] == ["a", "d"]
    assert [item.name for item in split.val] == ["b"]
    assert split.notes == ("--data x: in no split, hence left out: 1",)


def test_without_splits_a_twentieth_of_the_identities_judges():
    items = [Item(f"{i}", identity=f"{i // 4}") for i in range(4000)]
    split = choose_split(items, "--online x")
    people = {item.identity for item in split.val}
    assert 30 < len(people) < 70
    assert not people & {item.identity for item in split.train}
    assert len(split.train) + len(split.val) == 4000
    assert split.notes == (f"--online x: {len(people)} of 1000 identities are kept for validation",)


def test_further_pictures_move_nobody_to_the_other_side():
    items = [Item(f"{i}") for i in range(2000)]
    few, many = choose_split(items[:1000], "x"), choose_split(items, "x")
    assert {item.name for item in few.val} == {item.name for item in many.val if int(item.name) < 1000}
    assert "pictures are kept for validation; the same person may be on both sides" in few.notes[0]


def test_variants_of_a_picture_stay_together():
    split = choose_split([Item(f"{i // 2}") for i in range(2000)], "x")
    assert not {item.name for item in split.train} & {item.name for item in split.val}


def test_a_few_people_are_divided_and_one_alone_is_refused():
    for count in range(2, 8):
        for start in range(40):
            split = choose_split([Item(f"{start + i}") for i in range(count)], "x")
            assert split.train
            assert split.val
    with pytest.raises(UserError, match="at least two people"):
        choose_split([Item("a", identity="1"), Item("b", identity="1")], "x")


def test_a_train_split_alone_is_divided_and_said():
    split = choose_split([Item(f"{i}", "train", f"{i}") for i in range(200)], "--data x")
    assert split.val
    assert split.notes[0] == "--data x: no picture of the val split"


def test_no_train_split_is_one_line():
    with pytest.raises(UserError, match=r"^--data x: no picture of the train split"):
        choose_split([Item("a", "val"), Item("b", "test")], "--data x")


def test_a_person_on_both_sides_is_refused_by_name_and_number():
    items = [Item("a", "train", "7"), Item("b", "train", "8"), Item("c", "val", "8"), Item("d", "val", "7")]
    with pytest.raises(
        UserError, match=r"2 identities are both in the train and in the val split, such as '7'"
    ):
        choose_split(items, "x")
    check_disjoint([Item("a", "train")], [Item("b", "val")], "x")  # unknown people are nobody


def test_the_stable_order_depends_on_each_name_alone():
    names = [f"{i:04d}" for i in range(500)]
    order = [names[i] for i in stable_order(names)]
    assert sorted(order) == names
    assert order != names
    assert [name for name in order if int(name) % 2] == [names[1::2][i] for i in stable_order(names[1::2])]
