"""Pairs of somebody else's as a dataset: what is found, what is refused, and who takes it then."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from exchange_support import iou, read_map, read_rgb

import unmask
from unmask.cli.data import main
from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.dataset.manifest_row import ManifestRow
from unmask.datagen.dataset.verify import inspect_dataset
from unmask.datagen.exchange import adopt_pairs as pairs_module
from unmask.datagen.exchange.adopt import AdoptReport, adopt
from unmask.datagen.exchange.adopt_options import AdoptOptions
from unmask.datagen.pictures.differencing import find_map
from unmask.datagen.pictures.picture import decode_picture, encode_jpg, encode_png
from unmask.datagen.stats.measure import measure
from unmask.model.data.options import DataOptions
from unmask.model.data.triplets import open_triplets
from unmask.model.evaluation.items import open_eval_set
from unmask.model.evaluation.options import EvalOptions


@pytest.fixture
def theirs(built_once: Path, tmp_path: Path) -> Path:
    """What another generator would have left: two masks for each of six clean faces, and maps."""
    folder = tmp_path / "theirs"
    for part in ("masked", "map", "clean"):
        (folder / part).mkdir(parents=True)
    for row in iterate_manifest(built_once / "manifest.csv"):
        stem, kind = row.source.removesuffix(".jpg"), ("surgical", "N95")[row.variant]
        shutil.copy(built_once / row.masked, folder / f"masked/{stem}_{kind}.png")
        shutil.copy(built_once / row.map, folder / f"map/{stem}_{kind}.png")
        shutil.copy(built_once / row.clean, folder / f"clean/{row.source}")
    return folder


def adopted(source: Path, out: Path, **options: object) -> AdoptReport:
    return adopt(AdoptOptions(source, out, **options))  # type: ignore[arg-type]


def rows_of(out: Path) -> list[ManifestRow]:
    return list(iterate_manifest(out / "manifest.csv"))


def without(folder: Path, part: str) -> Path:
    shutil.rmtree(folder / part)
    return folder


# ---- maps by comparing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("quality", [None, 90, 60])
def test_a_map_that_is_found_by_comparing_is_near_the_true_one(built_once: Path, quality: int | None):
    overlaps = []
    for row in rows_of(built_once):
        masked = read_rgb(built_once / row.masked)
        if quality is not None:
            masked = decode_picture(encode_jpg(masked, quality)).image_rgb
        clean = decode_picture((built_once / row.clean).read_bytes()).image_rgb
        overlaps.append(iou(find_map(masked, clean).map > 0, read_map(built_once / row.map) >= 128))
    assert np.mean(overlaps) > 0.92
    assert min(overlaps) > 0.8


def scene(noise: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A masked and a clean picture, and where the mask is: with a strap, a shadow and a hole like skin."""
    draw = np.random.default_rng(4)
    clean = cv2.GaussianBlur(draw.normal(0, 1, (160, 140, 3)), (0, 0), 9)
    clean = 130 + 25 * clean / clean.std()
    masked, true = clean.copy(), np.zeros((160, 140), np.uint8)
    masked[118:124, 40:100] *= 0.8  # shadow
    cv2.line(masked, (10, 60), (40, 80), (240, 240, 240), 2)
    cv2.ellipse(true, (70, 94), (32, 27), 0, 0, 360, 1, -1)
    masked[true > 0] = (90, 140, 250)
    masked[90:96, 60:66] = clean[90:96, 60:66]
    values = [part + draw.normal(0, noise, part.shape) for part in (masked, clean)]
    parts = [np.clip(value, 0, 255).astype(np.uint8) for value in values]
    return parts[0], parts[1], true > 0


@pytest.mark.parametrize("noise", [0.0, 4.0])
def test_straps_and_shadow_are_left_out_and_holes_filled(noise: float):
    masked, clean, true = scene(noise)
    found = find_map(masked, clean)
    assert iou(found.map > 0, true) > 0.95
    assert found.noise == 0 if noise == 0 else 1 < found.noise < noise * np.sqrt(2)


def test_the_same_picture_twice_has_no_map_and_two_pictures_are_unlike():
    masked, clean, _ = scene()
    assert not find_map(clean, clean).map.any()
    assert not find_map(masked, clean).unlike
    assert find_map(clean, clean[::-1, ::-1].copy()).unlike


def test_another_exposure_of_the_whole_picture_is_no_mask():
    masked, clean, true = scene()
    lighter = np.clip(masked.astype(int) + 12, 0, 255).astype(np.uint8)
    assert iou(find_map(lighter, clean).map > 0, true) > 0.95


# ---- what is adopted ---------------------------------------------------------------------------------------


