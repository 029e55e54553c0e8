import json
import pickle
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from unmask.datagen.faces.landmarks import Landmarks, quantise
from unmask.datagen.masks.recipe_config import WORN_STATES, load_recipe_config
from unmask.datagen.masks.template import TemplateSet, load_templates
from unmask.datagen.render.prepared_picture import Refusal
from unmask.datagen.render.triplet import Triplet, make_triplet, replay
from unmask.datagen.render.triplet_config import TripletConfig

TEMPLATES = load_templates()


def make(image: np.ndarray, faces: list[Landmarks], config: TripletConfig, variant: int = 0) -> Triplet:
    made = make_triplet(image, faces, config, key="a", variant=variant)
    assert isinstance(made, Triplet), made
    return made


def one_face(draw_face: Callable, index: int) -> tuple[np.ndarray, list[Landmarks]]:
    image, landmarks = draw_face(index)
    return image, [landmarks]


def same(one: Triplet, other: Triplet) -> bool:
    pixels = all(
        np.array_equal(getattr(one, part), getattr(other, part)) for part in ("masked", "map", "layers")
    )
    return pixels and (one.recipe_json, one.summary) == (other.recipe_json, other.summary)


def check_exact(triplet: Triplet) -> None:
    """What is true of every triplet."""
    untouched = ~triplet.layers.any(axis=2)
    assert np.array_equal(triplet.masked[untouched], triplet.clean[untouched])
    assert np.array_equal(triplet.map, triplet.layers[..., 0])
    assert triplet.masked.shape == triplet.clean.shape == triplet.layers.shape == (*triplet.map.shape, 3)
    assert {part.dtype for part in (triplet.masked, triplet.map, triplet.clean, triplet.layers)} == {
        np.dtype(np.uint8)
    }
    rows, cols = np.nonzero(triplet.layers[..., 1:].any(axis=2))
    box = (cols.min(), rows.min(), cols.max() + 1, rows.max() + 1) if len(rows) else None
    assert triplet.summary.support_box == box
    assert triplet.summary.coverage == pytest.approx(triplet.map.mean() / 255, abs=1e-4)


