import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.datagen.common.errors import UnreadablePictureError, UserError
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.dataset.verify import verify
from unmask.datagen.faces.parsing import read_fitted_parsing, read_parsing
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.render.front import FRONT_LABELS
from unmask.datagen.render.prepared_picture import PreparedPicture, prepare_picture
from unmask.datagen.render.triplet import Triplet, mask_picture, replay
from unmask.datagen.render.triplet_config import TripletConfig

SHAPE = (218, 178)
# Worn in a state of which quality control asks neither mouth nor nostrils to be covered.
PINS = ("front.keep=1", "shadow.strength=0", "family=surgical", "worn=too_big", "worn.too_big=1.03")
HAIR = 13


@pytest.fixture
def config(triplet_config: TripletConfig) -> TripletConfig:
    return replace(triplet_config, recipe=load_recipe_config("default", PINS))


@pytest.fixture
def masked(draw_face: Callable, config: TripletConfig) -> Callable[..., Triplet]:
    """Masks drawn face 0 with a parsing map: masked(labels)."""

    def make(labels: np.ndarray | None, config: TripletConfig = config) -> Triplet:
        image, landmarks = draw_face(0)
        prepared = prepare_picture(image, [landmarks], config, None, labels)
        assert isinstance(prepared, PreparedPicture)
        made = mask_picture(prepared, config, key="a", variant=0)
        assert isinstance(made, Triplet), made
        return made

    return make


