import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from unmask.cli.train import main as train_main
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.common.rng import generator
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.online import TripletDataset
from unmask.datagen.dataset.options import BuildOptions
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.masks.draw import _ELSEWHERE, _RANGES, draw_recipe
from unmask.datagen.masks.draw_occluder import draw_occluder
from unmask.datagen.masks.recipe import MaskRecipe, OccluderRecipe
from unmask.datagen.masks.recipe_config import LIMITS, load_recipe_config
from unmask.datagen.occluders.kinds import KINDS
from unmask.datagen.render.occluder import paint_occluder
from unmask.datagen.render.scene import read_scene
from unmask.datagen.render.triplet import Triplet, make_triplet, replay
from unmask.datagen.render.triplet_config import TripletConfig
from unmask.model.data.batches import fixed_batch
from unmask.model.data.options import DataOptions
from unmask.model.data.triplets import open_triplets
from unmask.model.training.train_map import some_bare

DrawFace = Callable[[int], tuple[np.ndarray, Landmarks]]
PARTS = ("masked", "map", "clean", "layers")
HAND = OccluderRecipe("hand", 0.0, 0.0, 1.0, 30.0, False, "#31435f", 5)


def always(config: TripletConfig, *pins: str) -> TripletConfig:
    recipe = load_recipe_config("default", ["occluder.probability=1", *pins])
    return replace(config, recipe=recipe, occluders=True)


def make(draw_face: DrawFace, config: TripletConfig, index: int = 0, variant: int = 0) -> Triplet:
    image, landmarks = draw_face(index)
    made = make_triplet(image, [landmarks], config, key="a", variant=variant)
    assert isinstance(made, Triplet), made
    return made


def occluder_of(made: Triplet) -> dict[str, object] | None:
    return json.loads(made.recipe_json)["faces"][0]["mask"].get("occluder")


def same(one: Triplet, other: Triplet) -> bool:
    return all(np.array_equal(getattr(one, part), getattr(other, part)) for part in PARTS)


def test_what_is_asked_of_occluders_changes_no_mask_and_no_fingerprint(triplet_config: TripletConfig):
    usual = load_recipe_config()
    other = load_recipe_config("default", ["occluder.probability=1", "occluder.size={choice=[1,2]}"])
    assert usual.text_of_masks == other.text_of_masks != other.text
    assert "occluder" not in usual.text_of_masks
    # shares are drawn for as many ranges as before there were occluders, or every later one would be another
    assert tuple(name for name in LIMITS if not name.startswith(_ELSEWHERE)) == _RANGES
    assert len(_RANGES) == 47
    one, two = (
        draw_recipe(generator(7, "a", 3, "mask"), config, triplet_config.templates)
        for config in (usual, other)
    )
    assert one == two


def test_json_names_an_occluder_only_where_there_is_one(triplet_config: TripletConfig):
    plain = draw_recipe(generator(1, "a", 0, "mask"), triplet_config.recipe, triplet_config.templates)
    assert "occluder" not in plain.to_dict()
    held = replace(plain, occluder=HAND)
    assert MaskRecipe.from_json(held.to_json()) == held
    assert MaskRecipe.from_json(plain.to_json()) == plain
    with pytest.raises(ValueError, match="not a mask recipe"):
        MaskRecipe.from_dict({**held.to_dict(), "occluder": {"kind": "hand"}})


def test_what_is_drawn_follows_probability_weights_and_ranges():
    half = load_recipe_config("default", ["occluder.probability=0.5", "occluder.size=[0.9,1.1]"])
    drawn = [draw_occluder(generator(1, "a", n, "occluder/0"), half) for n in range(600)]
    there = [one for one in drawn if one is not None]
    assert 250 < len(there) < 350
    assert {one.kind for one in there} == set(KINDS)
    counts = Counter(one.kind for one in there)
    assert counts["hand"] > counts["hair"]
    assert all(0.9 <= one.size <= 1.1 for one in there)
    assert len({one.mirrored for one in there}) == 2
    assert drawn == [draw_occluder(generator(1, "a", n, "occluder/0"), half) for n in range(600)]
    never = load_recipe_config("default", ["occluder.probability=0"])
    assert not any(draw_occluder(generator(1, "a", n, "occluder/0"), never) for n in range(50))


@pytest.mark.parametrize(
    "pins", [["occluder.probability=2"], ["occluder.size=9"], ["occluder.turn=[-100,0]"]]
)
def test_ranges_are_checked_before_any_work(pins: list[str]):
    with pytest.raises(UserError, match=r"must stay within"):
        load_recipe_config("default", pins)


