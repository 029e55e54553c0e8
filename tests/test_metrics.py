import math
from dataclasses import asdict, fields
from pathlib import Path

import cv2
import numpy as np
import pytest
from picture_scores import l1, psnr, ssim
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from unmask.datagen.drawn_faces.demo import draw_demo_face
from unmask.datagen.pictures.picture import decode_picture
from unmask.model.metrics.metrics import (
    PSNR_CAP_DB,
    EditScores,
    area_error,
    boundary_f,
    dice,
    iou,
    mean_scores,
    precision_recall,
    score_edit,
    score_map,
)
from unmask.model.metrics.similarity import Windowed, similarity_map

CELEBA = Path(__file__).parents[2] / "shared/data/celeba/img_align_celeba"


def random_picture(seed: int, height: int = 40, width: int = 56) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def drawn_pair(index: int) -> tuple[np.ndarray, np.ndarray]:
    clean = draw_demo_face(index).image_rgb
    noise = np.random.default_rng(index).normal(0, 8, clean.shape)
    worse = np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)
    worse[120:170, 50:130] = (200, 210, 230)
    return worse, clean


def flat_pair(_: int) -> tuple[np.ndarray, np.ndarray]:
    white = np.full((32, 48, 3), 255, np.uint8)
    almost = white.copy()
    almost[10:20, 5:30, 1] = 253
    return almost, white


def random_pair(seed: int) -> tuple[np.ndarray, np.ndarray]:
    return random_picture(seed), random_picture(seed + 100)


PAIRS = [(drawn_pair, 0), (drawn_pair, 1), (random_pair, 0), (random_pair, 1), (flat_pair, 0)]


def skimage_ssim(a: np.ndarray, b: np.ndarray) -> tuple[float, np.ndarray]:
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    mean, full = structural_similarity(a, b, channel_axis=-1, data_range=255, full=True, **settings)
    return mean, full.mean(-1)


@pytest.mark.parametrize(("make", "seed"), PAIRS)
def test_psnr_and_ssim_equal_scikit_image(make, seed):
    a, b = make(seed)
    mean, full = skimage_ssim(a, b)
    assert psnr(a, b) == pytest.approx(peak_signal_noise_ratio(b, a, data_range=255), abs=1e-9)
    assert ssim(a, b) == pytest.approx(mean, abs=1e-9)
    assert similarity_map(Windowed(a), Windowed(b)) == pytest.approx(full, abs=1e-9)


def test_equal_pictures_have_the_stated_finite_psnr_and_perfect_similarity():
    a = random_picture(0)
    assert psnr(a, a) == PSNR_CAP_DB == 100
    assert ssim(a, a) == pytest.approx(1, abs=1e-12)
    assert l1(a, a) == 0


def test_no_picture_has_more_psnr_than_equal_ones():
    a = np.zeros((400, 400, 3), np.uint8)
    b = a.copy()
    b[0, 0, 0] = 1
    assert 10 * math.log10(255**2 * a.size) > 100
    assert psnr(a, b) == PSNR_CAP_DB


def test_values_of_a_region_see_no_other_pixel():
    a, where = random_picture(0), np.zeros((40, 56), bool)
    where[5:9, 50:] = True
    b = random_picture(1)
    b[where] = a[where] // 2 + 10
    difference = a[where].astype(float) - b[where]
    assert psnr(a, b, where) == pytest.approx(10 * math.log10(255**2 / (difference**2).mean()))
    assert l1(a, b, where) == pytest.approx(abs(difference).mean())
    assert ssim(a, b, where) == pytest.approx(skimage_ssim(a, b)[1][where].mean(), abs=1e-9)


def test_a_region_without_pixels_has_no_value():
    a, b, nowhere = random_picture(0), random_picture(1), np.zeros((40, 56), bool)
    assert math.isnan(psnr(a, b, nowhere))
    assert math.isnan(ssim(a, b, nowhere))
    assert math.isnan(l1(a, b, nowhere))


