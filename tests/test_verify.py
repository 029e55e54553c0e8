import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset import verify as verify_module
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.manifest import iterate_manifest, read_attribute_names, write_manifest
from unmask.datagen.dataset.manifest_row import ManifestRow
from unmask.datagen.dataset.options import BuildOptions
from unmask.datagen.dataset.verify import inspect_dataset, verify


@pytest.fixture
def dataset(built_once: Path, tmp_path: Path) -> Path:
    """A copy of the finished dataset (layers, two variants), to damage."""
    return Path(shutil.copytree(built_once, tmp_path / "copy"))


def change_row(out: Path, which: str, **changes: object) -> None:
    path = out / "manifest.csv"
    names = read_attribute_names(path)
    rows = [replace(row, **changes) if row.key == which else row for row in iterate_manifest(path)]
    write_manifest(path, rows, names)


def change_pixel(path: Path, y: int, x: int) -> None:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    image[y, x] = 255 - image[y, x]
    cv2.imwrite(str(path), image)


def off_mask_pixel(out: Path, row: ManifestRow) -> tuple[int, int]:
    alpha = cv2.imread(str(out / row.map), cv2.IMREAD_UNCHANGED)
    layers = cv2.imread(str(out / "layers" / f"{row.key}.png"))
    y, x = np.argwhere((alpha == 0) & ~layers.any(axis=2))[0]
    return int(y), int(x)


def test_a_finished_build_has_no_problem_and_renders_again_to_the_bit(built_once: Path):
    report = inspect_dataset(built_once, replay=-1)
    assert (report.rows, report.replayed, report.problems) == (12, 12, ())


def test_replays_are_evenly_spread(built_once: Path):
    assert inspect_dataset(built_once, replay=3).replayed == 3
    assert inspect_dataset(built_once, replay=500).replayed == 12


def test_two_processes_find_what_one_finds(dataset: Path):
    (dataset / "map" / "000004_01.png").unlink()
    change_row(dataset, "000002_00", coverage=0.9)
    assert verify(dataset, workers=2) == verify(dataset, workers=1)


DAMAGES: list[tuple[Callable[[Path], object], str, str]] = [
    (lambda out: (out / "masked/000001_00.png").unlink(), "masked/000001_00.png", "missing"),
    (lambda out: (out / "clean/000001.jpg").unlink(), "clean/000001.jpg", "missing"),
    (lambda out: (out / "layers/000003_01.png").unlink(), "layers/000003_01.png", "missing"),
    (lambda out: (out / "map/spare.png").write_bytes(b"x"), "map/spare.png", "no row names"),
    (lambda out: (out / "spare.txt").write_text("x"), "spare.txt", "no row names"),
    (lambda out: (out / "masked/000002_00.png.part").write_bytes(b""), "masked/000002_00.png.part", "no row"),
    (lambda out: (out / "map/000002_00.png").write_bytes(b""), "map/000002_00.png", "no one-channel"),
    (lambda out: (out / "masked/000002_00.png").write_bytes(b"text"), "masked/000002_00.png", ""),
    (
        lambda out: shutil.copy(out / "masked/000002_00.png", out / "map/000002_00.png"),
        "map/000002_00.png",
        "one-ch",
    ),
    (lambda out: shutil.copy(out / "clean/000002.jpg", out / "clean/000001.jpg"), "clean/000001.jpg", "hash"),
    (lambda out: shutil.copy(out / "map/000002_00.png", out / "map/000001_00.png"), "000001_00", "coverage"),
    (lambda out: change_row(out, "000002_01", coverage=0.5), "000002_01", "coverage is 0.5"),
    (
        lambda out: change_row(out, "000002_01", width=177),
        "masked/000002_01.png",
        "measures 178x218, not 177x218",
    ),
    (lambda out: change_row(out, "000002_01", masked=""), "000002_01", "a path is empty"),
    (lambda out: change_row(out, "000002_01", status="rejected", reason="x"), "000002_01", "it names files"),
    (lambda out: change_row(out, "000002_01", variant=2), "000002_01", "variant 2"),
    (lambda out: change_row(out, "000002_01", key="000001_01"), "000001_01", "more than one row"),
    (lambda out: change_row(out, "000002_01", source_sha256="00"), "000002.jpg", "disagree"),
]