def test_an_unknown_kind_is_named(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text("[occluder.kinds]\nfoot = 1\n")
    with pytest.raises(UserError, match=r"occluder\.kinds: unknown 'foot'; known: hand, fist"):
        load_recipe_config(str(path))


def test_equal_seeds_give_equal_bytes_and_variants_differ(draw_face: DrawFace, triplet_config: TripletConfig):
    config = always(triplet_config)
    assert same(make(draw_face, config), make(draw_face, config))
    assert occluder_of(make(draw_face, config)) != occluder_of(make(draw_face, config, variant=1))


def test_without_probability_not_one_byte_differs(draw_face: DrawFace, triplet_config: TripletConfig):
    never = always(triplet_config, "occluder.probability=0")
    one, plain = make(draw_face, never), make(draw_face, triplet_config)
    assert same(one, plain)
    assert (one.recipe_json, one.summary) == (plain.recipe_json, plain.summary)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"hair"}))
def test_map_and_layers_lose_what_is_covered_and_masked_and_clean_agree_elsewhere(
    draw_face: DrawFace, triplet_config: TripletConfig, kind: str
):
    image, landmarks = draw_face(2)
    plain = make(draw_face, triplet_config, 2)
    recipe = json.loads(plain.recipe_json)
    occluder = replace(HAND, kind=kind)
    recipe["faces"][0]["mask"]["occluder"] = dict(vars(occluder))
    made = replay(image, json.dumps(recipe), triplet_config.templates)
    painting = paint_occluder(image, read_scene(image, landmarks.points), occluder)
    assert painting is not None
    seen = np.ones(image.shape[:2], np.float32)
    seen[painting.region.window] -= painting.body
    assert np.array_equal(made.layers, np.rint(plain.layers * seen[..., None]).astype(np.uint8))
    assert np.array_equal(made.map, made.layers[..., 0])
    hidden = (plain.map > 200) & (seen == 0)
    assert hidden.sum() > 50
    assert not made.layers[hidden].any()
    untouched = ~made.layers.any(axis=2)
    assert np.array_equal(made.masked[untouched], made.clean[untouched])
    assert (made.masked[hidden] != plain.masked[hidden]).any()
    assert (made.clean != plain.clean).any()
    assert made.summary.coverage < plain.summary.coverage


def test_far_from_an_occluder_and_its_shadow_every_pixel_stays(
    draw_face: DrawFace, triplet_config: TripletConfig
):
    image, landmarks = draw_face(2)
    made, plain = make(draw_face, always(triplet_config), 2), make(draw_face, triplet_config, 2)
    occluder = OccluderRecipe(**occluder_of(made))
    painting = paint_occluder(image, read_scene(image, landmarks.points), occluder)
    far = np.ones(image.shape[:2], bool)
    far[painting.region.window] = (painting.body == 0) & (painting.shadow == 0)
    assert far.any()
    assert np.array_equal(made.masked[far], plain.masked[far])
    assert np.array_equal(made.clean[far], image[far])


def test_the_source_picture_is_not_changed_and_the_recipe_replays_on_it(
    draw_face: DrawFace, triplet_config: TripletConfig
):
    image, _ = draw_face(4)
    before = image.copy()
    for variant in range(4):
        made = make(draw_face, always(triplet_config), 4, variant)
        assert same(replay(image, made.recipe_json, triplet_config.templates), made)
    assert np.array_equal(image, before)


def test_a_strand_needs_the_hair_s_own_colour(draw_face: DrawFace):
    hair = replace(HAND, kind="hair", turn=0.0)
    grey = np.full((218, 178, 3), 150, np.uint8)
    _, landmarks = draw_face(0)
    assert paint_occluder(grey, read_scene(grey, landmarks.points), hair) is None
    shown = [
        paint_occluder(face[0], read_scene(face[0], face[1].points), hair)
        for face in map(draw_face, range(6))
    ]
    assert any(painting is not None for painting in shown)


def test_an_occluder_beside_the_picture_is_none(draw_face: DrawFace):
    image, landmarks = draw_face(0)
    scene = read_scene(image, landmarks.points)
    away = replace(HAND, kind="fist", x=60.0)
    assert paint_occluder(image, scene, away) is None


