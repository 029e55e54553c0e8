"""Prints in full colour: what holds for all prints is in `test_prints.py`."""

import cv2
import numpy as np
import pytest

from unmask.datagen.common.colour import encode_srgb
from unmask.datagen.masks.draw import draw_recipe
from unmask.datagen.masks.recipe import FabricRecipe, FoldRecipe
from unmask.datagen.masks.recipe_config import load_recipe_config, packaged_recipes
from unmask.datagen.masks.template import load_templates
from unmask.datagen.prints.dead_leaves import _leaves, _polygon
from unmask.datagen.prints.kinds import PRINTS, draw_print, motif_period
from unmask.datagen.prints.pen import Pen, lettering
from unmask.datagen.prints.sheet import BRIGHTEST, DARKEST, Sheet
from unmask.datagen.render.fabric import make_fabric

PICTURES = ("collage", "dead_leaves", "fractal", "face_print", "comic", "flag", "lettering", "photo")
SIZE = (3.2, 2.4)


def draw(kind: str, px: float = 40, *, scale: float = 0.3, seed: int = 0, turn: float = 15) -> np.ndarray:
    shape = (round(SIZE[1] * px), round(SIZE[0] * px))
    rgb = draw_print(kind, shape, SIZE, scale=scale, turn_deg=turn, seed=seed, px_per_iod=px).rgb
    assert rgb is not None
    return rgb


def blank(side: int = 32, *, wraps: bool = False) -> Sheet:
    return Sheet(np.zeros((side, side, 3), np.uint8), (2.0, 2.0), wraps)


@pytest.mark.parametrize("kind", PRINTS)
def test_pictures_alone_have_all_colours(kind: str):
    rgb = draw_print(kind, (40, 60), SIZE, scale=0.3, turn_deg=0, seed=1, px_per_iod=19).rgb
    assert (rgb is not None) == (kind in PICTURES)


@pytest.mark.parametrize("kind", PICTURES)
def test_reflectance_is_that_of_dyed_cloth_and_contiguous_as_rendering_reads_it(kind: str):
    for seed in range(6):
        rgb = draw(kind, scale=0.04 + 0.12 * seed, seed=seed)
        assert rgb.flags.c_contiguous
        assert rgb.min() >= DARKEST - 1e-5
        assert rgb.max() <= BRIGHTEST + 1e-5


@pytest.mark.parametrize("kind", PICTURES)
def test_prints_are_loud_and_of_many_colours(kind: str):
    spread, colourful, greys = [], [], []
    for seed in range(24):
        levels = encode_srgb(draw(kind, seed=seed)).astype(np.float32)
        spread.append(levels.std((1, 2)).max())
        colourful.append(np.ptp(levels, axis=0).mean())
        greys.append(levels.mean(0).std())
    assert np.median(spread) > 40
    assert np.median(greys) > 25
    assert np.median(colourful) > (15 if kind == "face_print" else 30)


@pytest.mark.parametrize("kind", PICTURES)
def test_coarse_samples_are_the_means_of_fine_ones(kind: str):
    for seed in range(4):
        coarse, fine = draw(kind, 20, seed=seed), draw(kind, 80, seed=seed)
        rows, cols = coarse.shape[1:]
        averaged = cv2.resize(fine.transpose(1, 2, 0), (cols, rows), interpolation=cv2.INTER_AREA)
        off = np.abs(coarse.transpose(1, 2, 0) - averaged)
        assert off.mean() < 0.03 + 0.25 * averaged.std(), seed
        assert abs(float(coarse.mean() - averaged.mean())) < 0.045, (
            seed
        )  # smooth edges lie half a pixel outside


def test_leaves_finer_than_a_sample_fade_into_their_mean():
    for seed in range(4):
        px = 1 / 3 / motif_period("dead_leaves", 0.03)
        size = (128 / px, 96 / px)
        rgb = draw_print("dead_leaves", (96, 128), size, scale=0.03, turn_deg=9, seed=seed, px_per_iod=px).rgb
        assert rgb is not None
        assert rgb.std((1, 2)).max() < 0.05


@pytest.mark.parametrize("kind", PICTURES)
def test_seeds_give_prints_that_have_little_in_common(kind: str):
    drawn = [draw(kind, 20, seed=seed) for seed in range(8)]
    apart = [np.abs(a - b).mean() for i, a in enumerate(drawn) for b in drawn[:i]]
    assert min(apart) > 0.02
    assert np.median(apart) > 0.1


def test_faces_lie_about_the_middle_and_stay_upright():
    upright, turned = (draw("face_print", seed=5, turn=turn) for turn in (0, 90))
    assert np.array_equal(upright, turned)
    mean = np.mean([draw("face_print", seed=seed).mean(0) for seed in range(40)], 0)
    detail = np.abs(cv2.Laplacian(cv2.GaussianBlur(mean, (0, 0), 1), cv2.CV_32F))
    assert np.average(np.arange(detail.shape[1]), weights=detail.mean(0)) == pytest.approx(64, abs=8)


