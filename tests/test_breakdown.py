import io
import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from unmask.model.evaluation.breakdown import COLUMNS, Metric, break_down, breakdown_csv, worst_groups
from unmask.model.evaluation.groups import Grouping, make_groupings
from unmask.model.metrics.differences import benjamini_hochberg, difference_p
from unmask.model.metrics.intervals import bootstrap_mean

PSNR, L1 = Metric("edit_psnr", True), Metric("edit_l1", False)
QUICK = {"draws": 20, "shuffles": 2000}
# Of CelebA's 40 attributes, in their order.
FREQUENCIES = [
    *(0.11, 0.27, 0.51, 0.20, 0.02, 0.15, 0.24, 0.24, 0.24, 0.15, 0.05, 0.20, 0.14, 0.06, 0.05, 0.07, 0.06, 0.04),
    *(0.39, 0.46, 0.42, 0.48, 0.04, 0.12, 0.83, 0.28, 0.04, 0.28, 0.08, 0.07, 0.06, 0.48, 0.21, 0.32, 0.19, 0.05),
    *(0.47, 0.12, 0.07, 0.77),
]  # fmt: skip


def draw_attributes(n: int, seed: int) -> pd.DataFrame:
    """Forty attributes as frequent as CelebA's, correlated through four things that they have in common."""
    rng = np.random.default_rng(seed)
    common = (
        rng.normal(size=(n, 4)) @ rng.normal(size=(4, 40)) * 0.9
    )  # root mean square correlation 0.155, as CelebA's
    score = common + rng.normal(size=(n, 40))
    score /= score.std(axis=0)
    has = score < stats.norm.ppf(FREQUENCIES)
    return pd.DataFrame({f"attr_A{index:02d}": has[:, index].astype(int).astype(str) for index in range(40)})


def group_of(names: Sequence[str], kind: str = "worn") -> Grouping:
    """A grouping by a text for each picture; empty for unknown."""
    groups = tuple(sorted(set(names) - {""}))
    return Grouping(kind, kind, groups, np.array([groups.index(name) if name else -1 for name in names]))


def row(breakdown: pd.DataFrame, **wanted: str) -> pd.Series:
    found = breakdown[np.logical_and.reduce([breakdown[key] == value for key, value in wanted.items()])]
    assert len(found) == 1
    return found.iloc[0]


def test_worse_pictures_of_one_attribute_are_flagged_as_the_worst_group():
    table = draw_attributes(1500, seed=0)
    hat = table["attr_A35"] == "1"
    rng = np.random.default_rng(1)
    table["edit_psnr"] = rng.normal(28, 3, 1500) - 3 * hat
    table["edit_l1"] = rng.lognormal(1, 0.5, 1500) + 2.5 * hat
    found = break_down(table, [PSNR, L1], make_groupings(table), **QUICK)
    for metric in ("edit_psnr", "edit_l1"):
        worst = found[(found.metric == metric) & found.worst]
        assert worst[["kind", "name", "group"]].to_numpy().tolist() == [["attribute", "A35", "yes"]]
    assert row(found, metric="edit_psnr", name="A35", group="yes").gap == pytest.approx(-3, abs=1)
    assert row(found, metric="edit_l1", name="A35", group="yes").gap > 0


def test_a_group_is_worst_in_the_direction_that_is_bad():
    names = ["high"] * 100 + ["low"] * 100 + ["usual"] * 200
    scores = np.random.default_rng(0).normal(10, 1, 400) + np.repeat([1.2, -1.2, 0], [100, 100, 200])
    table = pd.DataFrame({"edit_psnr": scores, "edit_l1": scores})
    found = break_down(table, [PSNR, L1], [group_of(names)], **QUICK)
    assert found[found.significant]["group"].tolist() == ["high", "low"] * 2
    assert found[found.worst][["metric", "group"]].to_numpy().tolist() == [
        ["edit_psnr", "low"],
        ["edit_l1", "high"],
    ]


def test_a_kind_with_only_better_groups_has_no_worst():
    names = ["good"] * 40 + [f"usual {index % 9}" for index in range(360)]
    scores = np.random.default_rng(0).normal(28, 1, 400)
    scores[:40] += 1
    found = break_down(pd.DataFrame({"edit_psnr": scores}), [PSNR], [group_of(names)], **QUICK)
    assert found[found.significant]["group"].tolist() == ["good"]
    assert not found["worst"].any()