def test_every_face_has_its_own(draw_face: DrawFace, triplet_config: TripletConfig):
    (left, one), (right, two) = draw_face(1), draw_face(2)
    beside = two.transformed(np.array([[1.0, 0.0, left.shape[1]], [0.0, 1.0, 0.0]]))
    both = np.hstack([left, right])
    made = make_triplet(both, [one, beside], always(triplet_config), key="a", variant=1)
    assert isinstance(made, Triplet)
    drawn = [face["mask"]["occluder"] for face in json.loads(made.recipe_json)["faces"]]
    assert drawn[0] != drawn[1]
    untouched = ~made.layers.any(axis=2)
    assert np.array_equal(made.masked[untouched], made.clean[untouched])
    for half in (slice(None, left.shape[1]), slice(left.shape[1], None)):
        assert (made.clean[:, half] != both[:, half]).any()


def test_a_mirrored_occluder_reaches_in_from_the_other_side(draw_face: DrawFace):
    image, landmarks = draw_face(0)
    scene = read_scene(image, landmarks.points)
    middles = []
    for mirrored in (False, True):
        painting = paint_occluder(image, scene, replace(HAND, turn=60.0, mirrored=mirrored))
        x = np.arange(painting.region.width) + painting.region.x
        middles.append(float((painting.body.sum(axis=0) * x).sum() / painting.body.sum()))
    assert middles[1] < image.shape[1] / 2 < middles[0]


def test_a_built_dataset_has_none_whatever_the_recipe_says(
    drawn_celeba: Path, built_once: Path, tmp_path: Path
):
    known = drawn_celeba / "landmarks.csv"
    asked = BuildOptions(
        str(drawn_celeba),
        tmp_path / "out",
        seed=1,
        limit=2,
        landmarks=known,
        pins=("occluder.probability=1",),
    )
    build(asked)
    for made in sorted((tmp_path / "out/masked").iterdir()):
        assert made.read_bytes() == (built_once / "masked" / made.name).read_bytes()
    assert "occluder" not in (tmp_path / "out/build.json").read_text().replace('"occluder.probability=1"', "")


def test_the_dataset_draws_them_when_asked():
    asked = TripletDataset("demo", size=64, seed=1, pins=["occluder.probability=1"], occluders=True, limit=3)
    plain = TripletDataset("demo", size=64, seed=1, limit=3)
    assert not np.array_equal(asked[0]["clean"], plain[0]["clean"])
    assert (asked[0]["map"] <= plain[0]["map"]).all()
    with pytest.raises(UserError, match="not both"):
        TripletDataset("demo", plain.config, occluders=True)


def test_training_shows_them_on_masked_and_bare_faces_and_judges_without(drawn_celeba: Path, tmp_path: Path):
    base = DataOptions(
        online=str(drawn_celeba), landmarks=drawn_celeba / "landmarks.csv", size=64, cache=tmp_path, workers=1
    )
    pinned = replace(base, pins=("occluder.probability=1",))
    plain, off, on = (open_triplets(one) for one in (base, pinned, replace(pinned, occluders=True)))
    assert off.fingerprint == plain.fingerprint != on.fingerprint
    assert off.val.fingerprint == on.val.fingerprint
    batch = fixed_batch(on.train, [0])
    bare, truth, straps = some_bare(batch, 1.0, np.random.default_rng(0))
    assert torch.equal(bare, batch.pictures()[2])
    assert not np.array_equal(on.train.get(0, 0).clean, plain.train.get(0, 0).clean)
    assert not truth.any()
    assert not straps.any()
    assert all(np.array_equal(a, b) for a, b in zip(off.train.get(0, 0), plain.train.get(0, 0), strict=True))


def test_files_cannot_have_them(tmp_path: Path):
    with pytest.raises(ArgumentError, match="goes with `online`"):
        DataOptions(data=tmp_path, occluders=True).check_data()
    DataOptions(data=tmp_path, occluders=False).check_data()


def test_a_dry_run_and_a_config_with_occluders(
    drawn_celeba: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run = ["map", str(tmp_path / "run"), "--online", str(drawn_celeba), "--images", "8", "--batch-size", "2"]
    run += ["--size", "64", "--workers", "0", "--device", "cpu", "--precision", "fp32", "--occluders"]
    run += ["--landmarks", str(drawn_celeba / "landmarks.csv"), "--cache", str(tmp_path / "cache")]
    assert train_main([*run, "--set", "occluder.probability=1", "--dry-run"]) == 0
    assert "dry run: nothing was written to RUN" in capsys.readouterr().out
    assert not (tmp_path / "run").exists()
    assert train_main([*run, "--print-config"]) == 0
    assert "occluders = true" in capsys.readouterr().out
