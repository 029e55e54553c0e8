from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from unmask.datagen.masks.recipe import FoldRecipe, MaskRecipe
from unmask.datagen.masks.template import Template
from unmask.datagen.render.folds import fold_height
from unmask.datagen.render.triplet import Triplet
from unmask.datagen.render.triplet_config import TripletConfig

SMOOTH = FoldRecipe(pleat=0.0, wrinkle=0.0, tension=0.0, breath=0.0, pinch=0.0)
STRONG = FoldRecipe(pleat=1.0, wrinkle=1.0, tension=1.4, breath=1.0, pinch=1.2)
Wear = Callable[..., Triplet]


@pytest.fixture(scope="module")
def cloth(triplet_config: TripletConfig) -> Template:
    return triplet_config.templates["cloth-seam"]


def height(template: Template, seed: int = 3, **changes: float) -> np.ndarray:
    return fold_height(template, replace(SMOOTH, **changes), seed)[0]


def test_equal_seeds_fold_a_mask_alike_and_two_seeds_do_not(triplet_config: TripletConfig):
    for template in triplet_config.templates.templates:
        one, again, other = (fold_height(template, STRONG, seed)[0] for seed in (1, 1, 2))
        assert np.array_equal(one, again)
        if template.wrinkle > 0:
            assert np.abs(one - other).max() > 1e-3, template.name


def test_without_strength_the_cloth_is_flat(triplet_config: TripletConfig):
    for template in triplet_config.templates.templates:
        assert not fold_height(template, SMOOTH, 9)[0].any()


def test_folds_are_finite_and_low_for_every_template_and_many_seeds(triplet_config: TripletConfig):
    for template in triplet_config.templates.templates:
        for seed in (0, 1, 2**31 - 1):
            field, step_u, step_v = fold_height(template, STRONG, seed)
            assert np.isfinite(field).all()
            assert np.abs(field).max() < 0.2, template.name
            wide, high = template.size_iod
            rows, cols = field.shape
            assert (step_u * (cols - 1), step_v * (rows - 1)) == pytest.approx((wide, high))


def test_creases_grow_with_tension_and_keep_their_places(cloth: Template):
    weak, strong = height(cloth, tension=0.4), height(cloth, tension=1.2)
    assert np.allclose(strong, 3 * weak, atol=1e-6)
    assert np.abs(weak).max() > 1e-3


def test_no_crease_crosses_a_stiff_mask(cloth: Template):
    stiff = replace(cloth, wrinkle=0.0)
    assert not height(stiff, tension=1.4).any()


def test_breath_domes_the_middle_out_and_dents_it_in(cloth: Template):
    out, in_ = height(cloth, breath=1.0), height(cloth, breath=-1.0)
    assert np.allclose(out, -in_)
    row, col = np.unravel_index(out.argmax(), out.shape)
    assert abs(col / (out.shape[1] - 1) - 0.5) < 0.03
    assert 0.3 < row / (out.shape[0] - 1) < 0.7
    assert out.max() > 3 * out[:, [0, -1]].max()


def test_the_wire_presses_the_top_edge_beside_the_nose_alike_on_both_sides(cloth: Template):
    pinched = height(cloth, pinch=1.0)
    assert pinched.max() <= 0
    assert np.allclose(pinched, pinched[:, ::-1], atol=1e-6)
    row, _ = np.unravel_index(pinched.argmin(), pinched.shape)
    assert row == 0
    assert np.abs(pinched[-1]).max() < 0.05 * np.abs(pinched).max()


def test_folds_change_the_lit_mask_and_not_its_map(draw_face: Callable, wear: Wear, surgical: MaskRecipe):
    image, landmarks = draw_face(1)
    flat = replace(surgical, fold=replace(surgical.fold, tension=0.0, breath=0.0, pinch=0.0, wrinkle=0.0))
    plain = wear(image, landmarks.points, flat)
    for name, strength in (("tension", 1.4), ("breath", -1.0), ("pinch", 1.2), ("wrinkle", 1.5)):
        folded = wear(image, landmarks.points, replace(flat, fold=replace(flat.fold, **{name: strength})))
        assert np.array_equal(folded.map, plain.map), name
        assert np.array_equal(folded.layers, plain.layers), name
        inside = plain.map == 255
        gap = np.abs(folded.masked.astype(int) - plain.masked)[inside]
        assert gap.max() >= 2, name
        assert gap.mean() < 25, name


def test_two_seeds_give_two_lit_masks_and_one_map(draw_face: Callable, wear: Wear, surgical: MaskRecipe):
    image, landmarks = draw_face(1)
    taut = replace(surgical, fold=replace(surgical.fold, tension=1.4))
    one, other = (
        wear(image, landmarks.points, replace(taut, fabric=replace(taut.fabric, seed=seed)))
        for seed in (1, 2)
    )
    assert np.array_equal(one.map, other.map)
    assert np.abs(one.masked.astype(int) - other.masked).max() >= 3
