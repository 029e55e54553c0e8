import io

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from unmask.datagen.common.errors import UnreadablePictureError
from unmask.datagen.pictures.header import read_header
from unmask.datagen.pictures.picture import decode_picture, encode_jpg, encode_png, fit_picture, fit_transform


@pytest.fixture(scope="module")
def photo():
    return np.ascontiguousarray(data.astronaut()[60:278, 140:318])  # 218 high, 178 wide


def encoded(image, kind, mode="RGB", **options):
    buffer = io.BytesIO()
    Image.fromarray(image).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("JPEG", "RGB", {"quality": 90}),
        ("JPEG", "RGB", {"quality": 80, "progressive": True}),
        ("JPEG", "RGB", {"subsampling": 0}),
        ("JPEG", "L", {}),
        ("PNG", "RGB", {}),
        ("PNG", "L", {}),
        ("BMP", "RGB", {}),
        ("WEBP", "RGB", {"lossless": True}),
        ("WEBP", "RGB", {"quality": 80}),
    ],
)
def test_a_plain_file_gives_the_pixels_that_pillow_gives_and_may_be_copied(photo, kind, mode, options):
    file = encoded(photo, kind, mode, **options)
    picture = decode_picture(file)
    expected = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
    assert picture.byte_copy
    assert picture.image_rgb.dtype == np.uint8
    assert picture.image_rgb.flags.c_contiguous
    np.testing.assert_array_equal(picture.image_rgb, expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_exif_orientation_is_applied(photo, orientation, kind):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    file = encoded(photo, kind, exif=exif)
    picture = decode_picture(file)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(file))))
    np.testing.assert_array_equal(picture.image_rgb, expected)
    assert picture.byte_copy == (orientation == 1)


def test_a_broken_exif_block_does_not_cost_the_picture(photo):
    file = encoded(photo, "JPEG")
    broken = b"\xff\xe1\x00\x0eExif\0\0II*\0\xff\xff"
    assert decode_picture(file[:2] + broken + file[2:]).image_rgb.shape == photo.shape


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_damaged_camera_metadata_gives_no_warning(photo, kind, recwarn):
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\xff\xff\xff\xff\xff\xff\xff\xff"
    assert decode_picture(encoded(photo, kind, exif=exif)).image_rgb.shape == photo.shape
    assert not recwarn.list


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "CMYK"), ("WEBP", "RGB")])
def test_a_limit_that_somebody_set_in_pillow_is_no_bug(photo, kind, mode, monkeypatch):
    file = encoded(photo, kind, mode)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    if kind == "WEBP":
        with pytest.raises(UnreadablePictureError, match="too large"):
            decode_picture(file)
    else:
        assert decode_picture(file).image_rgb.shape == photo.shape
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_a_webp_whose_parts_do_not_fit_is_damaged(photo):
    file = bytearray(encoded(photo, "WEBP", lossless=True))
    del file[18:20]  # the first part says that it is longer than it is
    file[4:8] = (len(file) - 8).to_bytes(4, "little")
    with pytest.raises(UnreadablePictureError, match="damaged WebP"):
        decode_picture(bytes(file))


def test_cmyk_becomes_the_colours_that_pillow_shows(photo):
    file = encoded(photo, "JPEG", "CMYK", quality=95)
    picture = decode_picture(file)
    assert not picture.byte_copy
    np.testing.assert_array_equal(picture.image_rgb, np.asarray(Image.open(io.BytesIO(file)).convert("RGB")))
    assert np.abs(picture.image_rgb.astype(int) - photo).mean() < 4


def test_transparency_is_laid_on_white(photo):
    alpha = np.zeros(photo.shape[:2], np.uint8)
    alpha[:, 90:] = 255
    picture = decode_picture(encoded(np.dstack([photo, alpha]), "PNG", "RGBA"))
    assert not picture.byte_copy
    assert (picture.image_rgb[:, :90] == 255).all()
    np.testing.assert_array_equal(picture.image_rgb[:, 90:], photo[:, 90:])


def test_an_opaque_alpha_channel_leaves_the_colours_alone(photo):
    opaque = np.full(photo.shape[:2], 255, np.uint8)
    for kind in ("PNG", "WEBP"):
        picture = decode_picture(encoded(np.dstack([photo, opaque]), kind, "RGBA", lossless=True))
        np.testing.assert_array_equal(picture.image_rgb, photo)


def test_sixteen_bits_become_eight(photo):
    for image in (photo, photo[..., 0]):
        deep = image.astype(np.uint16) * 257
        ordered = deep if deep.ndim == 2 else deep[..., ::-1]
        picture = decode_picture(cv2.imencode(".png", ordered)[1].tobytes())
        assert not picture.byte_copy
        expected = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
        np.testing.assert_array_equal(picture.image_rgb, expected)


@pytest.mark.parametrize("mode", ["P", "1"])
def test_palettes_and_bitmaps_are_read_but_not_copied(photo, mode):
    file = encoded(photo, "PNG", mode)
    picture = decode_picture(file)
    assert not picture.byte_copy
    np.testing.assert_array_equal(picture.image_rgb, np.asarray(Image.open(io.BytesIO(file)).convert("RGB")))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
