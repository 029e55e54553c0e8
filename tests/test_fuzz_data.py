"""Any bytes in any file that `unmask.datagen` reads: a result, a row, or one line; `make fuzz` tries more."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzz_support import damaged_bytes, damaged_csv, damaged_json, few, names_below, survives
from hypothesis import given
from hypothesis import strategies as st

from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.built import BuiltDataset
from unmask.datagen.dataset.folder import earlier_files, read_build
from unmask.datagen.dataset.journal import JOURNAL_NAME, Journal
from unmask.datagen.dataset.manifest import iterate_manifest, read_attribute_names, read_manifest
from unmask.datagen.dataset.options import BuildOptions
from unmask.datagen.dataset.plan import plan_build
from unmask.datagen.dataset.preview import choose_items
from unmask.datagen.dataset.verify import inspect_dataset
from unmask.datagen.faces.landmark_table import LandmarkTable
from unmask.datagen.faces.parsing import read_fitted_parsing, read_parsing
from unmask.datagen.masks.draw import check_recipe
from unmask.datagen.masks.recipe_config import load_recipe_config, packaged_recipes
from unmask.datagen.masks.template import check_templates, load_templates, packaged_folder
from unmask.datagen.masks.textures import find_textures
from unmask.datagen.pictures.picture import decode_picture
from unmask.datagen.sources.open_source import open_source
from unmask.datagen.stats.compare import compare, summarise
from unmask.datagen.stats.files import read_stats, write_stats
from unmask.datagen.stats.measure import measure

TEMPLATES = load_templates()


@pytest.fixture(scope="module")
def dataset(built_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished dataset in a folder of its own; tests put its tables back."""
    out = tmp_path_factory.mktemp("fuzz") / "out"
    shutil.copytree(built_once, out)
    write_stats(measure(out), out)
    return out