@pytest.mark.parametrize(("damage", "where", "words"), DAMAGES)
def test_each_damage_is_found_and_named(
    dataset: Path, damage: Callable[[Path], object], where: str, words: str
):
    damage(dataset)
    found = [problem for problem in verify(dataset) if problem.where == where]
    assert found
    assert any(words in problem.message for problem in found)


def test_one_changed_pixel_off_the_mask_is_found(dataset: Path):
    row = next(iterate_manifest(dataset / "manifest.csv"))
    change_pixel(dataset / row.masked, *off_mask_pixel(dataset, row))
    problems = verify(dataset)
    assert [problem.where for problem in problems] == [row.key]
    assert "1 pixels outside mask and support differ" in problems[0].message


def test_without_layers_the_support_box_is_what_may_differ(options, tmp_path: Path):
    build(options(limit=1))
    out = tmp_path / "out"
    row = next(iterate_manifest(out / "manifest.csv"))
    assert verify(out) == []
    assert row.support is not None
    change_row(out, row.key, support=None)
    assert "outside mask and support" in verify(out)[0].message


def test_a_changed_pixel_on_the_mask_is_found_by_rendering_again(dataset: Path):
    row = next(iterate_manifest(dataset / "manifest.csv"))
    alpha = cv2.imread(str(dataset / row.map), cv2.IMREAD_UNCHANGED)
    change_pixel(dataset / row.masked, *map(int, np.argwhere(alpha == 255)[0]))
    assert verify(dataset) == []
    assert [problem.where for problem in verify(dataset, replay=-1)] == [row.key]


@pytest.mark.parametrize("recipe", ["", "{}", "not json", '{"version":1,"faces":[{}]}', "[]"])
def test_a_damaged_recipe_is_found_by_rendering_again(dataset: Path, recipe: str):
    change_row(dataset, "000001_00", recipe=recipe)
    problems = verify(dataset, replay=-1)
    assert [problem.where for problem in problems] == ["000001_00"]


def test_other_templates_than_the_builds_are_said(dataset: Path):
    told = json.loads((dataset / "build.json").read_text())
    told["config"]["template_hash"] = "0" * 16
    (dataset / "build.json").write_text(json.dumps(told))
    assert verify(dataset) == []
    assert "`templates`" in verify(dataset, replay=1)[0].message


def test_a_row_that_was_lost_is_found(dataset: Path):
    path = dataset / "manifest.csv"
    names = read_attribute_names(path)
    write_manifest(path, [row for row in iterate_manifest(path) if row.key != "000003_00"], names)
    messages = [str(problem) for problem in verify(dataset)]
    assert any("000003.jpg: has variants [1]" in message for message in messages)
    assert any("masked/000003_00.png: no row names" in message for message in messages)
    assert any("counts by status differ" in message for message in messages)


def test_an_unfinished_build_and_a_damaged_manifest_are_problems(dataset: Path):
    told = json.loads((dataset / "build.json").read_text())
    (dataset / "build.json").write_text(json.dumps(told | {"status": "running"}))
    (dataset / "manifest.csv").write_text("key,source\n")
    assert [problem.where for problem in verify(dataset)] == ["build.json", "manifest.csv"]


def test_the_report_of_stats_is_no_stranger(dataset: Path):
    (dataset / "stats.json").write_text("{}")
    (dataset / "stats.html").write_text("<html>")
    assert verify(dataset) == []


def test_a_folder_without_a_dataset_is_one_line(tmp_path: Path):
    with pytest.raises(UserError, match=r"no build.json there"):
        verify(tmp_path)


@pytest.mark.parametrize(("format_", "size"), [("jpg", None), ("jpg", (64, 64)), ("png", (64, 80))])
def test_resized_and_jpg_datasets_have_no_problem(options, format_: str, size: tuple[int, int] | None):
    chosen: BuildOptions = options(format=format_, size=size, limit=3)
    build(chosen)
    assert verify(chosen.out, replay=-1) == []


def test_a_worker_that_is_killed_is_one_line(built_once: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(verify_module, "check_pictures", _die)
    with pytest.raises(UserError, match=r"a worker process was killed.*`workers` than 2$"):
        verify(built_once, workers=2)


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