def side_by_side(draw_face: Callable, scale: float = 1.0) -> tuple[np.ndarray, list[Landmarks]]:
    """Two drawn faces in one picture, the second one scaled; both with their points."""
    (left, here), (right, there) = draw_face(0), draw_face(3)
    small = cv2.resize(right, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    picture = np.zeros((left.shape[0], left.shape[1] + small.shape[1], 3), np.uint8)
    picture[:, : left.shape[1]] = left
    picture[: small.shape[0], left.shape[1] :] = small
    moved = there.transformed([[scale, 0, left.shape[1] + (scale - 1) / 2], [0, scale, (scale - 1) / 2]])
    return picture, [here, moved]


@pytest.mark.parametrize("worn", WORN_STATES)
@pytest.mark.parametrize("family", TEMPLATES.families)
def test_a_triplet_is_exact_and_is_rebuilt_from_its_recipe(
    draw_face: Callable, triplet_config: TripletConfig, family: str, worn: str
):
    recipe = replace(triplet_config.recipe, states={worn: 1.0})
    config = replace(triplet_config, recipe=recipe, templates=TemplateSet(TEMPLATES.of_family(family)))
    for index in range(6):
        image, landmarks = draw_face(index)
        triplet = make_triplet(image, [landmarks], config, key="a", variant=index)
        if isinstance(triplet, Refusal):  # not every family can be worn every way on every face
            assert triplet.status == "rejected"
            continue
        assert (triplet.summary.family, triplet.summary.worn) == (family, worn)
        check_exact(triplet)
        assert same(replay(triplet.clean, triplet.recipe_json, triplet_config.templates), triplet)
        break
    else:
        pytest.fail(f"six drawn faces, and none can wear {family} {worn}")


def test_most_drawn_faces_get_a_mask_that_covers_the_lower_face(
    draw_face: Callable, triplet_config: TripletConfig
):
    made = [make_triplet(*one_face(draw_face, i), triplet_config, key=f"k{i}", variant=0) for i in range(24)]
    triplets = [triplet for triplet in made if isinstance(triplet, Triplet)]
    assert len(triplets) >= 23
    for triplet in triplets:
        check_exact(triplet)
        if triplet.summary.worn == "proper":
            least = triplet_config.templates[triplet.summary.template].least_cover
            assert triplet.summary.lower_face_coverage >= least


def test_equal_seed_key_and_variant_give_equal_bytes_and_others_differ(
    draw_face: Callable, triplet_config: TripletConfig
):
    image, faces = one_face(draw_face, 0)
    first = make(image, faces, triplet_config)
    assert same(make(image.copy(), faces, pickle.loads(pickle.dumps(triplet_config))), first)
    others = [make(image, faces, triplet_config, variant=variant) for variant in (1, 2)]
    others.append(make(image, faces, replace(triplet_config, seed=2)))
    other_key = make_triplet(image, faces, triplet_config, key="b", variant=0)
    assert isinstance(other_key, Triplet)
    for other in (*others, other_key):
        assert not np.array_equal(other.masked, first.masked)
        assert other.recipe_json != first.recipe_json


def test_the_input_is_not_changed_and_its_memory_layout_does_not_matter(
    draw_face: Callable, triplet_config: TripletConfig
):
    image, faces = one_face(draw_face, 1)
    first = make(image, faces, triplet_config)
    assert np.array_equal(first.clean, image)
    bgr = np.ascontiguousarray(image[..., ::-1])
    wide = np.zeros((218, 356, 3), np.uint8)
    wide[:, ::2] = image
    for view in (bgr[..., ::-1], np.asfortranarray(image), wide[:, ::2]):
        before = view.copy()
        assert same(make(view, faces, triplet_config), first)
        assert np.array_equal(view, before)


def test_pictures_of_another_face_before_or_after_change_nothing(
    draw_face: Callable, triplet_config: TripletConfig
):
    image, faces = one_face(draw_face, 0)
    first = make(image, faces, triplet_config)
    for index in range(1, 5):
        make_triplet(*one_face(draw_face, index), triplet_config, key=f"{index}", variant=0)
    assert same(make(image, faces, triplet_config), first)


def test_every_face_of_a_picture_is_masked(draw_face: Callable, triplet_config: TripletConfig):
    picture, faces = side_by_side(draw_face)
    triplet = make(picture, faces, triplet_config)
    check_exact(triplet)
    assert triplet.summary.faces == 2
    assert (triplet.map[:, :178] >= 128).sum() > 2000
    assert (triplet.map[:, 178:] >= 128).sum() > 2000
    assert same(replay(triplet.clean, triplet.recipe_json, triplet_config.templates), triplet)


def test_a_second_face_does_not_change_the_first_ones_mask(
    draw_face: Callable, triplet_config: TripletConfig
):
    picture, faces = side_by_side(draw_face, 0.6)
    both, alone = make(picture, faces, triplet_config), make(picture, faces[:1], triplet_config)
    drawn = [json.loads(triplet.recipe_json)["faces"] for triplet in (both, alone)]
    assert drawn[0][0] == drawn[1][0]
    assert len(drawn[0]) == 2
    assert drawn[0][0]["mask"] != drawn[0][1]["mask"]
    assert np.array_equal(both.masked[:, :120], alone.masked[:, :120])


def test_only_the_largest_face_is_masked_where_one_is_asked_for(
    draw_face: Callable, triplet_config: TripletConfig
):
    picture, faces = side_by_side(draw_face, 0.6)
    triplet = make(picture, faces, replace(triplet_config, faces="largest"))
    assert triplet.summary.faces == 1
    assert same(triplet, make(picture, faces[:1], triplet_config))


def test_a_picture_with_several_faces_is_refused_where_a_single_one_is_asked_for(
    draw_face: Callable, triplet_config: TripletConfig
):
    picture, faces = side_by_side(draw_face)
    config = replace(triplet_config, faces="single")
    refusal = make_triplet(picture, faces, config, key="a", variant=0)
    assert isinstance(refusal, Refusal)
    assert refusal.status == "many_faces"
    assert "2" in refusal.reason
    assert make(picture, faces[:1], config).summary.faces == 1


def test_a_picture_without_a_face_is_refused(draw_face: Callable, triplet_config: TripletConfig):
    refusal = make_triplet(draw_face(0)[0], [], triplet_config, key="a", variant=0)
    assert isinstance(refusal, Refusal)
    assert refusal.status == "no_face"


def test_a_face_too_small_for_a_mask_is_refused_and_beside_a_large_one_left_alone(
    draw_face: Callable, triplet_config: TripletConfig
):
    picture, faces = side_by_side(draw_face, 0.12)
    refusal = make_triplet(picture, faces[1:], triplet_config, key="a", variant=0)
    assert isinstance(refusal, Refusal)
    assert refusal.status == "too_small"
    point = Landmarks(quantise(np.full((68, 2), 80)), "supplied")
    assert make_triplet(picture, [point], triplet_config, key="a", variant=0).status == "too_small"
    assert make(picture, faces, triplet_config).summary.faces == 1


def test_a_face_outside_the_picture_is_rejected_in_words(draw_face: Callable, triplet_config: TripletConfig):
    image, landmarks = draw_face(0)
    gone = landmarks.transformed([[1, 0, 5000], [0, 1, 0]])
    refusal = make_triplet(image, [gone], triplet_config, key="a", variant=0)
    assert isinstance(refusal, Refusal)
    assert refusal.status == "rejected"
    assert "outside" in refusal.reason


@pytest.mark.parametrize("size", [(128, 128), (100, 140), (140, 100), (356, 436), (178, 218)])
def test_any_output_size_gives_an_exact_triplet_with_the_points_moved_along(
    draw_face: Callable, triplet_config: TripletConfig, size: tuple[int, int]
):
    image, faces = one_face(draw_face, 5)
    triplet = make(image, faces, replace(triplet_config, size=size))
    assert triplet.clean.shape == (size[1], size[0], 3)
    check_exact(triplet)
    assert same(replay(triplet.clean, triplet.recipe_json, triplet_config.templates), triplet)
    stored = Landmarks.from_quarters(json.loads(triplet.recipe_json)["faces"][0]["points"], "drawn").points
    scale = max(size[0] / 178, size[1] / 218)
    wanted = (faces[0].points + 0.5 - [89, 109]) * scale + np.array(size) / 2 - 0.5
    assert np.abs(stored - wanted).max() <= 0.6 * scale + 0.15  # the crop is whole pixels


def test_a_picture_fitted_beforehand_gets_the_same_mask(draw_face: Callable, triplet_config: TripletConfig):
    image, faces = one_face(draw_face, 2)
    fitted = make(image, faces, replace(triplet_config, size=(128, 128)))
    points = Landmarks.from_quarters(json.loads(fitted.recipe_json)["faces"][0]["points"], "drawn")
    assert same(make(fitted.clean, [points], triplet_config), fitted)


def test_a_mask_that_goes_through_the_sources_jpeg_is_exact_and_replayed_too(
    draw_face: Callable, triplet_config: TripletConfig
):
    recipe = load_recipe_config("default", ["sensor.jpeg=1"])
    config = replace(triplet_config, recipe=recipe)
    image, faces = one_face(draw_face, 2)
    coarse = make_triplet(image, faces, config, key="a", variant=0, jpeg_quality=30)
    assert isinstance(coarse, Triplet)
    check_exact(coarse)
    assert same(replay(coarse.clean, coarse.recipe_json, config.templates), coarse)
    untouched = make(image, faces, config)
    assert not np.array_equal(untouched.masked, coarse.masked)
    assert np.array_equal(untouched.map, coarse.map)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version":0,"faces":[]}', '{"version":1}', '{"version":1,"faces":[{}]}']
)
def test_text_that_is_no_recipe_is_a_value_error(
    draw_face: Callable, triplet_config: TripletConfig, text: str
):
    with pytest.raises(ValueError, match=r".+"):
        replay(draw_face(0)[0], text, triplet_config.templates)
