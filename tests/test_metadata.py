"""What a result's file keeps of the photograph's: colour profile, EXIF, transparency."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from unmask.datagen.pictures.metadata import Metadata, read_metadata, with_metadata
from unmask.datagen.pictures.picture import decode_picture, decode_rgba, encode_png
from unmask.model.run.inputs import RunInput
from unmask.model.run.loading import Loaded, encode_result, load

ORIENTATION, MODEL = 0x0112, 0x0110
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def photograph(kind: str, orientation: int = 6, icc: bytes = ICC) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION], exif[MODEL] = orientation, "a camera"
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 20, 3), np.uint8))
    data = io.BytesIO()
    picture.save(data, kind, exif=exif, icc_profile=icc)
    return data.getvalue()


def loaded_from(path: Path, data: bytes) -> Loaded:
    path.write_bytes(data)
    return load(RunInput(path, "photo"), lambda *_: False)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_result_has_the_profile_and_exif_of_its_photograph_and_stays_upright(kind: str, tmp_path: Path):
    loaded = loaded_from(tmp_path / "photo", photograph(kind))
    assert loaded.image is not None
    assert loaded.image.shape == (20, 12, 3)
    made = Image.open(io.BytesIO(encode_result(loaded, loaded.image)))
    assert made.size == (12, 20)
    assert made.info["icc_profile"] == ICC
    assert made.getexif()[MODEL] == "a camera"
    assert ORIENTATION not in made.getexif()
    assert np.array_equal(np.asarray(made), loaded.image)


def test_a_photograph_without_either_gives_the_plain_png():
    image = np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8)
    png = encode_png(image)
    assert read_metadata(png) == Metadata()
    assert with_metadata(png, Metadata()) == png


def test_a_profile_of_other_colours_is_not_put_on_rgb():
    cmyk = bytearray(ICC)
    cmyk[16:20] = b"CMYK"
    assert read_metadata(photograph("JPEG", icc=bytes(cmyk))).icc == b""


@pytest.mark.parametrize(
    "data",
    [b"", b"no picture", photograph("JPEG")[:40], photograph("PNG")[:60]],
    ids=[
        "empty",
        "text",
        "jpeg",
        "png",
    ],  # a profile has a date: names of tests would differ between processes
)
def test_damaged_metadata_is_left_out(data: bytes):
    assert read_metadata(data) == Metadata()


def test_a_result_is_as_transparent_as_its_picture_but_for_what_was_drawn(tmp_path: Path):
    rgba = np.random.default_rng(1).integers(0, 256, (10, 14, 4), np.uint8)
    loaded = loaded_from(tmp_path / "photo.png", encode_png(rgba))
    assert loaded.image is not None
    restored = loaded.image.copy()
    restored[3:6, 4:9] = 255 - restored[3:6, 4:9]
    made = np.asarray(Image.open(io.BytesIO(encode_result(loaded, restored))))
    drawn = (restored != loaded.image).any(axis=2)
    assert np.array_equal(made[~drawn], rgba[~drawn])
    assert np.array_equal(made[drawn, :3], restored[drawn])
    assert (made[drawn, 3] == 255).all()


def test_opaque_pictures_have_no_transparency_of_their_own():
    rgba = np.full((6, 7, 4), 255, np.uint8)
    assert decode_rgba(encode_png(rgba)) is None
    assert decode_rgba(encode_png(rgba[..., :3])) is None


def test_transparency_is_turned_as_the_picture_is():
    rgba = np.random.default_rng(2).integers(0, 255, (4, 6, 4), np.uint8)
    exif = Image.Exif()
    exif[ORIENTATION] = 8
    data = io.BytesIO()
    Image.fromarray(rgba).save(data, "PNG", exif=exif)
    turned = decode_rgba(data.getvalue())
    assert turned is not None
    assert turned.shape[:2] == decode_picture(data.getvalue()).image_rgb.shape[:2] == (6, 4)
    assert np.array_equal(turned, np.rot90(rgba))