@pytest.fixture(scope="module")
def journal(drawn_celeba: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A folder for a journal, and the journal of a build that was stopped."""
    from conftest import StopError, stop_after

    out = tmp_path_factory.mktemp("journal") / "out"
    with pytest.raises(StopError):
        build(BuildOptions(str(drawn_celeba), out, landmarks=drawn_celeba / "landmarks.csv"), stop_after(3))
    return out, (out / JOURNAL_NAME).read_bytes()


def read_dataset(out: Path) -> tuple[Callable[[], object], ...]:
    """Everything that opens a dataset without changing it."""
    return (
        lambda: inspect_dataset(out, replay=1),
        lambda: choose_items(out, 1),
        lambda: measure(out, limit=2),
        lambda: BuiltDataset(out, row=True)[0],
    )


@few
@given(st.data())
def test_any_build_json_is_a_result_or_one_line(
    dataset: Path, drawn_celeba: Path, tmp_path: Path, data: st.DataObject
):
    card = dataset / "build.json"
    whole = card.read_bytes()
    options = BuildOptions(
        str(drawn_celeba), dataset, variants=2, seed=1, layers=True, landmarks=drawn_celeba / "landmarks.csv"
    )
    card.write_bytes(data.draw(damaged_json(json.loads(whole))))
    try:
        survives(*read_dataset(dataset), lambda: plan_build(options))
    finally:
        card.write_bytes(whole)


@few
@given(st.data())
def test_any_manifest_is_a_result_or_one_line(dataset: Path, data: st.DataObject):
    table = dataset / "manifest.csv"
    whole = table.read_bytes()
    table.write_bytes(data.draw(damaged_csv(whole)))
    try:
        survives(
            *read_dataset(dataset),
            lambda: list(iterate_manifest(table)),
            lambda: read_attribute_names(table),
            lambda: read_manifest(table),
            lambda: list(earlier_files(dataset)),
        )
    finally:
        table.write_bytes(whole)
        (dataset / JOURNAL_NAME).unlink(missing_ok=True)


@few
@given(st.data())
def test_any_recipe_in_a_manifest_is_a_problem_of_its_row(dataset: Path, data: st.DataObject):
    table = dataset / "manifest.csv"
    whole = table.read_text(encoding="utf-8")
    recipe = next(row.recipe for row in iterate_manifest(table) if row.status == "ok")
    other = data.draw(damaged_json(json.loads(recipe))).decode("utf-8", "replace").replace("\0", "")
    quoted, put = (text.replace('"', '""') for text in (recipe, other))
    assert f'"{quoted}"' in whole
    table.write_text(whole.replace(f'"{quoted}"', f'"{put}"', 1), encoding="utf-8")
    try:
        survives(lambda: inspect_dataset(dataset, replay=-1), *read_dataset(dataset)[1:])
    finally:
        table.write_text(whole, encoding="utf-8")


@few
@given(st.data())
def test_any_journal_is_resumed_or_one_line(journal: tuple[Path, bytes], data: st.DataObject):
    folder, whole = journal
    lines = whole.splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    changed = data.draw(st.one_of(damaged_json(json.loads(lines[at])), damaged_bytes(lines[at])))
    (folder / JOURNAL_NAME).write_bytes(b"".join([*lines[:at], changed + b"\n", *lines[at + 1 :]]))

    def read() -> None:
        opened = Journal(folder)
        try:
            list(opened)
            [opened.get(name) for name in opened.begun_files()]
        finally:
            opened.close()

    survives(read, lambda: list(earlier_files(folder)))


@few
@given(st.data())
def test_any_journal_and_manifest_write_nothing_outside(
    journal: tuple[Path, bytes],
    drawn_celeba: Path,
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
):
    place = tmp_path_factory.mktemp("resume")
    out = place / "out"
    shutil.copytree(journal[0], out)
    (out / JOURNAL_NAME).write_bytes(data.draw(damaged_bytes(journal[1])))
    existing = data.draw(st.sampled_from(["resume", "overwrite"]))
    options = BuildOptions(
        str(drawn_celeba), out, landmarks=drawn_celeba / "landmarks.csv", limit=1, existing=existing
    )
    survives(lambda: build(options))
    assert {name for name in names_below(place) if not name.startswith("out")} == set()
    shutil.rmtree(place)


@few
@given(st.data())
def test_any_table_of_landmarks_is_read_or_one_line(drawn_celeba: Path, tmp_path: Path, data: st.DataObject):
    path = tmp_path / "points.csv"
    path.write_bytes(data.draw(damaged_csv((drawn_celeba / "landmarks.csv").read_bytes())))

    def read() -> None:
        table = LandmarkTable.read(path)
        for name in list(table._faces):
            table.entries(name)

    survives(read)


@few
@given(st.data())
def test_any_lists_of_celeba_are_read_or_one_line(
    drawn_celeba: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    lists = sorted(path for path in drawn_celeba.glob("*.txt"))
    folder = tmp_path_factory.mktemp("lists")
    (folder / "img_align_celeba").symlink_to(drawn_celeba / "img_align_celeba")
    changed = data.draw(st.sampled_from(lists))
    for path in lists:
        (folder / path.name).symlink_to(path)
    (folder / changed.name).unlink()
    whole = changed.read_bytes().replace(b" ", b",") if data.draw(st.booleans()) else changed.read_bytes()
    (folder / changed.name).write_bytes(data.draw(damaged_csv(whole)))
    survives(lambda: list(open_source(str(folder)).faces))
    shutil.rmtree(folder)


@few
@given(st.data())
def test_any_recipe_file_is_read_or_one_line(tmp_path: Path, data: st.DataObject):
    path = tmp_path / "mine.toml"
    packaged = data.draw(st.sampled_from(sorted(packaged_recipes().values())))
    path.write_bytes(data.draw(damaged_bytes(packaged.read_bytes())))
    survives(lambda: check_recipe(load_recipe_config(str(path)), TEMPLATES))


@few
@given(st.data())
def test_any_template_is_used_or_one_line(tmp_path: Path, data: st.DataObject):
    own = tmp_path / "mine"
    if not own.is_dir():
        shutil.copytree(packaged_folder() / "bandana", own)
        for path in own.glob("bandana-triangle*"):
            path.unlink()
    file = own / "bandana-low.json"
    whole = json.loads((packaged_folder() / "bandana" / file.name).read_bytes()) | {"name": "mine"}
    file.write_bytes(data.draw(damaged_json(whole)))
    survives(lambda: check_templates(own), lambda: load_templates([own]))


@few
@given(st.data())
def test_any_picture_is_decoded_or_one_line(
    tmp_path: Path, drawn_jpegs: list[bytes], encode: Callable, data: st.DataObject
):
    kind = data.draw(st.sampled_from(["jpg", "png", "webp", "bmp"]))
    image = decode_picture(drawn_jpegs[0]).image_rgb[:40, :40]
    damaged = data.draw(damaged_bytes(encode(f".{kind}", image)))
    path = tmp_path / f"mine.{kind}"
    path.write_bytes(damaged)
    (tmp_path / "mine.png").write_bytes(damaged)
    survives(
        lambda: decode_picture(damaged),
        lambda: find_textures(tmp_path),
        lambda: read_parsing(tmp_path, "mine", (40, 40)),
        lambda: read_fitted_parsing(tmp_path, "mine", (40, 40)),
    )
    path.unlink(missing_ok=True)


@few
@given(st.data())
def test_any_stats_are_compared_or_one_line(dataset: Path, tmp_path: Path, data: st.DataObject):
    ours = read_stats(dataset)
    path = tmp_path / "stats.json"
    path.write_bytes(data.draw(damaged_json(ours)))
    survives(lambda: compare(ours, read_stats(path)), lambda: summarise(read_stats(path)))


def test_the_dataset_that_is_damaged_here_is_whole(dataset: Path):
    assert read_build(dataset) is not None
    assert inspect_dataset(dataset, replay=-1).problems == ()
