"""How far a restored picture is from the clean one, and a found map from the true one; per picture, in numpy.

Settings that move the numbers more than models do, the same everywhere: uint8 pictures, data range 255, SSIM over
a Gaussian window of 11 px with sigma 1.5. Both equal scikit-image's (tests/test_metrics.py).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np

from unmask.datagen.pictures.arrays import F32, F64, U8, Bools

from .similarity import WINDOW_PX, Windowed, similarity_map

MASKED = 128  # a pixel is in the mask from this coverage on
PSNR_CAP_DB = 100.0  # of equal pictures, whose infinite PSNR would make every mean infinite
BOUNDARY_TOLERANCE_PX = 2.0


@dataclass(frozen=True)
class EditScores:
    """One restored picture against its clean one.

    PSNR in dB, at most `PSNR_CAP_DB`; SSIM at most 1; L1 in levels of 0..255. The values of mask and box are NaN
    where no pixel is in the mask.

    Attributes
    ----------
    psnr, ssim, l1 : float
        Of the whole composited picture.
    mask_psnr, mask_ssim, mask_l1 : float
        Of the composited picture's pixels in the mask; SSIM as the mean of the whole picture's SSIM map there,
        whose windows reach over the mask's edge.
    box_psnr, box_ssim, box_l1 : float
        The same in the smallest upright rectangle around the mask.
    raw_psnr, raw_ssim, raw_l1, raw_mask_psnr, raw_mask_ssim, raw_mask_l1 : float
        The same of the network's own picture, before compositing.
    raw_box_psnr, raw_box_ssim, raw_box_l1 : float
        The same of its box.
    """

    psnr: float
    ssim: float
    l1: float
    mask_psnr: float
    mask_ssim: float
    mask_l1: float
    box_psnr: float
    box_ssim: float
    box_l1: float
    raw_psnr: float
    raw_ssim: float
    raw_l1: float
    raw_mask_psnr: float
    raw_mask_ssim: float
    raw_mask_l1: float
    raw_box_psnr: float
    raw_box_ssim: float
    raw_box_l1: float


@dataclass(frozen=True)
class MapScores:
    """One found map against the true one, both binary.

    Attributes
    ----------
    iou, dice, precision, recall : float
        In [0, 1].
    boundary_f : float
        F-score of the outlines at `BOUNDARY_TOLERANCE_PX`, in [0, 1].
    area_error : float
        Found area minus true area as a share of the true one: its mean says whether maps are too large.
    abs_area_error : float
        The same without sign: its mean says how far off areas are.
    """

    iou: float
    dice: float
    precision: float
    recall: float
    boundary_f: float
    area_error: float
    abs_area_error: float


def score_edit(output: U8, composited: U8, clean: U8, map_: U8) -> EditScores:
    """Score a restored picture.

    Parameters
    ----------
    output : uint8 (h, w, 3)
        RGB as the network gave it; h and w at least 11.
    composited : uint8 (h, w, 3)
        The same pasted into the masked picture.
    clean : uint8 (h, w, 3)
        The truth.
    map_ : uint8 (h, w)
        True coverage, 0..255; in the mask from `MASKED` on.

    Raises
    ------
    ValueError
        When the arrays differ in size, are not uint8, or are smaller than the SSIM window.
    """
    mask, true = _binary(map_, clean.shape[:2]), Windowed(clean)
    values = score_regions(composited, true, mask)
    values |= {f"raw_{name}": value for name, value in score_regions(output, true, mask).items()}
    return EditScores(**values)


def score_regions(picture: U8, clean: Windowed, mask: Bools) -> dict[str, float]:
    """PSNR, SSIM and L1 of a picture: ``psnr``, ``mask_psnr``, ``box_psnr`` and so on, as in `EditScores`.

    PSNR is 10 log10(255^2 / mean squared difference). SSIM (Wang et al. 2004) of the whole picture is a mean over
    the pixels whose window lies in it: what scikit-image returns for ``gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False, channel_axis=-1, data_range=255``; that of a region is one up to the border.

    Parameters
    ----------
    picture : uint8 (h, w, 3)
    clean : Windowed
        The truth; one object serves several pictures.
    mask : bool (h, w)
        The mask's pixels.
    """
    _check_pair(picture, clean.picture)
    given = Windowed(picture)
    difference = given.values - clean.values
    square, size = np.square(difference), np.abs(difference)
    similarity = similarity_map(given, clean)
    values = {}
    for region, where in (("", None), ("mask_", mask), ("box_", _box(mask))):
        values[f"{region}psnr"] = _decibels(square, where)
        values[f"{region}ssim"] = _mean_ssim(similarity, where)
        values[f"{region}l1"] = _mean_where(size, where)
    return values


def score_map(found: U8, truth: U8) -> MapScores:
    """Score a map; both uint8 (h, w) in 0..255, in the mask from `MASKED` on."""
    ours, theirs = _binary(found, truth.shape), _binary(truth, truth.shape)
    precision, recall = precision_recall(ours, theirs)
    error = area_error(ours, theirs)
    return MapScores(
        iou=iou(ours, theirs),
        dice=dice(ours, theirs),
        precision=precision,
        recall=recall,
        boundary_f=boundary_f(ours, theirs),
        area_error=error,
        abs_area_error=abs(error),
    )


def mean_scores(scores: Sequence[EditScores] | Sequence[MapScores]) -> dict[str, float]:
    """Mean of every value over pictures, by name.

    PSNR too is a mean of the pictures' own values, not that of their mean error. A picture where a value is NaN (it
    has no mask) is left out of that value's mean; the mean is NaN when that leaves none.

    Raises
    ------
    ValueError
        When there is no picture.
    """
    if not scores:
        raise ValueError("no scores to average")
    rows = [asdict(score) for score in scores]
    return {name: _mean([row[name] for row in rows]) for name in rows[0]}


def iou(found: Bools, truth: Bools) -> float:
    """Intersection over union of two bool (h, w); 1 where both are empty."""
    union = _count(found | truth)
    return _count(found & truth) / union if union else 1.0


def dice(found: Bools, truth: Bools) -> float:
    """Twice the intersection over the sum of the areas of two bool (h, w); 1 where both are empty."""
    areas = _count(found) + _count(truth)
    return 2 * _count(found & truth) / areas if areas else 1.0


def precision_recall(found: Bools, truth: Bools) -> tuple[float, float]:
    """Shares of the found and of the true pixels that are both; 1 where both are empty, 0 where one of them is."""
    ours, theirs, both = (_count(region) for region in (found, truth, found & truth))
    empty = float(ours == theirs)  # only read where one of the two is 0
    return (both / ours if ours else empty), (both / theirs if theirs else empty)


def boundary_f(found: Bools, truth: Bools, tolerance_px: float = BOUNDARY_TOLERANCE_PX) -> float:
    """F-score of the outlines: a pixel of one counts where the other has one within ``tolerance_px``.

    The outline of a region is its pixels with one of their four neighbours outside the region; the picture's border
    is no outside. Where one of two unequal regions has no outline the score is 0. After Csurka et al., "What is a
    good evaluation measure for semantic segmentation?", BMVC 2013.
    """
    ours, theirs = _outline(found), _outline(truth)
    if not ours.any() or not theirs.any():
        return float(np.array_equal(found, truth))
    precision = float((_distance_px(theirs)[ours] <= tolerance_px).mean())
    recall = float((_distance_px(ours)[theirs] <= tolerance_px).mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def area_error(found: Bools, truth: Bools) -> float:
    """Found area minus true area as a share of the true one; 0 where both are empty, 1 where only truth is."""
    ours, theirs = _count(found), _count(truth)
    return (ours - theirs) / theirs if theirs else float(ours > 0)


def _decibels(square: F64, where: Bools | None) -> float:
    error = _mean_where(square, where)
    return PSNR_CAP_DB if error == 0 else float(np.minimum(PSNR_CAP_DB, 10 * np.log10(255.0**2 / error)))


def _mean_ssim(similarity: F64, where: Bools | None) -> float:
    margin = WINDOW_PX // 2
    return _mean_where(similarity[margin:-margin, margin:-margin] if where is None else similarity, where)


def _mean_where(values: F64, where: Bools | None) -> float:
    chosen = values if where is None else values[where]
    return float(chosen.mean()) if chosen.size else float("nan")


def _mean(values: Sequence[float]) -> float:
    there = [value for value in values if not np.isnan(value)]
    return float(np.mean(there)) if there else float("nan")


def _box(mask: Bools) -> Bools:
    box = np.zeros_like(mask)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if rows.size:
        box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return box


def _count(region: Bools) -> int:
    return int(np.count_nonzero(region))


def _outline(region: Bools) -> Bools:
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inside = cv2.erode(region.astype(np.uint8), cross)  # outside the picture counts as inside
    return np.asarray(region & (inside == 0), np.bool_)


def _distance_px(outline: Bools) -> F32:
    far = cv2.distanceTransform((~outline).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(far, np.float32)


def _check_pair(a: U8, b: U8) -> None:
    # Floats in [0, 1] and pictures that broadcast would give plausible, wrong numbers.
    if a.shape != b.shape or a.ndim != 3 or a.shape[2] != 3 or a.dtype != np.uint8 or b.dtype != np.uint8:
        raise ValueError(
            f"expected two uint8 (h, w, 3) of one size, got {a.dtype} {a.shape} and {b.dtype} {b.shape}"
        )


def _binary(map_: U8, shape: tuple[int, ...]) -> Bools:
    if map_.shape != shape or map_.ndim != 2 or map_.dtype != np.uint8:
        raise ValueError(f"expected a map uint8 {shape}, got {map_.dtype} {map_.shape}")
    return np.asarray(map_ >= MASKED, np.bool_)