def half(label: int, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Labels of skin, and of something else below and left of the mouth's left corner."""
    labels = np.ones(shape, np.uint8)
    labels[:, : round(0.42 * shape[1])] = label
    return labels


@pytest.fixture
def write(tmp_path: Path) -> Callable[[np.ndarray], Path]:
    def write_map(labels: np.ndarray) -> Path:
        folder = tmp_path / "maps"
        folder.mkdir(exist_ok=True)
        assert cv2.imwrite(str(folder / "a.png"), labels)
        return folder

    return write_map


def test_a_map_of_the_pictures_size_is_read_as_it_is_and_a_missing_one_is_none(write: Callable):
    labels = np.random.default_rng(0).integers(0, 19, SHAPE, dtype=np.uint8)
    read = read_parsing(write(labels), "a", SHAPE)
    assert np.array_equal(read, labels)
    assert read_parsing(write(labels), "b", SHAPE) is None


@pytest.mark.parametrize("factor", [0.5, 2, 3])
def test_a_map_of_the_same_aspect_is_scaled_without_new_labels(write: Callable, factor: float):
    shape = (round(SHAPE[0] * factor), round(SHAPE[1] * factor))
    labels = np.zeros(shape, np.uint8)
    labels[: shape[0] // 2, shape[1] // 2 :] = 13
    read = read_parsing(write(labels), "a", SHAPE)
    assert read is not None
    assert read.shape == SHAPE
    assert set(np.unique(read)) == {0, 13}
    assert (read == 13).mean() == pytest.approx(0.25, abs=0.01)
    assert (read[:105, 92:] == 13).all()


@pytest.mark.parametrize(
    "labels",
    [
        np.zeros((*SHAPE, 3), np.uint8),
        np.zeros((*SHAPE, 4), np.uint8),
        np.zeros(SHAPE, np.uint16),
        np.zeros((512, 512), np.uint8),
        np.zeros(SHAPE[::-1], np.uint8),
        np.zeros((218, 184), np.uint8),
    ],
)
def test_a_map_of_another_kind_or_aspect_is_refused_by_name(write: Callable, labels: np.ndarray):
    with pytest.raises(UnreadablePictureError, match=r"a\.png"):
        read_parsing(write(labels), "a", SHAPE)


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_a_map_that_is_no_picture_is_refused_by_name(tmp_path: Path, data: bytes):
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(UnreadablePictureError, match=r"a\.png"):
        read_parsing(tmp_path, "a", SHAPE)


@pytest.mark.parametrize("label", FRONT_LABELS)
def test_hair_glasses_and_hat_stay_in_front_of_the_mask(masked: Callable, label: int):
    bare, made = masked(np.ones(SHAPE, np.uint8)), masked(half(label))
    edge = round(0.42 * SHAPE[1])
    kept, free = np.s_[:, : edge - 4], np.s_[:, edge + 4 :]
    assert (bare.map[kept] >= 128).sum() > 200
    assert not made.map[kept].any()
    assert not made.layers[kept].any()
    assert np.array_equal(made.masked[kept], made.clean[kept])
    assert np.array_equal(made.map[free], bare.map[free])
    between = made.map[:, edge - 4 : edge + 4].astype(int)
    assert (between <= bare.map[:, edge - 4 : edge + 4]).all()


def test_no_other_label_changes_anything(masked: Callable):
    bare = masked(np.ones(SHAPE, np.uint8))
    for label in {*range(19), 255} - set(FRONT_LABELS):
        made = masked(half(label))
        assert np.array_equal(made.masked, bare.masked), label
        assert np.array_equal(made.layers, bare.layers), label


def test_a_recipe_that_keeps_nothing_in_front_ignores_the_map(masked: Callable, config: TripletConfig):
    never = replace(config, recipe=load_recipe_config("default", [*PINS, "front.keep=0"]))
    assert np.array_equal(masked(half(HAIR), never).map, masked(np.ones(SHAPE, np.uint8), never).map)


def test_a_replay_needs_the_map_and_gives_the_same_pixels(masked: Callable, config: TripletConfig):
    made = masked(half(HAIR))
    again = replay(made.clean, made.recipe_json, config.templates, half(HAIR))
    assert np.array_equal(again.masked, made.masked)
    assert again.recipe_json == made.recipe_json
    with pytest.raises(ValueError, match="`parsing`"):
        replay(made.clean, made.recipe_json, config.templates)
    free = masked(None)
    assert np.array_equal(replay(free.clean, free.recipe_json, config.templates).masked, free.masked)


@pytest.mark.parametrize("size", [(128, 128), (89, 109), (300, 200)])
def test_labels_are_cropped_and_scaled_with_the_picture(
    masked: Callable, config: TripletConfig, size: tuple[int, int]
):
    sized = replace(config, size=size)
    bare, made = masked(np.ones(SHAPE, np.uint8), sized), masked(half(HAIR), sized)
    assert made.map.shape == size[::-1]
    # The line between the labels, where the same crop puts it.
    scale = max(size[0] / SHAPE[1], size[1] / SHAPE[0])
    edge = (round(0.42 * SHAPE[1]) - SHAPE[1] / 2) * scale + size[0] / 2
    kept, free = np.s_[:, : round(edge - 5)], np.s_[:, round(edge + 5) :]
    assert (bare.map[kept] >= 128).any()
    assert not made.map[kept].any()
    assert np.array_equal(made.map[free], bare.map[free])


@pytest.fixture
def maps(drawn_celeba: Path, tmp_path: Path) -> Path:
    """Parsing maps of all drawn pictures but the last one."""
    folder = tmp_path / "parsing"
    folder.mkdir()
    for path in sorted((drawn_celeba / "img_align_celeba").iterdir())[:-1]:
        cv2.imwrite(str(folder / f"{path.stem}.png"), half(HAIR))
    return folder


def test_a_build_with_maps_replays_and_falls_back_where_there_is_none(
    options: Callable, maps: Path, drawn_celeba: Path, tmp_path: Path
):
    wanted = options(parsing=maps, pins=PINS, layers=True)
    build(wanted)
    build(options(pins=PINS, out=tmp_path / "without", layers=True))
    assert verify(wanted.out, replay=-1) == []
    rows = list(iterate_manifest(wanted.out / "manifest.csv"))
    assert [row.status for row in rows] == ["ok"] * 6
    changed = []
    for row in rows:
        ours, theirs = (
            cv2.imread(str(out / row.map), cv2.IMREAD_UNCHANGED) for out in (wanted.out, tmp_path / "without")
        )
        changed.append(not np.array_equal(ours, theirs))
        if changed[-1]:
            assert not ours[:, :70].any()
            assert theirs[:, :70].any()
    assert changed == [True] * 5 + [False]


@pytest.mark.parametrize("size", [(96, 96), (89, 109)])
def test_a_build_of_another_size_with_maps_replays(options: Callable, maps: Path, size: tuple[int, int]):
    wanted = options(parsing=maps, pins=PINS, size=size, limit=2)
    build(wanted)
    assert [str(problem) for problem in verify(wanted.out, replay=-1)] == []


def test_a_map_that_cannot_be_used_is_a_row_that_says_so(options: Callable, maps: Path):
    cv2.imwrite(str(maps / "000001.png"), np.zeros((512, 512), np.uint8))
    (maps / "000002.png").write_bytes(b"no picture")
    wanted = options(parsing=maps, pins=PINS, limit=3)
    report = build(wanted)
    rows = list(iterate_manifest(wanted.out / "manifest.csv"))
    assert [row.status for row in rows] == ["unreadable", "unreadable", "ok"]
    assert "000001.png is 512x512" in rows[0].reason
    assert "000002.png" in rows[1].reason
    assert report.counts["unreadable"] == 2


def test_a_missing_folder_is_one_line_and_another_one_is_another_build(
    options: Callable, maps: Path, tmp_path: Path
):
    with pytest.raises(UserError, match=r"parsing .*nowhere: no such folder"):
        build(options(parsing=tmp_path / "nowhere"))
    build(options(parsing=maps, limit=1))
    with pytest.raises(UserError, match="`parsing`"):
        build(options(limit=1))


@pytest.mark.parametrize("scale", [2, 2.87])
def test_larger_maps_replay_at_another_size(options: Callable, maps: Path, scale: float):
    noise = np.random.default_rng(1).integers(0, 19, (round(218 * scale), round(178 * scale)), np.uint8)
    for path in maps.glob("*.png"):
        cv2.imwrite(str(path), noise)
    wanted = options(parsing=maps, pins=PINS, size=(128, 128), limit=3)
    report = build(wanted)
    assert report.counts["ok"] == 3
    assert "3 of 3 pictures have a parsing map" in report.notes
    assert [str(problem) for problem in verify(wanted.out, replay=-1)] == []


def test_the_labels_of_build_and_verify_are_the_same(write: Callable):
    labels = np.random.default_rng(2).integers(0, 19, (437, 357), dtype=np.uint8)
    folder = write(labels)
    for size in ((128, 128), (89, 109), (178, 218)):
        assert np.array_equal(read_parsing(folder, "a", SHAPE, size), read_fitted_parsing(folder, "a", size))


def test_a_folder_of_another_set_is_one_line(options: Callable, tmp_path: Path):
    (tmp_path / "other").mkdir()
    cv2.imwrite(str(tmp_path / "other" / "face.png"), half(HAIR))
    with pytest.raises(UserError, match=r"parsing .*other: has a map of none of the 6 pictures"):
        build(options(parsing=tmp_path / "other"))


def test_maps_are_known_by_their_content_not_by_their_place(options: Callable, maps: Path, tmp_path: Path):
    build(options(parsing=maps, pins=PINS, limit=1))
    shutil.copytree(maps, tmp_path / "copy")
    build(options(parsing=tmp_path / "copy", pins=PINS, limit=1))
    cv2.imwrite(str(tmp_path / "copy" / "000001.png"), half(1))
    with pytest.raises(UserError, match="`parsing`"):
        build(options(parsing=tmp_path / "copy", pins=PINS, limit=1))


def test_a_dataset_made_with_relative_folders_is_verified_from_elsewhere(
    options: Callable, maps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(maps.parent)
    wanted = options(parsing=Path(maps.name), pins=PINS, limit=1)
    build(wanted)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert verify(wanted.out, replay=-1) == []


def test_a_map_that_cannot_be_read_is_named(tmp_path: Path, write: Callable, monkeypatch: pytest.MonkeyPatch):
    folder = write(half(HAIR))

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("unmask.datagen.faces.parsing.read_whole", refuse)
    with pytest.raises(UnreadablePictureError, match=r"a\.png cannot be read: Permission denied"):
        read_parsing(folder, "a", SHAPE)