def test_edit_scores_are_those_of_picture_mask_and_box_for_both_outputs():
    output, clean = drawn_pair(0)
    map_ = np.zeros(clean.shape[:2], np.uint8)
    map_[120:150, 60:110] = 255
    map_[150:160, 70:100] = 128
    map_[160:170, 70:100] = 127  # not in the mask
    composited = np.where(map_[..., None] > 0, output, clean)
    box = np.zeros(map_.shape, bool)
    box[120:160, 60:110] = True
    scores = asdict(score_edit(output, composited, clean, map_))
    assert list(scores) == [field.name for field in fields(EditScores)]
    for prefix, picture in (("", composited), ("raw_", output)):
        for region, where in (("", None), ("mask_", map_ >= 128), ("box_", box)):
            for name, function in (("psnr", psnr), ("ssim", ssim), ("l1", l1)):
                expected = function(picture, clean, where)
                assert scores.pop(prefix + region + name) == pytest.approx(expected, abs=1e-9)
    assert scores == {}


def test_without_a_mask_the_picture_has_scores_and_the_mask_has_none():
    a, b = random_pair(0)
    scores = asdict(score_edit(a, a, b, np.full((40, 56), 127, np.uint8)))
    whole = {"psnr", "ssim", "l1", "raw_psnr", "raw_ssim", "raw_l1"}
    assert {name for name, value in scores.items() if not math.isnan(value)} == whole


def test_means_are_over_pictures_and_leave_out_those_without_a_mask():
    a, b, c = random_picture(0), random_picture(1), random_picture(0) // 2
    map_ = np.zeros((40, 56), np.uint8)
    bare = score_edit(b, b, a, map_)
    map_[10:20, 10:30] = 255
    covered = score_edit(c, c, a, map_)
    mean = mean_scores([bare, covered])
    assert mean["psnr"] == pytest.approx((bare.psnr + covered.psnr) / 2)
    assert mean["mask_psnr"] == covered.mask_psnr
    assert math.isnan(mean_scores([bare, bare])["mask_psnr"])


def test_an_equal_picture_keeps_a_mean_finite():
    a, b, map_ = random_picture(0), random_picture(1), np.full((40, 56), 255, np.uint8)
    same, other = score_edit(a, a, a, map_), score_edit(b, b, a, map_)
    assert mean_scores([same, other])["mask_psnr"] == pytest.approx((PSNR_CAP_DB + other.mask_psnr) / 2)


def test_nothing_has_no_mean():
    with pytest.raises(ValueError, match="no scores"):
        mean_scores([])


def test_pictures_that_cannot_be_compared_are_refused():
    a, map_ = random_picture(0), np.zeros((40, 56), np.uint8)
    for wrong in (a[:1], a[..., :1], a[..., 0], a / np.float32(255)):
        with pytest.raises(ValueError, match="expected two uint8"):
            psnr(wrong, a)
        with pytest.raises(ValueError, match="expected two uint8"):
            ssim(wrong, a)
        with pytest.raises(ValueError, match="expected two uint8"):
            score_edit(wrong, a, a, map_)
        with pytest.raises(ValueError, match="expected two uint8"):
            score_edit(a, wrong, a, map_)
    for wrong_map in (map_[:1], map_[..., None], map_ / np.float32(255)):
        with pytest.raises(ValueError, match="expected a map"):
            score_edit(a, a, a, wrong_map)
        with pytest.raises(ValueError, match="expected a map"):
            score_map(wrong_map, map_)


def test_a_picture_smaller_than_the_window_has_no_ssim():
    a = random_picture(0, 10, 40)
    with pytest.raises(ValueError, match="smaller than the SSIM window"):
        ssim(a, a)
    b = random_picture(0, 11, 11)
    assert ssim(b, b) == pytest.approx(1)


def region(rows: slice, columns: slice) -> np.ndarray:
    made = np.zeros((30, 40), bool)
    made[rows, columns] = True
    return made


EMPTY, FULL = region(slice(0), slice(0)), np.ones((30, 40), bool)
SQUARE = region(slice(5, 15), slice(5, 15))
SHIFTED = region(slice(5, 15), slice(9, 19))  # 60 pixels in common with the square's 100


def test_overlap_of_a_case_by_hand():
    half = region(slice(5, 15), slice(5, 10))
    assert iou(SHIFTED, SQUARE) == 60 / 140
    assert dice(SHIFTED, SQUARE) == 120 / 200
    assert precision_recall(SHIFTED, SQUARE) == (0.6, 0.6)
    assert precision_recall(half, SQUARE) == (1, 0.5)
    assert area_error(half, SQUARE) == -0.5
    assert area_error(SQUARE, half) == 1