def test_masks_of_one_clean_picture_are_its_variants_and_nothing_is_wrong_with_them(
    theirs: Path, tmp_path: Path
):
    report = adopted(theirs, tmp_path / "out", family="theirs")
    assert (report.counts["ok"], report.sources, report.maps) == (12, 6, "own")
    rows = rows_of(tmp_path / "out")
    assert [row.key for row in rows[:2]] == ["000001_00", "000001_01"]
    assert [row.template for row in rows[:2]] == ["N95", "surgical"]
    assert {row.family for row in rows} == {"theirs"}
    for row in rows:
        name = f"{row.source.removesuffix('.jpg')}_{row.template}.png"
        assert (tmp_path / "out" / row.masked).samefile(theirs / "masked" / name)
        assert (tmp_path / "out" / row.clean).samefile(theirs / "clean" / row.source)
        assert np.array_equal(read_map(tmp_path / "out" / row.map), read_map(theirs / "map" / name))
    found = inspect_dataset(tmp_path / "out")
    assert (found.rows, found.problems, found.adopted) == (12, (), True)


def test_without_maps_they_are_found_and_their_bias_is_told(theirs: Path, tmp_path: Path, capfd):
    true = {path.stem: read_map(path) >= 128 for path in (theirs / "map").iterdir()}
    assert main(["adopt", str(without(theirs, "map")), str(tmp_path / "out")]) == 0
    told = capfd.readouterr().out
    assert "maps: differencing" in told
    assert "IoU 0.95" in told
    for row in rows_of(tmp_path / "out"):
        stem = f"{row.source.removesuffix('.jpg')}_{row.template}"
        assert iou(read_map(tmp_path / "out" / row.map) > 0, true[stem]) > 0.8
    assert inspect_dataset(tmp_path / "out").problems == ()


def test_without_clean_pictures_a_dataset_is_for_maps_alone(theirs: Path, tmp_path: Path, capfd):
    out = tmp_path / "out"
    report = adopted(without(theirs, "clean"), out)
    assert report.counts["ok"] == 12
    assert inspect_dataset(out).problems == ()
    item = unmask.BuiltDataset(out)[0]
    assert "clean" not in item
    assert item["map"].max() == 255
    splits = open_triplets(DataOptions(data=out, size=64))
    assert not splits.has_clean
    assert splits.train.get(0, 0)[0].shape == (64, 64, 3)
    evaluated = open_eval_set(EvalOptions(out, tmp_path / "report", map_module="shipped", edit_module=None))
    assert {item.clean for item in evaluated.items} == {None}
    with pytest.raises(UserError, match="an Editing Module needs clean pictures"):
        open_eval_set(EvalOptions(out, tmp_path / "report", map_module=None, edit_module="fidelity"))
    assert main(["export", str(out), "pix2pix", str(tmp_path / "pairs")]) == 2
    assert "has no clean pictures" in capfd.readouterr().err
    assert main(["export", str(out), "yolo", str(tmp_path / "yolo")]) == 0


def test_the_map_module_trains_on_maps_alone_and_the_editing_module_says_why_not(
    theirs: Path, tmp_path: Path, short_run: Callable, narrow: None
):
    from unmask.model.training.train import train

    out = tmp_path / "out"
    adopted(without(theirs, "clean"), out)
    result = train(short_run("map", data=out, online=None, batch_size=2))
    log = (tmp_path / "run/log.csv").read_text().splitlines()
    assert "val_iou" in log[0]
    assert "val_false_alarm" not in log[0]
    assert result is not None
    with pytest.raises(UserError, match="bare_share"):
        train(short_run("map", "bare", data=out, online=None, batch_size=2, bare_share=0.2))
    with pytest.raises(UserError, match="no clean pictures, which an Editing Module learns to draw"):
        train(short_run("edit", "edit", data=out, online=None, batch_size=2))


def test_stats_and_data_loaders_take_an_adopted_dataset(theirs: Path, tmp_path: Path):
    unmask.adopt(theirs, tmp_path / "out", split="train")
    report = measure(tmp_path / "out").report
    assert report["counts"]["family"] == {"unknown": 12}
    items = unmask.BuiltDataset(tmp_path / "out", split="train", size=64)
    assert items[3]["clean"].shape == (64, 64, 3)


