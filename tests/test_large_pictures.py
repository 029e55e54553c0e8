"""Masks on pictures of 1024 pixels: drawn at the picture's own resolution, not enlarged from a small one."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

import unmask
from unmask.datagen.drawn_faces.demo import draw_demo_face
from unmask.datagen.masks.draw import draw_recipe
from unmask.datagen.masks.recipe import FabricRecipe, FoldRecipe
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.masks.template import load_templates
from unmask.datagen.masks.template_format import Template
from unmask.datagen.masks.template_layers import load_large_layers, load_layers
from unmask.datagen.render.fabric import make_fabric

FACTOR = 5.75  # from 178 to 1024 pixels
SMALL_IOD, LARGE_IOD = 38.0, 38.0 * FACTOR


def large_face(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A drawn face, the same with every pixel as a square of sharp edges, and its points there."""
    face = draw_demo_face(number)
    large = cv2.resize(face.image_rgb, (1024, 1254), interpolation=cv2.INTER_NEAREST)
    return face.image_rgb, large, ((face.landmarks + 0.5) * FACTOR - 0.5).astype(np.float32)


def detail(image: np.ndarray, where: np.ndarray) -> float:
    """How much neighbouring pixels differ in a part of a picture."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.abs(cv2.Laplacian(grey, cv2.CV_32F))[where].mean())


@pytest.fixture(scope="module")
def templates() -> dict[str, Template]:
    return {template.family: template for template in load_templates((), None, None).templates}


def recipes(texture: str) -> tuple[FabricRecipe, FoldRecipe]:
    every = load_templates((), ("cloth",), None)
    drawn = draw_recipe(np.random.Generator(np.random.PCG64(1)), load_recipe_config("default"), every)
    return replace(drawn.fabric, texture=texture, weave=1.0), drawn.fold


@pytest.mark.parametrize("family", ["cloth", "n95_cup", "surgical"])
def test_a_mask_at_1024_has_the_place_of_the_small_one_and_detail_of_its_own(family):
    small_rgb, large_rgb, points = large_face(3)
    small = unmask.put_mask(small_rgb, family=family, seed=2, landmarks=draw_demo_face(3).landmarks)
    large = unmask.put_mask(large_rgb, family=family, seed=2, landmarks=points)
    grown = cv2.resize(small.map, (1024, 1254), interpolation=cv2.INTER_CUBIC) > 127
    mask = large.map > 127
    assert (grown & mask).sum() > 0.96 * (grown | mask).sum()
    untouched = ~(large.layers > 0).any(axis=2)
    assert np.array_equal(large.masked[untouched], large_rgb[untouched])
    inner = cv2.erode(large.map, np.ones((15, 15), np.uint8)) == 255
    enlarged = cv2.resize(small.masked, (1024, 1254), interpolation=cv2.INTER_CUBIC)
    assert detail(large.masked, inner) > 1.5 * detail(enlarged, inner)


def test_cloth_is_woven_finer_where_a_picture_shows_more_than_the_layers_have(templates):
    fabric, fold = recipes("plain")
    template = templates["cloth"]
    full = template.width_px / template.size_iod[0]
    shapes = {
        iod: make_fabric(template, fabric, fold, iod, {}).texels.shape[1]
        for iod in (SMALL_IOD, 0.9 * full, 1.1 * full, LARGE_IOD, 3 * LARGE_IOD)
    }
    width = template.width_px
    assert list(shapes.values()) == [width >> 2, width, width, 2 * width, 2 * width]


@pytest.mark.parametrize("family", ["cloth", "clear_window", "valve_respirator", "half_face"])
def test_finer_cloth_is_the_same_cloth(templates, family):
    fabric, fold = recipes("gingham")
    fabric = replace(fabric, weave=0.0)
    template = templates[family]
    full = template.width_px / template.size_iod[0]
    plain = make_fabric(template, fabric, fold, full, {}).texels
    fine = make_fabric(template, fabric, fold, 2 * full, {}).texels
    back = cv2.resize(fine[..., :4], plain.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(back - plain[..., :4]).mean() < 0.01
    assert np.isfinite(fine).all()
    assert fine[..., 3].min() >= 0 and fine[..., 3].max() <= 1


def test_threads_are_not_stretched(templates):
    fabric, fold = recipes("plain")
    template = templates["cloth"]
    with_threads = make_fabric(template, fabric, fold, LARGE_IOD, {}).texels[..., 1]
    without = make_fabric(template, replace(fabric, weave=0.0), fold, LARGE_IOD, {}).texels[..., 1]
    grain = (with_threads - without)[600:700, 400:600]
    beside = np.corrcoef(grain[:, 1:].ravel(), grain[:, :-1].ravel())[0, 1]
    assert grain.std() > 0
    assert abs(beside) < 0.3  # stretched to twice its size it would be above 0.5


@pytest.mark.parametrize(
    ("family", "name"), [("n95_cup", "n95-cup"), ("cloth", "cloth-seam"), ("scarf", "scarf-wound")]
)
def test_letters_stitches_and_steps_are_drawn_at_that_size_and_not_enlarged(templates, family, name):
    template = load_templates((), (family,), None)[name]
    large, small = load_large_layers(template), load_layers(template, 0)
    enlarged = cv2.resize(small.height, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    fine, coarse = (np.abs(cv2.Laplacian(plane, cv2.CV_32F)).max() for plane in (large.height, enlarged))
    assert fine > 1.05 * coarse
    assert np.abs(large.height - enlarged).max() > 0.05


def test_templates_of_ones_own_are_enlarged(tmp_path, templates):
    template = replace(templates["cloth"], folder=tmp_path)
    for name in (template.albedo, template.height):
        (tmp_path / name).write_bytes((templates["cloth"].folder / name).read_bytes())
    large, small = load_large_layers(template), load_layers(template, 0)
    assert large.alpha.shape == (2 * small.alpha.shape[0], 2 * small.alpha.shape[1])
    assert not np.array_equal(large.alpha, load_large_layers(templates["cloth"]).alpha)