@pytest.mark.parametrize("skewed", [False, True])
def test_where_attributes_say_nothing_no_group_is_flagged_in_at_least_95_of_100_repeats(skewed: bool):
    attributes, rng = draw_attributes(600, seed=3), np.random.default_rng(4)
    metrics = [Metric(f"score_{index}", True) for index in range(50)]
    flagged, worst = [], 0
    for seed in range(6):  # each metric is a repeat: scores that have nothing to do with the attributes
        scores = rng.lognormal(0, 0.8, (600, 50)) if skewed else rng.normal(size=(600, 50))
        table = attributes.join(pd.DataFrame(scores, columns=[metric.name for metric in metrics]))
        found = break_down(table, metrics, make_groupings(table), seed=seed, draws=2, shuffles=2000)
        flagged += found.groupby("metric")["significant"].any().tolist()
        worst += int(found["worst"].sum())
    assert len(flagged) == 300
    assert np.mean(flagged) <= 0.05  # 0.03 to 0.042 over 2,000 repeats
    assert worst <= 0.05 * 300


def test_columns_say_what_they_say():
    rng = np.random.default_rng(5)
    names = ["a"] * 60 + ["b"] * 90 + ["c"] * 40 + [""] * 10
    table = pd.DataFrame({"edit_psnr": rng.normal(28, 3, 200), "edit_l1": rng.normal(5, 1, 200)})
    table.loc[:9, "edit_l1"] = np.nan
    found = break_down(table, [PSNR, L1], [group_of(names)], seed=3, draws=300, shuffles=5000)
    assert tuple(found.columns) == COLUMNS
    assert list(found["metric"]) == ["edit_psnr"] * 3 + ["edit_l1"] * 3

    b, a_l1 = row(found, metric="edit_psnr", group="b"), row(found, metric="edit_l1", group="a")
    scores, rest = table["edit_psnr"][60:150], np.r_[table["edit_psnr"][:60], table["edit_psnr"][150:190]]
    interval = bootstrap_mean(scores, seed=3, draws=300)
    assert b.n == 90
    assert [b["mean"], b.low, b.high] == pytest.approx([interval.mean, interval.low, interval.high])
    assert (b.rest_n, b.rest_mean) == (100, pytest.approx(rest.mean()))
    assert b.gap == pytest.approx(scores.mean() - rest.mean())
    assert b.p == pytest.approx(difference_p(scores, rest, shuffles=5000), abs=0.04)
    assert (a_l1.n, a_l1.rest_n) == (50, 130)

    p = found[found.metric == "edit_psnr"]["p"]
    adjusted = found[found.metric == "edit_psnr"]["p_adjusted"]
    assert adjusted.tolist() == pytest.approx(benjamini_hochberg(p).tolist())


def test_groupings_of_two_groups_count_once_when_p_is_adjusted():
    table = draw_attributes(400, seed=1).iloc[:, 18:24]
    table["edit_psnr"] = np.random.default_rng(2).normal(size=400) + 0.6 * (table.iloc[:, 0] == "1")
    groupings = make_groupings(table)
    found = break_down(table, [PSNR], groupings, **QUICK)
    yes, no = (found[found.group == group] for group in ("yes", "no"))
    judged = yes["p"].notna().to_numpy()
    assert judged.sum() == 5  # one of six is too rare
    assert yes["p"].tolist() == pytest.approx(no["p"].tolist(), nan_ok=True)
    assert yes["p_adjusted"].tolist() == pytest.approx(benjamini_hochberg(yes["p"]).tolist(), nan_ok=True)
    assert no["p_adjusted"].tolist() == pytest.approx(yes["p_adjusted"].tolist(), nan_ok=True)
    assert found["worst"].sum() == 1


def test_kinds_are_judged_apart():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"edit_psnr": rng.normal(size=300)})
    one = group_of(["x" if value else "y" for value in rng.random(300) < 0.5], "worn")
    other = group_of(["x" if value else "y" for value in rng.random(300) < 0.5], "family")
    alone = break_down(table, [PSNR], [one], **QUICK)
    both = break_down(table, [PSNR], [one, other], **QUICK)
    assert row(both, kind="worn", group="x").p_adjusted == row(alone, group="x").p_adjusted


