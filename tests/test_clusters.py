import numpy as np
import pandas as pd
import pytest

from unmask.model.evaluation.clusters import PEOPLE, SOURCES, find_clusters
from unmask.model.metrics.clusters import cluster_codes
from unmask.model.metrics.differences import difference_ps
from unmask.model.metrics.intervals import bootstrap_mean, bootstrap_means, paired_difference

VARIANTS = 4


def alike(rng: np.random.Generator, faces: int, repeats: int) -> np.ndarray:
    """Skewed scores with mean 1 of faces with four variants each, which have half their variance in common."""
    common = rng.lognormal(-0.125, 0.5, (faces, 1, repeats))
    own = rng.lognormal(-0.125, 0.5, (faces, VARIANTS, repeats))
    return ((common + own) / 2).reshape(faces * VARIANTS, repeats)


FACES = np.repeat(np.arange(100), VARIANTS)


def test_intervals_of_four_variants_a_face_hold_the_true_mean_as_often_as_they_say():
    table = alike(np.random.default_rng(1), 100, 1000)
    by_face = bootstrap_means(table, FACES, draws=500)
    by_picture = bootstrap_means(table, draws=500)
    shares = [np.mean([one.low <= 1 <= one.high for one in found]) for found in (by_face, by_picture)]
    assert 0.93 <= shares[0] <= 0.97
    assert shares[1] < 0.85  # why pictures are not drawn one by one
    assert (by_face[0].n, by_face[0].clusters) == (400, 100)


def test_each_picture_by_itself_is_the_interval_without_clusters():
    values = np.random.default_rng(0).lognormal(0, 0.5, 60)
    assert bootstrap_mean(values, np.arange(60)[::-1]) == bootstrap_mean(values)


def test_a_picture_given_four_times_is_no_surer():
    values = np.random.default_rng(0).normal(28, 3, 50)
    once, often = bootstrap_mean(values), bootstrap_mean(np.repeat(values, 4), np.repeat(np.arange(50), 4))
    assert (often.mean, often.low, often.high) == pytest.approx((once.mean, once.low, once.high))
    assert (often.n, often.clusters) == (200, 50)


def test_pictures_of_one_person_have_no_interval():
    one = bootstrap_mean([1.0, 2.0, 3.0], np.zeros(3, int))
    assert (one.mean, one.n, one.clusters) == (2, 3, 1)
    assert np.isnan([one.low, one.high]).all()
    assert np.isnan(paired_difference([1.0, 2.0], [0.0, 0.0], np.zeros(2, int)).p)


def test_missing_scores_take_whole_clusters_along_only_where_nothing_is_left_of_them():
    table = np.ones((8, 2)) * np.arange(8)[:, None]
    table[:3, 1] = np.nan  # one of two pictures of the second face is left
    first, second = bootstrap_means(table, np.repeat(np.arange(4), 2))
    assert (first.n, first.clusters, second.n, second.clusters) == (8, 4, 5, 3)


def test_a_paired_difference_of_variants_is_found_no_more_often_than_the_level():
    gaps = alike(np.random.default_rng(2), 60, 300) - 1
    clusters, nothing = FACES[: len(gaps)], np.zeros(len(gaps))
    p = [paired_difference(column, nothing, clusters, draws=400).p for column in gaps.T]
    assert 0.02 <= np.mean(np.less(p, 0.05)) <= 0.09
    assert np.mean([paired_difference(column, nothing, draws=400).p < 0.05 for column in gaps.T]) > 0.12


@pytest.mark.parametrize("what", ["of the face", "of the mask"])
def test_groups_alike_are_called_different_no_more_often_than_the_level(what: str):
    rng = np.random.default_rng(3)
    values = alike(rng, 100, 1000)
    member = (FACES < 30) if what == "of the face" else rng.random(400) < 0.3
    p = difference_ps(values, member[:, None], FACES, shuffles=500)[0]
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.02)
    if what == "of the face":
        alone = difference_ps(values, member[:, None], shuffles=500)[0]
        assert np.mean(alone < 0.05) > 0.12


def test_each_picture_by_itself_is_the_test_without_clusters():
    rng = np.random.default_rng(4)
    values, members = rng.normal(size=(120, 2)), rng.random((120, 3)) < 0.3
    found = difference_ps(values, members, np.arange(120), shuffles=200)
    assert np.array_equal(found, difference_ps(values, members, shuffles=200))


def test_people_come_before_source_pictures_and_an_unknown_one_stands_by_itself():
    table = pd.DataFrame(
        {
            "identity": ["7", "7", "", "", "", ""],
            "source": ["a.jpg", "b.jpg", "c.jpg", "c.jpg", "", ""],
        }
    )
    found = find_clusters(table)
    assert found.codes.tolist() == [0, 0, 1, 1, 2, 3]
    assert (found.count, found.words) == (4, f"{PEOPLE} and {SOURCES}")
    assert find_clusters(table[["source"]].iloc[:4]).words == SOURCES
    assert find_clusters(pd.DataFrame({"key": ["a", "b"]})).count == 2


def test_one_cluster_name_is_needed_for_each_picture():
    with pytest.raises(ValueError, match="3 clusters for 4 pictures"):
        cluster_codes(["a", "b", "c"], 4)