def test_a_picture_stands_instead_of_the_dyes():
    template = load_templates()["cloth-seam"]
    fold = FoldRecipe(0.0, 0.0, 0.0, 0.0, 0.0)
    made = [
        make_fabric(
            template, FabricRecipe(dye, "#ff0000", "#00ff00", kind, 0.3, 0.0, 0.0, 5), fold, 40, {}
        ).texels
        for kind in ("flag", "plain")
        for dye in ("#ffffff", "#0000ff")
    ]
    assert np.array_equal(made[0], made[1])
    assert not np.array_equal(made[2], made[3])
    plain = made[2][..., 3] > 0.9
    assert made[0][plain][:, :3].std() > 3 * made[2][plain][:, :3].std()


def test_wild_alone_draws_pictures_a_quarter_of_the_time():
    templates, counts = load_templates(), {}
    for name in packaged_recipes():
        config = load_recipe_config(name)
        drawn = [draw_recipe(np.random.default_rng(i), config, templates).fabric.texture for i in range(800)]
        counts[name] = sum(texture in PICTURES for texture in drawn) / 800
        if name == "wild":
            assert set(PICTURES) < set(drawn)
    assert 0.2 < counts.pop("wild") < 0.3
    assert set(counts.values()) == {0.0}


def test_wild_keeps_the_weights_of_the_other_prints():
    wild, default = (load_recipe_config(name).textures for name in ("wild", "default"))
    assert {kind: weight for kind, weight in wild.items() if kind not in PICTURES} == dict(default)


def test_lines_thinner_than_a_pixel_are_paler():
    sheet = blank()
    sheet.stroke([(-1.0, 0.02), (1.0, 0.02)], (255, 255, 255), sheet.soft / 4)
    assert 40 < sheet.image.max() < 90


def test_what_leaves_a_sheet_that_wraps_comes_in_again():
    one, many = blank(wraps=True), blank(wraps=True)
    square = np.array([(-0.3, -0.3), (0.3, -0.3), (0.3, 0.3), (-0.3, 0.3)])
    one.fill(square, (255, 0, 0))
    many.fill_each(square[None], np.array([(255, 0, 0)], np.uint8))
    assert np.array_equal(one.image, many.image)
    corners = one.image[[0, 0, -1, -1], [0, -1, 0, -1], 0]
    assert (corners > 200).all()
    assert one.image[16, 16, 0] == 0


def test_a_pasted_picture_keeps_to_its_outline():
    sheet = blank()
    outline = [(-0.5, -0.5), (3.0, -0.5), (3.0, 0.5), (-0.5, 0.5)]
    sheet.paste(outline, lambda x, y, soft: np.full((y.size, x.size, 3), 200, np.uint8))
    assert sheet.image[16, 30, 0] == 200
    assert sheet.image[16, 4, 0] == 0
    sheet.paste([(4, 4), (5, 4), (5, 5)], lambda x, y, soft: np.zeros((0, 0, 3), np.uint8))


def test_shade_lightens_and_darkens():
    sheet = blank()
    sheet.ground((100, 100, 100))
    sheet.shade((-0.5, 0), (0.2, 0.2), 0.8)
    sheet.shade((0.5, 0), (0.2, 0.2), -0.8)
    sheet.shade((9, 9), (0.1, 0.1), -0.8)
    assert sheet.image[16, 8, 0] > 200
    assert sheet.image[16, 24, 0] < 40
    assert sheet.image[0, 16, 0] == 100


def test_a_turned_pen_draws_what_an_upright_one_draws_turned():
    upright, turned = blank(), blank()
    bar = [(-0.8, -0.1), (0.8, -0.1), (0.8, 0.1), (-0.8, 0.1)]
    Pen(upright, (0, 0), 1.0).fill(bar, (255, 255, 255))
    Pen(turned, (0, 0), 1.0, np.pi / 2).fill(bar, (255, 255, 255))
    assert np.abs(upright.image.astype(int).transpose(1, 0, 2) - turned.image).mean() < 3


def test_letters_have_holes_and_a_height_of_one():
    outlines = lettering("O", cv2.FONT_HERSHEY_SIMPLEX, 0.06)
    assert len(outlines) == 2
    assert np.ptp(np.concatenate(outlines)[:, 1]) == pytest.approx(1, abs=0.06)
    sheet = blank()
    Pen(sheet, (0, 0), 1.6).letters(outlines, (255, 255, 255), (0, 0, 0), 0)
    assert sheet.image[16, 16, 0] == 0
    assert sheet.image[16, :, 0].max() > 200


def test_leaves_have_as_many_points_whatever_their_shape():
    shapes = _leaves(np.random.default_rng(0), np.array([0, 1, 2, 3]))
    assert shapes.shape == (4, 24, 2)
    away = np.hypot(shapes[..., 0], shapes[..., 1])
    assert away.max() < 1.3
    assert away[0] == pytest.approx(1)
    assert np.allclose(_polygon(np.ones(4))[3], [0.5, 0.5])
