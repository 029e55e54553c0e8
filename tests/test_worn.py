import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest

from unmask.datagen.common.rng import generator
from unmask.datagen.masks.draw import draw_recipe
from unmask.datagen.masks.recipe import MaskRecipe
from unmask.datagen.masks.recipe_config import WORN_STATES, load_recipe_config
from unmask.datagen.masks.template import load_templates
from unmask.datagen.render.prepared_picture import Refusal
from unmask.datagen.render.triplet import Triplet, make_triplet
from unmask.datagen.render.triplet_config import TripletConfig

TEMPLATES = load_templates()
FACES = (0, 1, 2, 7, 9)
NOSE, MOUTH = range(27, 36), range(48, 60)
# Every fit in the middle, so that only the worn state speaks.
MIDDLE = [f"shape.{name}=0" for name in ("own", "top", "bottom", "tilt", "shift")]
MIDDLE += ["shape.width=1", "shape.bulge=1", "front.keep=0", "texture=plain"]
Wear = Callable[..., Triplet]
Measured = dict[str, list[Triplet]]


def drawn(worn: str, template: str = "surgical-pleated") -> MaskRecipe:
    config = load_recipe_config("default", [*MIDDLE, f"worn={worn}", f"template={template}"])
    return draw_recipe(np.random.default_rng(4), config, TEMPLATES)


