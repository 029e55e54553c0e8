"""Maps of somebody's own: every form that can mean one thing only gives the same map, the rest is refused."""

import io
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from unmask.datagen.common.errors import UnreadablePictureError, UserError
from unmask.datagen.pictures.coverage import decode_coverage, open_coverage, what_is_wrong

MASK = np.zeros((60, 80), bool)
MASK[30:52, 24:57] = True
WHITE = np.where(MASK, 255, 0).astype(np.uint8)
THREE = MASK.astype(int) + (np.indices(MASK.shape)[0] > 40)
PHOTO = cv2.resize(data.astronaut()[:384], (80, 60), interpolation=cv2.INTER_AREA)
EXIF = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"  # orientation 6


def save(image, kind="PNG", **options):
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, kind, **options)
    return file.getvalue()


def two(inside, outside):
    return np.where(MASK[..., None], np.array(inside), np.array(outside)).astype(np.uint8)


def palette(colours, indices, **options):
    image = Image.fromarray(indices.astype(np.uint8), "L").convert("P")
    image.putdata(indices.ravel().tolist())
    image.putpalette(np.array(colours, np.uint8).ravel().tolist())
    return save(image, **options)


FORMS = {
    "white on black": save(WHITE),
    "1 bit": save(Image.fromarray(MASK)),
    "16 bits": save(WHITE.astype(np.uint16) * 257),
    "0 and 1": save(MASK.astype(np.uint8)),
    "0 and 1, 16 bits": save(MASK.astype(np.uint16)),
    "0 and 1 in three channels": save(two((1, 1, 1), (0, 0, 0))),
    "0 and 128": save(np.where(MASK, 128, 0).astype(np.uint8)),
    "10 and 90": save(np.where(MASK, 90, 10).astype(np.uint8)),
    "white on transparent": save(two((255, 255, 255, 255), (0, 0, 0, 0))),
    "white on transparent white": save(two((255, 255, 255, 255), (255, 255, 255, 0))),
    "black on transparent": save(two((0, 0, 0, 255), (0, 0, 0, 0))),
    "red on transparent": save(two((200, 20, 20, 255), (0, 0, 0, 0))),
    "half transparent red": save(two((200, 20, 20, 128), (0, 0, 0, 0))),
    "grey and alpha": save(Image.merge("LA", [Image.fromarray(np.full_like(WHITE, 255)), Image.fromarray(WHITE)])),
    "cut-out of a photograph": save(np.dstack([PHOTO, WHITE])),
    "white on black, opaque": save(two((255, 255, 255, 255), (0, 0, 0, 255))),
    "red on black": save(two((255, 0, 0), (0, 0, 0))),
    "dark red on black": save(two((128, 0, 0), (0, 0, 0))),
    "blue on white": save(two((0, 0, 255), (255, 255, 255))),
    "green on purple": save(two((0, 255, 0), (68, 1, 84))),
    "yellow on purple": save(two((253, 231, 37), (68, 1, 84))),
    "palette": palette([(0, 0, 0), (128, 0, 0)], MASK),
    "palette the other way round": palette([(255, 255, 255), (0, 0, 0)], ~MASK),
    "palette, transparent": palette([(255, 255, 255), (255, 255, 255)], MASK, transparency=b"\0\xff"),
    "BMP": save(WHITE, "BMP"),
    "WebP": save(two((255, 255, 255, 255), (0, 0, 0, 0)), "WEBP", lossless=True),
    "JPEG": save(WHITE, "JPEG", quality=60),
    "red JPEG": save(two((255, 0, 0), (0, 0, 0)), "JPEG", quality=80),
    "grey JPEG": save(np.where(MASK, 120, 10).astype(np.uint8), "JPEG", quality=80),
    "turned": save(Image.fromarray(np.rot90(WHITE).copy()), "JPEG", exif=EXIF),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_map_is_the_same_map(form):
    coverage = decode_coverage(FORMS[form])
    assert coverage.dtype == np.uint8
    wrong = (coverage >= 128) != MASK
    assert wrong.mean() < (0.01 if "JPEG" in form or form == "turned" else 1e-9)
    assert what_is_wrong(coverage) == ""


def test_coverage_between_0_and_255_stays(tmp_path: Path):
    soft = cv2.GaussianBlur(WHITE, (0, 0), 1.5)
    assert np.array_equal(decode_coverage(save(soft)), soft)
    around = np.dstack([np.full((60, 80, 3), 255, np.uint8), soft])
    assert np.array_equal(decode_coverage(save(around)), soft)
    red = np.dstack([soft, np.zeros((60, 80, 2), np.uint8)])
    assert np.abs(decode_coverage(save(red)).astype(int) - soft).max() <= 2


REFUSED = {
    "empty": (save(np.zeros_like(WHITE)), "empty: no pixel is marked"),
    "almost black": (save(np.arange(4800).reshape(60, 80).astype(np.uint8) // 40), "empty|labels"),
    "all transparent": (save(np.dstack([PHOTO, np.zeros_like(WHITE)])), "empty"),
    "full": (save(np.full_like(WHITE, 255)), "full"),
    "all 1": (save(np.ones_like(WHITE)), "full"),
    "inverted": (save(255 - WHITE), "inverted"),
    "inverted 0 and 1": (save((~MASK).astype(np.uint8)), "inverted"),
    "photograph": (save(PHOTO), "more than two colours"),
    "grey photograph": (save(PHOTO[..., 0]), "neither black nor white"),
    "JPEG of a photograph": (save(PHOTO, "JPEG"), "more than two colours"),
    "overlay": (save(np.where(MASK[..., None], np.array([255, 0, 0]), PHOTO).astype(np.uint8)), "more than two"),
    "labels": (save((np.arange(4800).reshape(60, 80) // 300).astype(np.uint8)), "16 values from 0 to 15"),
    "three colours": (palette([(0, 0, 0), (128, 0, 0), (0, 128, 0)], THREE), "more"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_map_is_refused_with_its_reason(kind):
    content, words = REFUSED[kind]
    try:
        said = what_is_wrong(decode_coverage(content))
    except UnreadablePictureError as error:
        said = str(error)
    assert re.search(words, said)


def test_the_file_is_named(tmp_path: Path):
    (tmp_path / "map.png").write_bytes(save(PHOTO))
    with pytest.raises(UserError, match=r"map\.png: the map has more than two colours"):
        open_coverage(tmp_path / "map.png")
    with pytest.raises(UserError, match=r"none\.png: cannot be read"):
        open_coverage(tmp_path / "none.png")
