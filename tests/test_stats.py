import json
import shutil
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.cli.data import main
from unmask.datagen.dataset.manifest_row import ManifestRow
from unmask.datagen.stats import measure as stats_module
from unmask.datagen.stats.colour import (
    CELL,
    cell_name,
    cells_of,
    colour_group,
    count_colours,
    fabric_cells,
    fabric_colours,
    fill_fabric_cells,
)
from unmask.datagen.stats.compare import compare, summarise
from unmask.datagen.stats.files import read_stats, write_stats
from unmask.datagen.stats.measure import Stats, measure, measure_folders
from unmask.datagen.stats.pictures import CLOTH_UNITS, describe_cloth
from unmask.datagen.stats.tables import count_rows, cross_count, empty_cells, empty_poses, pose_grid
from unmask.datagen.stats.variety import (
    centred,
    cloth_kernel,
    entropy_bits,
    iou_matrix,
    mean_pairwise,
    nearest_distances,
    nearest_pairs,
    vendi_by_size,
    vendi_score,
)

WIDTH, HEIGHT = 64, 78  # the grid's own size, so that maps are compared cell by cell


def write_pair(folder: Path, name: str, box: tuple[int, int, int, int], rgb: tuple[int, int, int]) -> None:
    """A grey picture with a rectangle of one colour, x0 y0 x1 y1, and its map."""
    x0, y0, x1, y1 = box
    picture = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    map_ = np.zeros((HEIGHT, WIDTH), np.uint8)
    picture[y0:y1, x0:x1], map_[y0:y1, x0:x1] = rgb[::-1], 255
    for kind, image in (("masked", picture), ("map", map_)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / kind / f"{name}.png"), image)


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Four pairs of somebody else: two equal red masks, one half as high, one blue and elsewhere."""
    folder = tmp_path / "theirs"
    write_pair(folder, "a", (16, 40, 48, 60), (150, 40, 50))
    write_pair(folder, "b", (16, 40, 48, 60), (150, 40, 50))
    write_pair(folder, "c", (16, 40, 48, 50), (150, 40, 50))
    write_pair(folder, "d", (0, 0, 10, 10), (30, 60, 160))
    return folder


@pytest.fixture(scope="module")
def measured(built_once: Path) -> Stats:
    return measure(built_once)


def of_foreign(folder: Path) -> Stats:
    return measure_folders(folder / "masked", folder / "map")


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_vendi_score_is_1_for_equal_items_and_n_for_items_without_likeness(count: int):
    assert vendi_score(np.ones((count, count))) == pytest.approx(1)
    assert vendi_score(np.eye(count)) == pytest.approx(count)


def test_vendi_score_by_hand():
    three_of_a_kind_and_one = np.eye(4)
    three_of_a_kind_and_one[:3, :3] = 1
    expected = np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    assert vendi_score(three_of_a_kind_and_one) == pytest.approx(expected)
    half = np.array([[1, 0.5], [0.5, 1]])  # eigenvalues of K / 2: 0.75 and 0.25
    assert vendi_score(half) == pytest.approx(expected)
    with pytest.raises(ValueError, match="itself"):
        vendi_score(np.zeros((2, 2)))


def test_vendi_score_is_given_for_sizes_that_other_sets_have_too():
    assert vendi_by_size(np.eye(70), (50, 100)) == pytest.approx({50: 50, 70: 70})
    assert vendi_by_size(np.eye(120), (50, 100)) == pytest.approx({50: 50, 100: 100})
    assert list(vendi_by_size(np.eye(3), (50, 100))) == [3]


def test_iou_of_hand_made_maps():
    maps = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]], bool)
    iou = iou_matrix(maps)
    assert np.array_equal(iou, iou.T)
    assert iou[0].tolist() == pytest.approx([1, 1, 1 / 3, 0, 0])
    assert iou[3].tolist() == [0, 0, 0, 1, 1]
    assert np.linalg.eigvalsh(iou).min() > -1e-6


def test_mean_pairwise_and_its_error_by_hand():
    found = mean_pairwise(np.array([[1, 0.2, 0.4], [0.2, 1, 0.6], [0.4, 0.6, 1]]))
    assert found is not None
    assert (found.mean, found.pairs) == (pytest.approx(0.4), 3)
    # Without one item a single pair is left: 0.6, 0.4, 0.2.
    assert found.standard_error == pytest.approx(np.sqrt(2 / 3 * (0.04 + 0 + 0.04)))
    assert mean_pairwise(np.ones((1, 1))) is None
    two = mean_pairwise(np.array([[1, 0.3], [0.3, 1]]))
    assert two is not None
    assert (two.mean, two.standard_error) == (pytest.approx(0.3), None)


def test_the_jackknife_error_is_near_the_spread_over_fresh_samples():
    rng = np.random.default_rng(0)
    means, errors = [], []
    for _ in range(60):
        found = mean_pairwise(iou_matrix(rng.random((40, 200)) < rng.random((40, 1))))
        assert found is not None
        assert found.standard_error is not None
        means.append(found.mean)
        errors.append(found.standard_error)
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.35)


def test_centred_maps_differ_in_shape_only():
    maps = np.zeros((3, HEIGHT, WIDTH), bool)
    maps[0, 5:15, 3:23] = maps[1, 60:70, 40:60] = maps[2, 20:40, 20:30] = True
    assert iou_matrix(maps.reshape(3, -1))[0, 1] == 0
    moved = centred(maps)
    assert moved.sum(axis=(1, 2)).tolist() == [200, 200, 200]
    assert iou_matrix(moved.reshape(3, -1))[0].tolist() == pytest.approx([1, 1, 100 / 300])


def test_entropy_in_bits():
    assert entropy_bits(np.array([5, 5, 5, 5])) == pytest.approx(2)
    assert entropy_bits(np.array([0, 9, 0])) == 0
    assert entropy_bits(np.array([0, 0])) == 0


def test_nearest_pairs_come_best_first_and_use_an_item_once():
    like = np.array([[1, 0.9, 0.8, 0.1], [0.9, 1, 0.7, 0.2], [0.8, 0.7, 1, 0.3], [0.1, 0.2, 0.3, 1]])
    assert nearest_pairs(like, 5) == [(0, 1), (2, 3)]
    assert nearest_pairs(like, 1) == [(0, 1)]
    assert nearest_distances(like).tolist() == pytest.approx([0.1, 0.1, 0.2, 0.7])
    assert nearest_pairs(np.ones((1, 1)), 5) == []
    many = iou_matrix(np.random.default_rng(1).random((90, 50)) < 0.5)
    best = np.argwhere(np.triu(many, 1) == np.triu(many, 1).max())[0]
    assert nearest_pairs(many, 8)[0] == tuple(best)


def test_fabric_colours_lie_in_srgb_and_their_names_are_their_own():
    assert len(fabric_colours()) == 12 * 11 + 12 + 10 + 14
    lab = np.array(list(fabric_colours().values()), np.float32)[None]
    shown = np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB), 0, 1)
    assert np.abs(cv2.cvtColor(shown, cv2.COLOR_RGB2Lab) - lab).max() < 3


def test_colour_cells_by_hand():
    lab = np.array([[10, 3, -9], [99, -12.6, 12.4], [50, 12.5, -37.6], [100, 0, 0]])
    assert cells_of(lab) == [(0, 0, 0), (3, -1, 0), (2, 1, -2), (3, 0, 0)]
    assert cell_name((0, 0, 0)) == "black (L* 0 to 25, a* -12.5 to 12.5, b* -12.5 to 12.5)"
    assert fabric_cells()[(0, 0, -1)] == "navy"


def test_fabric_fill_counts_every_colour_once():
    every = np.array([[CELL * (i + 0.5), CELL * a, CELL * b] for i, a, b in fabric_cells()])
    assert fill_fabric_cells(every).share == 1
    assert fill_fabric_cells(np.array(list(fabric_colours().values()))).share == 1
    few = fill_fabric_cells(np.array([[95.0, 0, 0], [94.0, 1, 1], [50.0, 90, 90]]))
    assert (few.counts[(3, 0, 0)], few.outside) == (2, 1)
    assert few.share == pytest.approx(1 / len(fabric_cells()))


@pytest.mark.parametrize(
    ("name", "group"),
    [("black", "black"), ("white", "white"), ("grey", "grey"), ("vivid red", "red"),
     ("surgical blue", "blue"), ("royal blue", "blue"), ("vivid green", "green"), ("light skin", "beige"),
     ("brown skin", "brown"), ("mustard", "yellow"), ("vivid orange", "orange"), ("lavender", "purple"),
     ("surgical pink", "pink"), ("vivid teal", "teal"), ("burgundy", "red")],
)  # fmt: skip
def test_colours_have_everyday_groups(name: str, group: str):
    assert colour_group(np.array(fabric_colours()[name])) == group


def test_greys_have_no_hue():
    counts = count_colours(np.array([[50.0, 0, 0], [50.0, 5, 5], [50.0, 20, 0], [50.0, 0, 20]]))
    assert (counts.neutral, counts.hue.sum()) == (2, 2)
    assert counts.hue[0] == counts.hue[6] == 1
    assert counts.lightness.sum() == counts.chroma.sum() == 4


def test_cloth_is_told_by_colour_print_and_direction_of_the_print():
    plain = np.full((40, 60, 3), (60, 90, 160), np.uint8)
    everywhere = np.full((40, 60), 255, np.uint8)
    upright = plain.copy()
    upright[:, np.arange(60) % 8 < 4] = (230, 230, 230)
    level = plain.copy()
    level[np.arange(40) % 8 < 4] = (230, 230, 230)
    cloth = np.stack([describe_cloth(image, everywhere) for image in (plain, plain, upright, level)])
    assert cloth[0, 3:].tolist() == pytest.approx([0] * 6, abs=1e-3)
    assert cloth[2, 7] > 0.5
    assert cloth[3, 7] < -0.5
    like = cloth_kernel(cloth, CLOTH_UNITS)
    assert like[0, 1] == 1
    assert max(like[0, 2], like[0, 3], like[2, 3]) < 0.2
    # What lies outside the map plays no part.
    framed, inside = plain.copy(), everywhere.copy()
    framed[:5], inside[:5] = 0, 0
    assert describe_cloth(framed, inside) == pytest.approx(cloth[0], abs=1e-3)


def test_empty_cells_of_a_manifest_are_named():
    rows = [
        ManifestRow("a_00", "a", "", 0, family="kn95", worn="proper", yaw=0.0, pitch=0.0),
        ManifestRow("b_00", "b", "", 0, family="cloth", worn="chin", yaw=40.0, pitch=-30.0),
        ManifestRow("c_00", "c", "", 0, status="no_face", reason="none"),
    ]
    recipe = {"families": {"kn95": 1, "cloth": 2, "scarf": 1, "duckbill": 0}}
    counts = count_rows(rows, {"config": {"recipe": recipe, "families": None}})
    assert counts["status"] == {"ok": 2, "no_face": 1}
    assert counts["family"] == {"cloth": 1, "kn95": 1, "scarf": 0}
    table = cross_count(rows, counts, "family", "worn")
    assert empty_cells(table) == ["cloth + proper", "kn95 + chin", "scarf + any"]
    grid = pose_grid(rows)
    assert (grid[2, 3], grid[0, 6], grid.sum()) == (1, 1, 2)
    assert "yaw above 37.5, pitch 7.5 to 22.5" in empty_poses(grid)
    assert len(empty_poses(grid)) == 33


def test_foreign_folders_need_no_manifest(foreign: Path):
    report = of_foreign(foreign).report
    assert report["pictures"] == {"measured": 4, "opened": 4, "there": 4}
    # Pairs: a b 1; a c and b c 1/2; d meets none.
    assert report["variety"]["map_iou"]["mean"] == pytest.approx(2 / 6, abs=1e-4)
    assert report["variety"]["map_iou"]["pairs"] == 6
    assert report["coverage"]["mean"] == pytest.approx((640 * 2 + 320 + 100) / 4 / WIDTH / HEIGHT, abs=1e-4)
    assert report["colour"]["groups"]["red"] == 3
    assert report["colour"]["groups"]["blue"] == 1
    assert report["duplicates"]["map"]["names"] == [["a", "b"]]
    assert report["duplicates"]["masked"]["pictures"] == 2
    assert report["nearest"][0]["pictures"] in (["a", "b"], ["b", "a"])
    assert (report["nearest"][0]["distance"], report["nearest"][0]["same_map"]) == (0, True)
    assert list(report["empty"]) == ["fabric colours"]
    assert "counts" not in report


def test_maps_of_zeros_and_ones_and_other_file_kinds_are_understood(foreign: Path):
    before = of_foreign(foreign).report
    for name in "abcd":
        path = foreign / "map" / f"{name}.png"
        map_ = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        path.unlink()
        assert cv2.imwrite(str(path.with_suffix(".bmp")), map_ // 255)
    assert of_foreign(foreign).report == before


def test_transparent_and_coloured_maps_are_understood(foreign: Path):
    before = of_foreign(foreign).report
    for name, colour in zip("abcd", ((255, 255, 255), (0, 0, 0), (0, 0, 255), (128, 0, 128)), strict=True):
        path = foreign / "map" / f"{name}.png"
        map_ = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        assert cv2.imwrite(str(path), np.dstack([np.full((*map_.shape, 3), colour, np.uint8), map_]))
    assert of_foreign(foreign).report == before


def test_what_cannot_be_used_is_counted_and_named(foreign: Path):
    write_pair(foreign, "empty", (0, 0, 0, 0), (0, 0, 0))
    write_pair(foreign, "small", (5, 5, 9, 9), (0, 0, 0))
    assert cv2.imwrite(str(foreign / "map" / "small.png"), np.full((9, 9), 255, np.uint8))
    (foreign / "masked" / "alone.png").write_bytes((foreign / "masked" / "a.png").read_bytes())
    (foreign / "map" / "e.png").write_bytes(b"no picture")
    (foreign / "masked" / "e.png").write_bytes((foreign / "masked" / "a.png").read_bytes())
    (foreign / "masked" / "a.jpg").write_bytes((foreign / "masked" / "a.png").read_bytes())
    report = of_foreign(foreign).report
    assert report["pictures"] == {"measured": 4, "opened": 7, "there": 7}
    notes = "\n".join(report["notes"])
    assert "--masked: 1 without a map: alone" in notes
    assert "1 left out, another has the same name: a.png" in notes
    assert "1 left out, masked picture and map differ in size: small" in notes
    assert "1 left out, the map marks no pixel: empty" in notes
    assert "1 left out, map: " in notes


def test_a_dataset_is_measured_whole(measured: Stats, built_once: Path):
    report = measured.report
    assert report["pictures"] == {"measured": 12, "opened": 12, "there": 12}
    assert report["counts"]["status"] == {"ok": 12}
    assert sum(report["counts"]["family"].values()) == 12
    assert np.sum(report["pose"]["grid"]) == 12
    assert report["attributes"]["known"] == 12
    assert 0 < report["variety"]["map_iou"]["mean"] < 1
    assert 1 < report["variety"]["vendi_maps"]["score"] <= 12
    assert set(report["empty"]) == {
        "fabric colours", "family + worn", "family + texture", "yaw x pitch", "attribute + family",
    }  # fmt: skip
    assert measured.opened.mean_map.shape == (218, 178)
    assert measured.opened.mean_masked.shape == (218, 178, 3)
    # The manifest's own coverage is the mean of the map, ours the share of it that is >= 128.
    assert report["coverage"]["mean"] == pytest.approx(measured.opened.mean_map.mean() / 255, abs=0.01)


def test_the_same_data_gives_the_same_files(measured: Stats, built_once: Path, tmp_path: Path):
    first = write_stats(measured, tmp_path / "one")
    second = write_stats(measure(built_once), tmp_path / "two")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    moved = Path(shutil.copytree(built_once, tmp_path / "elsewhere" / built_once.name))
    assert measure(moved).report == measured.report


def test_a_limit_takes_random_pictures_and_the_seed_decides_which(built_once: Path):
    chosen = [measure(built_once, limit=5, seed=seed) for seed in (0, 0, 1)]
    names = [[item.pair.name for item in stats.opened.features] for stats in chosen]
    assert names[0] == names[1] != names[2]
    assert len(names[0]) == 5
    assert chosen[0].report["counts"]["rows"] == 12


def test_the_page_fetches_nothing_is_well_formed_and_names_what_is_empty(measured: Stats, tmp_path: Path):
    _, path = write_stats(measured, tmp_path)
    page = path.read_text(encoding="utf-8")
    assert not any(
        word in page.lower() for word in ("http:", "https:", "<script", "url(", "@import", "<link")
    )
    tree = ET.fromstring(page.partition("\n")[2])
    sources = [image.get("src", "") for image in tree.iter("img")]
    assert len(sources) > 2
    assert all(source.startswith(("data:image/png;base64,", "data:image/jpeg;base64,")) for source in sources)
    assert all(image.get("alt") for image in tree.iter("img"))
    words = " ".join(tree.itertext())
    for cells in measured.report["empty"].values():
        for cell in cells:
            first, _, second = cell.partition(" + ")
            assert first in words
            assert second in words
    assert "viewport" in page
    assert "Friedman" in words


def test_names_that_look_like_markup_do_no_harm(tmp_path: Path):
    for name in ("<b>&x", 'q"uote', "tab\there"):
        write_pair(tmp_path, name, (10, 10, 30, 30), (200, 30, 30))
    page = write_stats(of_foreign(tmp_path), tmp_path / "out")[1].read_text(encoding="utf-8")
    words = " ".join(ET.fromstring(page.partition("\n")[2]).itertext())
    assert "<b>&x" in words
    assert "tab\\x09here" in words


def test_one_picture_is_enough(tmp_path: Path):
    write_pair(tmp_path, "only", (10, 10, 30, 30), (200, 30, 30))
    stats = of_foreign(tmp_path)
    assert stats.report["variety"]["map_iou"] is None
    assert stats.report["variety"]["vendi_maps"]["score"] == 1
    write_stats(stats, tmp_path / "out")
    assert read_stats(tmp_path / "out") == stats.report
    assert {line.name: line.value for line in summarise(stats.report)}["mean pairwise map IoU"] == "-"


def test_two_reports_compare_at_equal_n(measured: Stats, foreign: Path):
    report = measured.report
    lines = {line.name: line for line in compare(report, report)}
    assert lines["Vendi score of maps, n = 12"].ratio == "1.00"
    assert lines["pictures measured"].ratio == ""
    other = of_foreign(foreign).report
    lines = {line.name: line for line in compare(report, other)}
    assert lines["Vendi score of maps, n = 12 | 4"].ratio == ""
    assert lines["empty: yaw x pitch"].other == "-"
    iou = report["variety"]["map_iou"]["mean"] / other["variety"]["map_iou"]["mean"]
    assert lines["mean pairwise map IoU"].ratio == f"{iou:.2f}"


def test_command_writes_beside_the_dataset_or_where_it_is_told(
    built_once: Path, foreign: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    shutil.copytree(built_once, "data")
    assert main(["stats", "data"]) == 0
    assert "mean pairwise map IoU" in capsys.readouterr().out
    assert json.loads(Path("data/stats.json").read_text())["kind"] == "dataset"
    assert Path("data/stats.html").stat().st_size > 10_000
    before = sorted(path for path in foreign.rglob("*"))
    arguments = ["--masked", str(foreign / "masked"), "--maps", str(foreign / "map")]
    assert main(["stats", *arguments, "--out", "mine", "--compare", "data"]) == 0
    assert "this / other" in capsys.readouterr().out
    assert json.loads(Path("mine/stats.json").read_text())["kind"] == "folders"
    assert main(["stats", *arguments]) == 0
    assert Path("stats.json").exists()
    assert sorted(path for path in foreign.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("", "either OUT or both"),
        ("nowhere", "nowhere: no dataset there"),
        ("some", "--masked DIR --maps DIR"),
        ("some --masked some", "either OUT or both"),
        ("--masked some", "either OUT or both"),
        ("--maps some", "either OUT or both"),
        ("--masked nowhere --maps theirs/map", "--masked nowhere: no such folder"),
        ("--masked theirs/masked --maps nowhere", "--maps nowhere: no such folder"),
        ("--masked some --maps theirs/map", "--masked some: has no pictures"),
        ("--masked theirs/masked --maps others/map", "no two of them have the same name"),
        ("--masked bad --maps bad", "none of 1 pairs can be used; x: masked picture"),
        ("--masked theirs/masked --maps theirs/map --limit 0", "--limit 0"),
        ("--masked theirs/masked --maps theirs/map --out theirs/map/x", "lies inside --maps theirs/map"),
        ("--masked theirs/masked --maps theirs/map --out bad/x.png", "is a file"),
        ("--masked theirs/masked --maps theirs/map --compare no.json", "no.json: cannot be read"),
        ("--masked theirs/masked --maps theirs/map --compare bad/x.png", "not valid JSON"),
        ("--masked theirs/masked --maps theirs/map --compare other.json", "other.json: not a stats.json"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_code_2(
    arguments: str, words: str, foreign: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("some").mkdir()
    Path("bad").mkdir()
    Path("bad/x.png").write_bytes(b"no picture")
    Path("other.json").write_text("{}")
    write_pair(Path("others"), "z", (1, 1, 9, 9), (9, 9, 9))
    assert main(["stats", *arguments.split()]) == 2
    err = capsys.readouterr().err.splitlines()
    assert err[-1].startswith("error: ")
    assert words in err[-1]
    assert not any(line.startswith("Traceback") for line in err)


def test_a_dataset_whose_files_are_gone_says_which(built_once: Path, tmp_path: Path):
    out = Path(shutil.copytree(built_once, tmp_path / "copy"))
    (out / "masked" / "000001_00.png").unlink()
    report = measure(out).report
    assert report["pictures"]["measured"] == 11
    assert report["notes"] == [
        "1 left out, masked picture cannot be read: No such file or directory: 000001_00"
    ]


def test_two_thousand_pictures_compare_in_seconds():
    rng = np.random.default_rng(2)
    grids = rng.random((2000, HEIGHT * WIDTH)) < 0.2
    start = time.process_time()
    like = iou_matrix(grids)
    vendi_by_size(like, (50, 100, 200, 500))
    nearest_pairs(like, 8)
    assert time.process_time() - start < 15


def test_recipes_are_not_kept_in_memory(built_once: Path, monkeypatch: pytest.MonkeyPatch):
    kept = []
    monkeypatch.setattr(stats_module, "_measure", lambda *given: kept.extend(given[-1][1]))
    measure(built_once)
    assert len(kept) == 12
    assert not any(row.recipe for row in kept)