def flatten(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield name, value
        return
    for key, inner in value.items():
        yield from flatten(inner, f"{name}.{key}" if name else key)


def share(triplet: Triplet, points: np.ndarray) -> float:
    """Share of the convex hull of points that the map covers."""
    area = np.zeros(triplet.map.shape, np.uint8)
    cv2.fillConvexPoly(area, cv2.convexHull(np.rint(points).astype(np.int32)), 1)
    return np.count_nonzero((triplet.map >= 128) & (area > 0)) / np.count_nonzero(area)


def lean(triplet: Triplet) -> float:
    """Degrees of the mask's long axis, clockwise."""
    y, x = np.nonzero(triplet.map >= 128)
    _, vectors = np.linalg.eigh(np.cov(np.stack([x, y])))
    along = vectors[:, 1] * np.sign(vectors[0, 1])
    return float(np.degrees(np.arctan2(along[1], along[0])))


def strap_sides(triplet: Triplet, middle: float) -> tuple[int, int]:
    """Pixels of strap beside the mask, left and right."""
    beside = (triplet.layers[..., 1] > 60) & (triplet.map < 20)
    cols = np.nonzero(beside)[1]
    return int((cols < middle).sum()), int((cols > middle).sum())


@pytest.fixture(scope="module")
def worn(draw_face: Callable, wear: Wear) -> Measured:
    """Every worn state of one surgical mask on five drawn faces."""
    return {
        state: [wear(draw_face(n)[0], draw_face(n)[1].points, drawn(state)) for n in FACES]
        for state in WORN_STATES
    }


@pytest.fixture(scope="module")
def points(draw_face: Callable) -> list[np.ndarray]:
    return [draw_face(n)[1].points for n in FACES]


def test_a_mask_slides_from_the_nose_over_the_lips_to_the_chin(worn: Measured, points: list[np.ndarray]):
    order = ("proper", "nose_out", "below_lips", "chin")
    for index, at in enumerate(points):
        noses = [share(worn[state][index], at[NOSE]) for state in order]
        tops = [np.argwhere(worn[state][index].map >= 128)[:, 0].min() for state in order]
        assert noses[0] > 0.5
        assert noses[1] < 0.6 * noses[0]
        assert noses[2] <= noses[1]
        assert noses[3] < 0.1
        assert all(high < low for high, low in pairwise(tops)), tops


def test_the_mouth_is_covered_with_the_nose_out_and_bare_with_the_mask_on_the_chin(
    worn: Measured, points: list[np.ndarray]
):
    for index, at in enumerate(points):
        mouth = {state: share(worn[state][index], at[MOUTH]) for state in WORN_STATES}
        assert mouth["proper"] > 0.98
        assert mouth["nose_out"] > 0.9
        assert mouth["below_lips"] < 0.9
        assert mouth["chin"] < 0.2, mouth
        assert mouth["chin"] <= mouth["below_lips"]
        assert share(worn["chin"][index], at[7:10]) > 0.2 or worn["chin"][index].map[int(at[8, 1]) :].any()


def test_a_tilted_mask_leans_and_one_off_an_ear_leans_less(worn: Measured):
    recipe = drawn("tilted")
    wanted = recipe.shape.tilt
    assert abs(wanted) > 4
    for index in range(len(FACES)):
        straight, tilted = lean(worn["proper"][index]), lean(worn["tilted"][index])
        assert abs(tilted - straight) > 2
        assert abs(lean(worn["nose_out"][index]) - straight) < abs(tilted - straight)


def test_the_lean_grows_with_the_tilt_and_to_either_side_alike(wear: Wear, draw_face: Callable):
    recipe = drawn("proper")
    for index in FACES:
        image, landmarks = draw_face(index)
        leans = [
            lean(wear(image, landmarks.points, replace(recipe, shape=replace(recipe.shape, tilt=tilt))))
            for tilt in (-12.0, -6.0, 0.0, 6.0, 12.0)
        ]
        steps = np.diff(leans)
        assert (steps > 0).all() or (steps < 0).all(), leans


def test_one_ear_off_leaves_straps_on_the_other_side_only(worn: Measured, points: list[np.ndarray]):
    loose = drawn("one_ear").shape.loose
    assert loose in (-1, 1)
    seen = 0
    for index, at in enumerate(points):
        middle = float(at[27:31, 0].mean())
        both = strap_sides(worn["proper"][index], middle)
        one = strap_sides(worn["one_ear"][index], middle)
        assert one[0 if loose < 0 else 1] == 0, (index, one)
        if min(both) > 10:
            seen += 1
            assert one[1 if loose < 0 else 0] > 0, (index, one)
    assert seen >= 3


def test_the_loose_side_is_either_with_equal_chance():
    config = load_recipe_config("default", ["worn=one_ear"])
    sides = [draw_recipe(generator(0, f"{i}", 0, "mask"), config, TEMPLATES).shape.loose for i in range(300)]
    assert set(sides) == {-1.0, 1.0}
    assert abs(np.mean(sides)) < 0.25


def test_too_big_covers_more_and_too_small_less(worn: Measured):
    for index in range(len(FACES)):
        small, usual, big = (worn[state][index].map.sum() for state in ("too_small", "proper", "too_big"))
        assert small < 0.95 * usual
        assert big > 1.05 * usual


def test_the_slide_is_continuous(wear: Wear, draw_face: Callable):
    recipe = drawn("proper")
    image, landmarks = draw_face(0)
    slides = np.arange(0, 61, 4)
    maps = [
        wear(image, landmarks.points, replace(recipe, shape=replace(recipe.shape, slide=float(slide)))).map
        for slide in slides
    ]
    tops = [np.argwhere(m >= 128)[:, 0].min() for m in maps]
    assert all(here <= there for here, there in pairwise(tops))
    assert max(np.diff(tops)) <= 9
    for one, other in pairwise(maps):
        a, b = one >= 128, other >= 128
        assert np.count_nonzero(a & b) > 0.7 * np.count_nonzero(a | b)


def test_states_are_drawn_as_often_as_the_recipe_says():
    count = 3000
    for name in ("default", "wild"):
        config = load_recipe_config(name)
        found = [draw_recipe(generator(3, f"{i}", 0, "mask"), config, TEMPLATES).worn for i in range(count)]
        total = sum(config.states.values())
        for state in WORN_STATES:
            wanted = config.states.get(state, 0.0) / total
            error = np.sqrt(wanted * (1 - wanted) / count)
            assert abs(found.count(state) / count - wanted) <= 4 * error, (name, state)


@pytest.mark.parametrize("state", WORN_STATES)
def test_a_pinned_state_is_the_only_one_and_is_named_in_the_summary(
    draw_face: Callable, triplet_config: TripletConfig, state: str
):
    config = replace(triplet_config, recipe=load_recipe_config("default", [f"worn={state}"]))
    image, landmarks = draw_face(1)
    made = [make_triplet(image, [landmarks], config, key="a", variant=variant) for variant in range(3)]
    triplets = [one for one in made if not isinstance(one, Refusal)]
    assert triplets
    assert {one.summary.worn for one in triplets} == {state}
    assert all(json.loads(one.recipe_json)["faces"][0]["mask"]["worn"] == state for one in triplets)


@pytest.mark.parametrize(
    ("pin", "moved"),
    [
        ("worn=chin", {"worn", "shape.width", "shape.top", "shape.bottom", "shape.tilt", "shape.shift",
                       "shape.slide", "shape.loose"}),
        ("texture=dots", {"fabric.texture"}),
        ("colour=#336699", {"fabric.colour", "fabric.second", "fabric.third", "strap.colour"}),  # of some straps
        ("texture.contrast=1", {"fabric.second", "fabric.third"}),
        ("texture.scale=0.2", {"fabric.scale"}),
        ("texture.own=1", set()),
        ("light.wrong=1", {"light.turn"}),
        ("sensor.wrong_blur=1", {"sensor.blur"}),
        ("sensor.noise=0", {"sensor.noise"}),
        ("sensor.srgb=1", {"sensor.blend"}),
        ("sensor.jpeg=0", {"sensor.jpeg"}),
        ("front.keep=0", {"front"}),
        ("fold.pinch=0", {"fold.pinch"}),
        ("jitter.scale=1", set()),
        ("worn.chin=[60, 70]", {"shape.slide"}),
    ],
)  # fmt: skip
def test_one_pin_leaves_every_other_drawn_value_alone(pin: str, moved: set[str]):
    usual, pinned = load_recipe_config(), load_recipe_config("default", [pin])
    found: set[str] = set()
    for index in range(120):
        one, other = (
            dict(flatten(draw_recipe(generator(5, f"{index}", 0, "mask"), config, TEMPLATES).to_dict()))
            for config in (usual, pinned)
        )
        found |= {name for name in one if one[name] != other[name]}
    assert found == moved


def test_a_pinned_family_leaves_fit_light_and_sensor_alone():
    usual, pinned = load_recipe_config(), load_recipe_config("default", ["family=scarf"])
    for index in range(60):
        one, other = (
            draw_recipe(generator(5, f"{index}", 0, "mask"), config, TEMPLATES) for config in (usual, pinned)
        )
        assert (one.worn, one.light, one.shadow, one.sensor) == (
            other.worn,
            other.light,
            other.shadow,
            other.sensor,
        )
        assert (one.fabric.seed, one.fabric.scale) == (other.fabric.seed, other.fabric.scale)