def test_folders_of_splits_are_taken_for_what_they_are(theirs: Path, tmp_path: Path):
    for split, number in (("train", "000001"), ("val", "000002"), ("test", "000003")):
        for part in ("masked", "clean"):
            (tmp_path / "splits" / split / part).mkdir(parents=True)
        shutil.copy(theirs / f"masked/{number}_N95.png", tmp_path / "splits" / split / "masked/a.png")
        shutil.copy(theirs / f"clean/{number}.jpg", tmp_path / "splits" / split / "clean/a.jpg")
    adopted(tmp_path / "splits", tmp_path / "out")
    assert {row.source: row.split for row in rows_of(tmp_path / "out")} == {
        "test/a.jpg": "test", "train/a.jpg": "train", "val/a.jpg": "val"
    }  # fmt: skip


def test_pictures_that_a_copy_cannot_stand_for_are_written_anew(theirs: Path, tmp_path: Path):
    grey = cv2.imread(str(theirs / "masked/000001_N95.png"))
    alpha = np.dstack([grey, np.full(grey.shape[:2], 255, np.uint8)])
    cv2.imwrite(str(theirs / "masked/000001_N95.png"), alpha)
    adopted(theirs, tmp_path / "out")
    assert np.array_equal(read_rgb(tmp_path / "out/masked/000001_00.png"), grey[..., ::-1])
    assert cv2.imread(str(tmp_path / "out/masked/000001_00.png"), cv2.IMREAD_UNCHANGED).shape[2] == 3
    assert inspect_dataset(tmp_path / "out").problems == ()


# ---- pairs that are none -----------------------------------------------------------------------------------


def test_a_pair_that_cannot_be_one_is_a_row_that_says_why(theirs: Path, tmp_path: Path):
    clean = read_rgb(theirs / "clean/000003.jpg")
    (theirs / "masked/000001_N95.png").write_bytes(b"text")
    (theirs / "clean/000002.jpg").write_bytes(b"")
    (theirs / "masked/000003_N95.png").write_bytes(encode_png(clean))
    (theirs / "masked/000004_N95.png").write_bytes(encode_png(clean[:100]))
    (theirs / "masked/000005_N95.png").write_bytes(encode_png(clean[::-1, ::-1]))
    (theirs / "masked/000009_N95.png").write_bytes(encode_png(clean))
    report = adopted(without(theirs, "map"), tmp_path / "out")
    told = {row.key: (row.status, row.reason) for row in rows_of(tmp_path / "out") if row.status != "ok"}
    assert told["000001_00"][0] == told["000002_00"][0] == told["000002_01"][0] == "unreadable"
    assert told["000003_00"] == ("rejected", "masked and clean picture do not differ: no mask was found")
    assert told["000004_00"] == ("rejected", "the clean picture measures 178x218, the masked one 178x100")
    assert told["000005_00"][0] == "rejected"
    assert "differ everywhere" in told["000005_00"][1]
    assert len(told) == 6
    assert "1 masked pictures left out: no_clean" in report.notes
    assert inspect_dataset(tmp_path / "out").problems == ()


def test_an_empty_and_an_inverted_map_are_rows_that_say_so(theirs: Path, tmp_path: Path):
    map_ = read_map(theirs / "map/000001_N95.png")
    (theirs / "map/000001_N95.png").write_bytes(encode_png(np.zeros_like(map_)))
    (theirs / "map/000002_N95.png").write_bytes(encode_png(255 - map_))
    adopted(theirs, tmp_path / "out")
    told = {row.key: row.reason for row in rows_of(tmp_path / "out") if row.status != "ok"}
    assert "the map is empty" in told["000001_00"]
    assert "inverted" in told["000002_00"]


def refused(capfd, *arguments: object) -> str:
    assert main(["adopt", *map(str, arguments)]) == 2
    (line,) = capfd.readouterr().err.strip().splitlines()
    return line


