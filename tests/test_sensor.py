import io
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.masks.recipe import MaskRecipe, SensorRecipe
from unmask.datagen.render.camera import Camera, read_camera
from unmask.datagen.render.pose import pose_face
from unmask.datagen.render.sensor import (
    blur_sigma,
    expose,
    grain_window,
    jpeg_quality,
    quantise_layer,
    to_srgb,
)
from unmask.datagen.render.triplet import Triplet

SKIN = (214, 168, 142)
PLAIN = SensorRecipe(blur=1.0, noise=1.0, edge=0.0, jpeg=True, blend="linear")
Wear = Callable[..., Triplet]
Pose = Callable[..., np.ndarray]
DrawFace = Callable[[int], tuple[np.ndarray, Landmarks]]


def camera_of(image: np.ndarray, points: np.ndarray, scale: float = 1.0) -> Camera:
    moved = (points + 0.5) * scale - 0.5
    return read_camera(image, pose_face(moved), moved, None)


def square_layer(size: int = 64) -> np.ndarray:
    """Grey cloth, linear 0.4, on the middle of an empty layer."""
    layer = np.zeros((size, size, 5), np.float32)
    layer[16:48, 16:48] = (0.4, 0.4, 0.4, 1, 1)
    return layer


@pytest.mark.parametrize("colour", [True, False])
def test_the_quality_of_a_jpeg_is_read_back_from_opencv_and_pillow(draw_face: DrawFace, colour: bool):
    image = draw_face(0)[0] if colour else draw_face(0)[0][..., 1]
    for quality in range(20, 99):
        _, ours = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        theirs = io.BytesIO()
        Image.fromarray(image).save(theirs, "JPEG", quality=quality, optimize=quality % 2 == 0)
        assert jpeg_quality(ours.tobytes()) == quality
        assert jpeg_quality(theirs.getvalue()) == quality


def test_a_progressive_jpeg_with_exif_is_read_too(draw_face: DrawFace):
    exif = Image.Exif()
    exif[0x010E] = "a face" * 500
    data = io.BytesIO()
    Image.fromarray(draw_face(0)[0]).save(data, "JPEG", quality=77, progressive=True, exif=exif)
    assert jpeg_quality(data.getvalue()) == 77


def test_what_is_no_jpeg_has_no_quality(encode: Callable[..., bytes], draw_face: DrawFace):
    image = draw_face(0)[0]
    for extension in (".png", ".webp", ".bmp"):
        assert jpeg_quality(encode(extension, image)) is None
    data = encode(".jpg", image)
    for broken in (b"", b"\xff\xd8", b"\xff\xd8\xff", data[:30], data[:2] + b"\x00" * 40):
        assert jpeg_quality(broken) is None


def test_a_jpeg_cut_anywhere_or_with_any_byte_of_its_head_changed_is_no_bug(
    encode: Callable[..., bytes], draw_face: DrawFace
):
    data = encode(".jpg", draw_face(0)[0])
    for at in range(min(len(data), 400)):
        for spoiled in (data[:at], data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]):
            assert jpeg_quality(spoiled) in (None, *range(1, 101))


@pytest.mark.parametrize("quality", [20, 60, 95])
def test_quantisation_changes_the_layer_only_where_it_is(quality: int):
    rng = np.random.default_rng(0)
    layer = square_layer()
    before = layer.copy()
    quantise_layer(layer, rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), quality)
    where = before[..., 3] > 0
    assert np.array_equal(layer[~where], before[~where])
    assert np.array_equal(layer[..., 3:], before[..., 3:])
    assert (layer[where] != before[where]).any()
    # The composite was noise: a coarser table takes more of it away.
    assert np.isfinite(layer).all()


def test_a_worse_jpeg_changes_the_layer_more(draw_face: DrawFace):
    gaps = []
    for quality in (95, 70, 30):
        layer = square_layer()
        quantise_layer(layer, np.ascontiguousarray(draw_face(0)[0][100:164, 60:124]), quality)
        gaps.append(np.abs(layer - square_layer()).mean())
    assert gaps == sorted(gaps)
    assert gaps[0] > 0


def test_a_layer_in_srgb_levels_is_the_layer_encoded():
    levels = np.arange(256) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    for opacity in (1.0, 0.5, 0.1):
        layer = np.zeros((1, 256, 5), np.float32)
        layer[0, :, :3] = (linear * opacity)[:, None]
        layer[0, :, 3:] = (opacity, 1)
        there = to_srgb(layer)
        assert np.allclose(there[0, :, :3], (levels * opacity)[:, None], atol=1.1 / 255 * opacity)
        assert np.array_equal(there[..., 3:], layer[..., 3:])
    assert not to_srgb(np.zeros((3, 3, 5), np.float32)).any()