def test_empty_maps_agree_with_each_other_and_with_nothing_else():
    assert (iou(EMPTY, EMPTY), dice(EMPTY, EMPTY), boundary_f(EMPTY, EMPTY)) == (1, 1, 1)
    assert (precision_recall(EMPTY, EMPTY), area_error(EMPTY, EMPTY)) == ((1, 1), 0)
    for found, truth, error in ((SQUARE, EMPTY, 1), (EMPTY, SQUARE, -1), (FULL, EMPTY, 1)):
        assert (iou(found, truth), dice(found, truth), boundary_f(found, truth)) == (0, 0, 0)
        assert (precision_recall(found, truth), area_error(found, truth)) == ((0, 0), error)


def test_a_boundary_within_the_tolerance_counts_and_one_beyond_does_not():
    wide = [region(slice(10 - n, 20 + n), slice(10 - n, 30 + n)) for n in range(4)]
    assert boundary_f(wide[0], wide[0]) == 1
    assert boundary_f(wide[1], wide[0]) == 1
    # Two rows off; only the corners are further, by the diagonal.
    assert boundary_f(wide[2], wide[0], tolerance_px=3) == 1
    assert 0.9 < boundary_f(wide[2], wide[0]) < 1
    assert boundary_f(wide[3], wide[0]) == 0
    assert boundary_f(wide[3], wide[0], tolerance_px=5) == 1


def test_boundary_score_of_a_case_by_hand():
    # One true pixel, found again together with another that is far from it: precision 1/2, recall 1.
    truth = region(slice(5, 6), slice(5, 6))
    found = truth | region(slice(25, 26), slice(35, 36))
    assert boundary_f(found, truth) == pytest.approx(2 * 0.5 / 1.5)
    assert boundary_f(truth, found) == pytest.approx(2 * 0.5 / 1.5)


def test_the_border_of_the_picture_is_no_outline():
    # Both reach the picture's bottom; their outlines are the top rows, three apart.
    assert boundary_f(region(slice(10, 30), slice(0, 40)), region(slice(13, 30), slice(0, 40))) == 0
    assert boundary_f(FULL, FULL) == 1


def test_map_scores_are_of_maps_cut_at_128():
    found, truth = SHIFTED * np.uint8(128) + ~SHIFTED * np.uint8(127), SQUARE * np.uint8(255)
    scores = score_map(found, truth)
    assert (scores.iou, scores.dice) == (60 / 140, 120 / 200)
    assert (scores.precision, scores.recall) == (0.6, 0.6)
    assert scores.boundary_f == boundary_f(SHIFTED, SQUARE)
    assert (scores.area_error, scores.abs_area_error) == (0, 0)


def test_areas_too_small_and_too_large_cancel_only_with_their_sign():
    small, large = region(slice(5, 15), slice(5, 10)), region(slice(5, 15), slice(5, 20))
    scores = [score_map(found * np.uint8(255), SQUARE * np.uint8(255)) for found in (small, large)]
    mean = mean_scores(scores)
    assert (mean["area_error"], mean["abs_area_error"]) == (0, 0.5)


def test_an_outline_has_no_pixels_that_touch_the_outside_by_a_corner_only():
    # The square's outline has 36 pixels, all but the corner one of them are that of the square without it.
    notched = SQUARE.copy()
    notched[5, 5] = False
    assert boundary_f(notched, SQUARE, tolerance_px=0) == pytest.approx(2 * (35 / 36) / (1 + 35 / 36))


@pytest.mark.shared
@pytest.mark.skipif(not CELEBA.is_dir(), reason="../shared/data is not there")
def test_scores_of_real_pictures_are_those_of_scikit_image() -> None:
    paths = sorted(CELEBA.iterdir())[::2500]
    for path in paths:
        clean = decode_picture(path.read_bytes()).image_rgb
        worse = cv2.GaussianBlur(clean, (0, 0), 1.5).astype(np.uint8)
        assert psnr(worse, clean) == pytest.approx(
            peak_signal_noise_ratio(clean, worse, data_range=255), abs=1e-4
        )
        expected = structural_similarity(
            worse, clean, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
            channel_axis=-1, data_range=255,
        )  # fmt: skip
        assert ssim(worse, clean) == pytest.approx(expected, abs=1e-4)