def test_a_group_of_fewer_than_30_pictures_is_shown_but_never_judged():
    scores = np.random.default_rng(0).normal(28, 1, 300)
    scores[:29] -= 10
    names = ["tiny"] * 29 + ["large"] * 271
    found = break_down(pd.DataFrame({"edit_psnr": scores}), [PSNR], [group_of(names)], **QUICK)
    tiny, large = row(found, group="tiny"), row(found, group="large")
    assert (bool(tiny.small), bool(large.small)) == (True, False)
    assert tiny["mean"] < tiny.high < 20
    assert found["p"].isna().all()  # nor is what has only a tiny group to be compared with
    assert not found[["significant", "worst"]].to_numpy().any()
    scores[29] -= 10
    enough = break_down(
        pd.DataFrame({"edit_psnr": scores}), [PSNR], [group_of(["tiny", *names[:-1]])], **QUICK
    )
    assert row(enough, group="tiny").worst


def test_many_pictures_of_few_people_are_shown_but_never_judged():
    people = np.repeat(np.arange(100), 4)
    scores = np.random.default_rng(0).normal(28, 1, 400) - 10 * (people < 29)
    table = pd.DataFrame({"edit_psnr": scores})
    names = ["tiny" if person < 29 else "large" for person in people]
    alone = row(break_down(table, [PSNR], [group_of(names)], **QUICK), group="tiny")
    tiny = row(break_down(table, [PSNR], [group_of(names)], people, **QUICK), group="tiny")
    assert (alone.n, alone.clusters, bool(alone.small), bool(alone.worst)) == (116, 116, False, True)
    assert (tiny.n, tiny.clusters, bool(tiny.small), bool(tiny.worst)) == (116, 29, True, False)
    assert (tiny.rest_n, tiny.rest_clusters) == (284, 71)


def test_a_group_without_any_score_has_no_row():
    table = pd.DataFrame({"edit_psnr": [np.nan] * 5 + [1.0, 2.0, 3.0, 4.0, 5.0]})
    found = break_down(table, [PSNR], [group_of(["a"] * 5 + ["b"] * 5)], **QUICK)
    assert found["group"].tolist() == ["b"]
    assert np.isnan(found["gap"][0])


def test_nothing_to_break_down_gives_an_empty_table():
    table = pd.DataFrame({"edit_psnr": [1.0, 2.0]})
    for metrics, groupings in (([PSNR], []), ([], [group_of(["a", "b"])])):
        found = break_down(table, metrics, groupings)
        assert tuple(found.columns) == COLUMNS
        assert len(found) == 0
        assert worst_groups(found) == []
        assert breakdown_csv(found) == ",".join(COLUMNS) + "\n"


def test_the_same_seed_gives_the_same_table_and_other_metrics_do_not_change_it():
    table = draw_attributes(200, seed=5).iloc[:, 18:22]
    rng = np.random.default_rng(6)
    table["edit_psnr"], table["edit_l1"] = rng.normal(size=200), rng.normal(size=200)
    groupings = make_groupings(table)
    first, again = (break_down(table, [PSNR, L1], groupings, seed=2, **QUICK) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    alone = break_down(table, [PSNR], groupings, seed=2, **QUICK)
    pd.testing.assert_frame_equal(alone, first[first.metric == "edit_psnr"])


@pytest.fixture(scope="module")
def planted() -> pd.DataFrame:
    names = ["proper"] * 100 + ["tilted"] * 40
    scores = np.random.default_rng(0).normal(28, 1, 140)
    scores[100:] -= 1.5
    return break_down(pd.DataFrame({"edit_psnr": scores}), [PSNR], [group_of(names)], **QUICK)


def test_worst_groups_are_what_the_summary_holds(planted: pd.DataFrame):
    (worst,) = json.loads(json.dumps(worst_groups(planted)))
    assert list(worst) == ["metric", "kind", "name", "group", "n", "clusters", "mean", "gap", "p_adjusted"]
    assert worst["clusters"] == 40
    assert (worst["metric"], worst["kind"], worst["group"], worst["n"]) == ("edit_psnr", "worn", "tilted", 40)
    assert worst["gap"] == float(f"{row(planted, group='tilted').gap:.6g}")


def test_csv_has_six_digits_flags_of_0_and_1_and_reads_back(planted: pd.DataFrame):
    text = breakdown_csv(planted)
    head, first, _ = text.splitlines()
    assert head == ",".join(COLUMNS)
    assert first.startswith("edit_psnr,worn,worn,proper,100,100,28.")
    assert first.endswith(",1,0,0")
    assert max(len(number.replace(".", "").lstrip("-0")) for number in first.split(",")[4:]) <= 6
    again = pd.read_csv(io.StringIO(text))
    assert again["gap"].to_numpy() == pytest.approx(planted["gap"].to_numpy(), rel=1e-5)
    assert again["worst"].tolist() == [0, 1]