def test_an_edge_softened_inwards_never_grows_and_keeps_the_cloths_colour():
    layer = square_layer()
    soft = expose(layer.copy(), 0.0, replace(PLAIN, edge=2.0))
    assert (soft <= layer + 1e-6).all()
    assert soft[32, 17, 3] < 0.8
    assert np.allclose(soft[32, 32], layer[32, 32], atol=1e-3)
    shown = soft[..., 3] > 0.01
    assert np.allclose(soft[..., 0][shown] / soft[..., 3][shown], 0.4, atol=1e-3)


def test_noise_of_any_place_and_size_has_unit_variance():
    for height, width, seed in ((64, 64, 0), (218, 178, 2**31 - 1), (700, 300, 12345)):
        grain = grain_window(height, width, seed)
        assert grain.shape == (height, width)
        assert abs(float(grain.mean())) < 0.1
        assert float(grain.std()) == pytest.approx(1, abs=0.1)


def test_the_masks_noise_grows_with_the_recipes_fold_of_the_photographs(
    wear: Wear, pose_points: Pose, surgical: MaskRecipe
):
    rng = np.random.default_rng(1)
    noisy = np.clip(np.array(SKIN) + rng.normal(0, 5, (218, 178, 3)), 0, 255).round().astype(np.uint8)
    flat = replace(
        surgical, light=replace(surgical.light, shading=0.0), fold=replace(surgical.fold, pleat=0.0)
    )
    found = []
    for fold in (0.0, 0.5, 1.0, 2.0):
        triplet = wear(noisy, pose_points(), replace(flat, sensor=replace(flat.sensor, noise=fold)))
        deep = cv2.erode((triplet.map == 255).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        green = triplet.masked[..., 1].astype(np.float64)
        found.append(float((green - cv2.blur(green, (5, 5)))[deep].std()))
    assert found == sorted(found)
    assert found[0] < 1.5
    assert found[2] == pytest.approx(2 * found[1], rel=0.4)
    assert found[3] == pytest.approx(2 * found[2], rel=0.3)


def edge_width(triplet: Triplet) -> float:
    """Pixels from 10 to 90 per cent of the map, down through the bottom edge, in the middle third."""
    cols = range(70, 110)
    widths = []
    for col in cols:
        column = triplet.map[:, col].astype(np.float64) / 255
        full = np.flatnonzero(column > 0.98)
        fall = column[full[-1] :]
        widths.append(
            np.interp(0.9, 1 - fall, np.arange(len(fall))) - np.interp(0.1, 1 - fall, np.arange(len(fall)))
        )
    return float(np.median(widths))


def test_a_blurred_photograph_gives_the_mask_a_softer_edge(
    draw_face: DrawFace, wear: Wear, surgical: MaskRecipe
):
    image, landmarks = draw_face(0)
    recipe = replace(surgical, shadow=replace(surgical.shadow, strength=0.0))
    widths = []
    for sigma in (0.0, 0.8, 1.5, 2.2, 3.0):
        seen = cv2.GaussianBlur(image, (0, 0), sigma) if sigma else image
        widths.append(edge_width(wear(seen, landmarks.points, recipe)))
    assert widths == sorted(widths), widths
    assert widths[-1] > 2 * widths[0], widths


def test_the_recipes_fold_of_the_blur_softens_the_edge_too(
    draw_face: DrawFace, wear: Wear, surgical: MaskRecipe
):
    image, landmarks = draw_face(0)
    seen = cv2.GaussianBlur(image, (0, 0), 1.2)
    widths = [
        edge_width(
            wear(seen, landmarks.points, replace(surgical, sensor=replace(surgical.sensor, blur=fold)))
        )
        for fold in (0.0, 0.8, 1.6, 2.4)
    ]
    assert widths == sorted(widths)
    assert widths[-1] > widths[0] + 1
    assert [blur_sigma(px, PLAIN) for px in (0.0, 0.3, 1.0)] == sorted(
        blur_sigma(px, PLAIN) for px in (0, 0.3, 1)
    )


@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_the_blur_found_grows_with_the_blur_of_the_photograph(draw_face: DrawFace, scale: float):
    for index in (0, 1, 2, 5):
        image, landmarks = draw_face(index)
        large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        sigmas = np.array([0.5, 0.8, 1.2, 1.6, 2.0, 2.5][: 6 if scale == 1 else 5]) * scale
        found = [
            camera_of(cv2.GaussianBlur(large, (0, 0), sigma), landmarks.points, scale).blur_px
            for sigma in sigmas
        ]
        assert found == sorted(found), index
        ratio = np.array(found)[1:] / sigmas[1:]
        assert ((ratio > 0.5) & (ratio < 2)).all(), (index, ratio)


@pytest.mark.parametrize("sigma", [3, 5, 8, 10])
def test_the_noise_found_is_the_noise_that_was_added(draw_face: DrawFace, sigma: float):
    for index in (0, 1, 7):
        image, landmarks = draw_face(index)
        noise = np.random.default_rng(index).normal(0, sigma, image.shape)
        noisy = np.clip(image + noise, 0, 255).round().astype(np.uint8)
        assert camera_of(noisy, landmarks.points).noise_levels == pytest.approx(sigma, rel=0.4), index