def test_a_file_cut_anywhere_is_truncated_and_never_half_a_picture(photo, kind, capfd):
    file = encoded(photo, kind)
    for length in (1, 3, 9, 20, 40, len(file) // 3, len(file) * 9 // 10, len(file) - 1):
        with pytest.raises(UnreadablePictureError, match="truncated"):
            decode_picture(file[:length])
    assert capfd.readouterr().err == ""


def test_a_jpeg_padded_with_zeros_where_data_is_missing_is_truncated(photo):
    file = encoded(photo, "JPEG")
    half = file[: len(file) // 2]
    with pytest.raises(UnreadablePictureError, match="truncated"):
        decode_picture(half + bytes(len(file) - len(half)))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
def test_bytes_after_the_end_do_no_harm(photo, kind):
    file = encoded(photo, kind)
    expected = decode_picture(file).image_rgb
    np.testing.assert_array_equal(decode_picture(file + b"\0" * 7 + b"tail").image_rgb, expected)


def test_a_damaged_png_says_so(photo, capfd):
    file = bytearray(encoded(photo, "PNG"))
    file[len(file) // 2] ^= 0xFF
    with pytest.raises(UnreadablePictureError, match="checksum"):
        decode_picture(bytes(file))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"this is a text that somebody named .jpg", "not a picture"),
        (bytes(5000), "zero bytes"),
        (b"GIF89a" + bytes(50), "but GIF"),
        (b"II*\0" + bytes(50), "but TIFF"),
        (b"\0\0\0\x18ftypheic" + bytes(50), "HEIC"),
        (b"\xff\xd8\xff\xd9", "no image data"),
        (b"\xff\xd8 and then nonsense", "damaged JPEG"),
    ],
)
def test_what_is_no_picture_says_why(content, reason):
    with pytest.raises(UnreadablePictureError, match=reason):
        decode_picture(content)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animations_are_refused(photo, kind):
    frames = [Image.fromarray(photo), Image.fromarray(255 - photo)]
    buffer = io.BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
    with pytest.raises(UnreadablePictureError, match="animated"):
        decode_picture(buffer.getvalue())


def test_a_decompression_bomb_is_refused_before_it_is_decoded():
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    import zlib

    crc = zlib.crc32(header[12:]).to_bytes(4, "big")
    with pytest.raises(UnreadablePictureError, match="too large"):
        decode_picture(header + crc + b"\0\0\0\0IEND\xaeB`\x82")


def test_random_damage_is_either_a_picture_or_a_reason(photo):
    rng = np.random.default_rng(5)
    for kind in ("PNG", "WEBP", "BMP"):
        file = np.frombuffer(encoded(photo, kind), np.uint8)
        for _ in range(60):
            damaged = file.copy()
            damaged[rng.integers(0, min(len(file), 200), 3)] = rng.integers(0, 256, 3)
            try:
                picture = decode_picture(damaged.tobytes())
            except UnreadablePictureError as error:
                assert str(error)
            else:
                assert picture.image_rgb.ndim == 3


def test_the_header_knows_the_size_of_every_kind(photo):
    for kind, options in (("JPEG", {}), ("PNG", {}), ("BMP", {}), ("WEBP", {}), ("WEBP", {"lossless": True})):
        header = read_header(encoded(photo, kind, **options))
        assert (header.width, header.height) == (178, 218)


@pytest.mark.parametrize("size", [(128, 128), (89, 109), (356, 436), (64, 200), (178, 100)])
def test_points_follow_the_picture_that_is_fitted(size):
    image = np.zeros((218, 178, 3), np.uint8)
    cv2.circle(image, (92, 104), 6, (255, 255, 255), -1, cv2.LINE_AA)
    fitted = fit_picture(image, size)
    assert fitted.shape == (size[1], size[0], 3)
    matrix = fit_transform(178, 218, size)
    weight = fitted[..., 0].astype(float)
    y, x = np.indices(weight.shape)
    found = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()
    np.testing.assert_allclose(found, matrix @ [92, 104, 1], atol=0.15)


def test_nothing_is_fitted_where_the_size_is_the_same(photo):
    assert fit_transform(178, 218, None) is None
    assert fit_transform(178, 218, (178, 218)) is None
    assert fit_picture(photo, None) is photo
    assert fit_picture(photo, (178, 218)) is photo


def test_png_brings_the_same_pixels_back_and_the_same_bytes_each_time(photo):
    for image in (photo, photo[..., 0], photo[:1, :1]):
        file = encode_png(image)
        assert file == encode_png(image.copy())
        back = np.asarray(Image.open(io.BytesIO(file)))
        np.testing.assert_array_equal(back, image)


def test_jpg_is_close_and_the_same_bytes_each_time(photo):
    file = encode_jpg(photo)
    assert file == encode_jpg(photo.copy())
    assert np.abs(decode_picture(file).image_rgb.astype(int) - photo).mean() < 3
    assert len(encode_jpg(photo, 50)) < len(file)
