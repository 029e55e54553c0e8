import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.cli.data import main
from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.dataset.verify import verify
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.masks.template import load_templates
from unmask.datagen.masks.textures import find_textures, lay_texture
from unmask.datagen.render.triplet import Triplet, make_triplet, replay
from unmask.datagen.render.triplet_config import TripletConfig

RED, BLUE = (200, 25, 20), (20, 40, 200)
PINS = ("texture.own=1", "family=cloth", "worn=proper")


def cloth(colour: tuple[int, int, int], size: tuple[int, int] = (60, 90)) -> np.ndarray:
    """A drawn picture of woven cloth in BGR, for OpenCV to write."""
    rows, cols = np.indices(size)
    weave = 1 + 0.1 * np.sin(rows * 0.9) * np.sin(cols * 0.9)
    return (np.array(colour[::-1]) * weave[..., None]).clip(0, 255).round().astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures of cloth, and a file that is none."""
    made = tmp_path / "cloths"
    made.mkdir()
    cv2.imwrite(str(made / "red.png"), cloth(RED))
    cv2.imwrite(str(made / "blue dots.PNG"), cloth(BLUE))
    (made / "licence.txt").write_text("mine")
    return made


@pytest.fixture
def config(folder: Path) -> TripletConfig:
    return TripletConfig(1, None, load_recipe_config("default", PINS), load_templates(textures=folder))


def made_of(draw_face: Callable, config: TripletConfig, variant: int = 0) -> Triplet:
    image, landmarks = draw_face(0)
    made = make_triplet(image, [landmarks], config, key="a", variant=variant)
    assert isinstance(made, Triplet), made
    return made


def test_the_recipe_names_the_texture_and_every_texture_is_drawn(draw_face: Callable, config: TripletConfig):
    drawn = {made_of(draw_face, config, variant).summary.texture for variant in range(10)}
    assert drawn == {"own:red", "own:blue dots"}


def test_a_red_texture_makes_a_red_mask_and_a_blue_one_a_blue_mask(
    draw_face: Callable, config: TripletConfig
):
    for variant in range(8):
        made = made_of(draw_face, config, variant)
        red, green, blue = np.median(made.masked[made.map == 255], axis=0)
        first, last = (red, blue) if made.summary.texture == "own:red" else (blue, red)
        assert first > 1.5 * max(green, last), made.summary
        assert made.summary.colour.startswith("#")


def test_without_a_share_none_is_drawn_and_all_else_stays(
    draw_face: Callable, config: TripletConfig, triplet_config: TripletConfig
):
    never = replace(config, recipe=load_recipe_config("default", ["texture.own=0"]))
    for variant in range(4):
        one, usual = (made_of(draw_face, chosen, variant) for chosen in (never, triplet_config))
        assert not one.summary.texture.startswith("own:")
        assert np.array_equal(one.masked, usual.masked)


def test_a_texture_replaces_the_print_and_moves_no_other_drawn_value(
    draw_face: Callable, folder: Path, triplet_config: TripletConfig
):
    with_own = replace(
        triplet_config,
        recipe=load_recipe_config("default", ["texture.own=1"]),
        templates=load_templates(textures=folder),
    )
    for variant in range(4):
        one, usual = (made_of(draw_face, chosen, variant) for chosen in (with_own, triplet_config))
        name = one.summary.texture
        assert one.recipe_json.replace(name, usual.summary.texture) == usual.recipe_json
        assert np.array_equal(one.map, usual.map) or usual.summary.texture == "lace"


def test_a_replay_gives_the_same_pixels_and_names_the_flag_where_the_folder_is_missing(
    draw_face: Callable, config: TripletConfig
):
    made = made_of(draw_face, config)
    again = replay(made.clean, made.recipe_json, config.templates)
    assert np.array_equal(again.masked, made.masked)
    assert again.summary == made.summary
    with pytest.raises(UserError, match="`textures`") as caught:
        replay(made.clean, made.recipe_json, load_templates())
    assert "\n" not in str(caught.value)


def test_pictures_of_any_kind_and_size_are_laid(tmp_path: Path, draw_face: Callable):
    rng = np.random.default_rng(0)
    pictures = {
        "grey.png": rng.integers(0, 256, (40, 40), dtype=np.uint8),
        "alpha.png": rng.integers(0, 256, (40, 40, 4), dtype=np.uint8),
        "deep.png": rng.integers(0, 65536, (40, 40, 3), dtype=np.uint16),
        "tiny.png": np.full((1, 1, 3), 90, np.uint8),
        "long.jpg": cloth(RED, (8, 1500)),
        "photo.webp": cloth(BLUE, (700, 900)),
    }
    for name, picture in pictures.items():
        cv2.imwrite(str(tmp_path / name), picture)
    found, _ = find_textures(tmp_path)
    assert sorted(found) == sorted(Path(name).stem for name in pictures)
    for path in found.values():
        for seed in (0, 1, 2**31 - 1):
            laid = lay_texture(path, (90, 140), (2.0, 1.3), 0.1, 33.0, seed)
            assert laid.shape == (3, 90, 140)
            assert laid.dtype == np.float32
            assert np.isfinite(laid).all()
            assert laid.min() >= 0
            assert laid.max() <= 1


def test_a_texture_keeps_its_colours_and_its_scale(tmp_path: Path):
    stripes = np.zeros((120, 120, 3), np.uint8)
    stripes[:, :60] = 255
    cv2.imwrite(str(tmp_path / "stripes.png"), stripes)
    found, _ = find_textures(tmp_path)

    def changes(scale: float, turn: float, row: bool) -> int:
        laid = lay_texture(found["stripes"], (400, 400), (4.0, 4.0), scale, turn, 0)[0] > 0.5
        line = laid[200] if row else laid[:, 200]
        return int(np.count_nonzero(np.diff(line)))

    # The picture is 6 scales wide and mirrored at its end: a change every 6 scales.
    assert changes(0.1, 0, row=True) == pytest.approx(4 / 0.6, abs=1)
    assert changes(0.05, 0, row=True) == pytest.approx(4 / 0.3, abs=1)
    assert changes(0.1, 0, row=False) == 0
    assert changes(0.1, 90, row=True) == 0
    assert changes(0.1, 90, row=False) > 4


@pytest.mark.parametrize(
    "trouble",
    ["absent", "empty", "no pictures", "broken", "one stem", "a file", "a folder", "a pipe", "a link out"],
)
def test_a_folder_that_cannot_be_used_is_one_line(
    folder: Path, trouble: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    name = "textures"
    if trouble == "absent":
        folder = folder / "nowhere"
    elif trouble in ("empty", "no pictures"):
        for path in folder.iterdir():
            if trouble == "empty" or path.suffix != ".txt":
                path.unlink()
    elif trouble == "broken":
        (folder / "torn.jpg").write_bytes((folder / "red.png").read_bytes()[:60])
        name = "torn.jpg"
    elif trouble == "one stem":
        cv2.imwrite(str(folder / "red.jpg"), cloth(BLUE))
        name = "red.jpg"
    elif trouble == "a file":
        folder = folder / "red.png"
    elif trouble == "a pipe":
        os.mkfifo(folder / "pipe.png")
        name = "pipe.png cannot be read: not a regular file"
    elif trouble == "a link out":
        (folder / "red.png").rename(tmp_path / "red.png")
        (folder / "red.png").symlink_to(tmp_path / "red.png")
        name = "red.png cannot be read: it leads outside its folder"
    else:
        (folder / "sub.png").mkdir()
        name = "sub.png"
    assert main(["build", "demo", str(tmp_path / "out"), "--textures", str(folder)]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "--textures" in err
    assert name in err
    assert not (tmp_path / "out").exists()


def test_the_fingerprint_changes_with_one_pixel_and_one_name_and_not_with_the_place(
    folder: Path, tmp_path: Path
):
    before = load_templates(textures=folder).fingerprint
    assert before != load_templates().fingerprint
    moved = shutil.copytree(folder, tmp_path / "moved")
    (moved / "notes.txt").write_text("no picture")
    assert load_templates(textures=moved).fingerprint == before
    (moved / "red.png").rename(moved / "rot.png")
    assert load_templates(textures=moved).fingerprint != before
    picture = cloth(RED)
    picture[5, 5, 0] ^= 1
    cv2.imwrite(str(folder / "red.png"), picture)
    assert load_templates(textures=folder).fingerprint != before


def test_a_build_with_textures_names_them_resumes_and_verifies(options: Callable, folder: Path):
    wanted = options(textures=folder, pins=PINS, limit=3)
    build(wanted)
    rows = list(iterate_manifest(wanted.out / "manifest.csv"))
    assert {row.texture for row in rows} <= {"own:red", "own:blue dots"}
    assert len(rows) == 3
    before = {path: path.read_bytes() for path in wanted.out.glob("ma*/*")}
    victim = wanted.out / rows[1].masked
    victim.unlink()
    assert build(replace(wanted, variants=1)).resumed == 2
    assert victim.read_bytes() == before[victim]
    assert verify(wanted.out, replay=-1) == []


def test_a_resume_with_another_set_of_textures_is_refused_and_a_moved_one_is_not(
    options: Callable, folder: Path, tmp_path: Path
):
    wanted = options(textures=folder, pins=PINS, limit=2)
    build(wanted)
    moved = shutil.copytree(folder, tmp_path / "moved")
    assert build(replace(wanted, textures=moved)).resumed == 2
    cv2.imwrite(str(moved / "third.png"), cloth(BLUE))
    for other in (moved, None):
        with pytest.raises(UserError, match="`textures`") as caught:
            build(replace(wanted, textures=other))
        assert "\n" not in str(caught.value)


def test_a_texture_that_was_painted_anew_is_seen_by_the_same_process(
    draw_face: Callable, config: TripletConfig, folder: Path
):
    (folder / "blue dots.PNG").unlink()
    seen = []
    for colour in (RED, BLUE):
        cv2.imwrite(str(folder / "red.png"), cloth(colour))
        made = made_of(draw_face, replace(config, templates=load_templates(textures=folder)))
        seen.append(np.median(made.masked[made.map == 255], axis=0))
    assert seen[0][0] > seen[0][2]
    assert seen[1][2] > seen[1][0]


def test_a_pinned_print_is_the_only_one_with_textures_at_hand_too(draw_face: Callable, config: TripletConfig):
    pinned = replace(config, recipe=load_recipe_config("default", ["texture=dots"]))
    assert {made_of(draw_face, pinned, variant).summary.texture for variant in range(8)} == {"dots"}