def test_what_cannot_be_adopted_is_one_line_and_nothing_is_written(theirs: Path, tmp_path: Path, capfd):
    out = tmp_path / "out"
    for name in ("lonely", "nobody/masked", "nobody/clean", "empty/masked", "empty/clean"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copy(theirs / "masked/000001_N95.png", tmp_path / "lonely/a.png")
    shutil.copy(theirs / "masked/000001_N95.png", tmp_path / "nobody/masked/a.png")
    shutil.copy(theirs / "masked/000001_N95.png", tmp_path / "nobody/clean/b.png")
    for arguments, words in [
        ((tmp_path / "none", out), "SOURCE"),
        (
            (tmp_path / "lonely", out),
            "nothing goes with the masked pictures: give --clean DIR, --maps DIR or both",
        ),
        ((tmp_path / "nobody", out), "no picture named 'a'"),
        ((tmp_path / "empty", out), "no jpg, jpeg, png, webp or bmp picture"),
        ((theirs, out, "--clean", theirs / "masked"), "--clean"),
        ((tmp_path / "lonely", out, "--clean", tmp_path / "lonely"), "put them apart"),
        ((theirs, out, "--maps", tmp_path / "none"), "--maps"),
        ((theirs, out, "--split", "training"), "--split training: expected one of train, val, test"),
        ((theirs, out, "--limit", "0"), "--limit 0: expected at least 1"),
        ((theirs, out, "--existing", "perhaps"), "--existing perhaps"),
        ((theirs, theirs / "out"), "lies inside SOURCE"),
        ((theirs / "masked", theirs, "--clean", theirs / "clean"), "lies inside OUT"),
    ]:
        assert words in refused(capfd, *arguments)
    assert not out.exists()


def test_another_adoption_or_a_build_in_the_folder_is_one_line(
    theirs: Path, built_once: Path, tmp_path: Path, capfd
):
    out = Path(shutil.copytree(built_once, tmp_path / "built"))
    assert "holds a dataset of another configuration" in refused(capfd, theirs, out)
    adopted(theirs, tmp_path / "out")
    assert "--split was unset, now val" in refused(capfd, theirs, tmp_path / "out", "--split", "val")
    assert "--existing fail was given" in refused(capfd, theirs, tmp_path / "out", "--existing", "fail")


# ---- resume, verify ----------------------------------------------------------------------------------------


class KilledError(BaseException):
    pass


def dataset_files(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_a_killed_adoption_goes_on_to_the_same_bytes(theirs: Path, tmp_path: Path, monkeypatch):
    adopted(theirs, tmp_path / "whole")
    write, left = pairs_module.write_atomic, [4]

    def some(path: Path, data: bytes) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KilledError
        write(path, data)

    monkeypatch.setattr(pairs_module, "write_atomic", some)
    with pytest.raises(KilledError):
        adopted(theirs, tmp_path / "out")
    monkeypatch.setattr(pairs_module, "write_atomic", write)
    assert inspect_dataset(tmp_path / "out").problems[0].where == "build.json"
    assert adopted(theirs, tmp_path / "out").counts["ok"] == 12
    assert dataset_files(tmp_path / "out") == dataset_files(tmp_path / "whole")
    adopted(theirs, tmp_path / "out")
    assert dataset_files(tmp_path / "out") == dataset_files(tmp_path / "whole")
    adopted(theirs, tmp_path / "out", limit=1, existing="overwrite")
    assert len(dataset_files(tmp_path / "out")) == 2 + 5


def test_rows_of_pictures_that_are_not_in_this_run_are_told(theirs: Path, tmp_path: Path):
    assert not any("not in this run" in note for note in adopted(theirs, tmp_path / "out").notes)
    for kind in ("surgical", "N95"):
        (theirs / f"masked/000002_{kind}.png").unlink()
    report = adopted(theirs, tmp_path / "out")
    assert (report.counts["ok"], report.sources) == (12, 6)
    assert report.notes[-1] == "2 rows of pictures not in this run"


def test_copies_come_where_links_cannot_be_and_where_they_are_wanted(
    theirs: Path, tmp_path: Path, monkeypatch
):
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    adopted(theirs, tmp_path / "wanted", copy=True)
    monkeypatch.setattr(pairs_module.os, "link", refuse)
    adopted(theirs, tmp_path / "needed")
    for out in (tmp_path / "wanted", tmp_path / "needed"):
        assert not (out / "clean/000001.jpg").samefile(theirs / "clean/000001.jpg")
        assert (out / "clean/000001.jpg").read_bytes() == (theirs / "clean/000001.jpg").read_bytes()


def test_verify_says_what_it_can_know_of_adopted_pictures(theirs: Path, tmp_path: Path, capfd):
    out = tmp_path / "out"
    adopted(theirs, out, copy=True)
    assert main(["verify", str(out), "--workers", "1"]) == 0
    assert "adopted: what is beside the masks was not compared" in capfd.readouterr().out
    assert main(["verify", str(out), "--workers", "1", "--replay", "1"]) == 2
    assert "--replay 1: " in capfd.readouterr().err
    clean = read_rgb(out / "clean/000001.jpg")
    (out / "clean/000001.jpg").write_bytes(encode_jpg(clean, 50))
    (out / "map/000002_00.png").write_bytes(encode_png(np.zeros(clean.shape[:2], np.uint8)))
    (out / "masked/000003_00.png").unlink()
    card = json.loads((out / "build.json").read_text())
    (out / "build.json").write_text(json.dumps(card))
    found = {problem.where: problem.message for problem in inspect_dataset(out).problems}
    assert "is neither the source's bytes" in found["clean/000001.jpg"]
    assert "coverage is" in found["000002_00"]
    assert "missing" in found["masked/000003_00.png"]
    assert len(found) == 3
