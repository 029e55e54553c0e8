"""What the first bytes and the last bytes of a picture file say, before anything is decoded."""

import io
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image
from PIL.WebPImagePlugin import WebPImageFile

from unmask.datagen.common.errors import UnreadablePictureError

MAX_PIXELS = 200_000_000  # 600 MB of RGB: more is a decompression bomb or a mistake, and would end the worker
_BLOCK_PIXELS = 64  # of a JPEG, each of which has a code of at least one bit
ORIENTATION_TAG = 0x0112
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

# start of file -> what to call it; these are pictures that people do give, and that are not read
FOREIGN_PICTURES = (
    (b"GIF8", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"%PDF", "PDF"),
    (b"8BPS", "Photoshop"),
)


@dataclass(frozen=True)
class PictureHeader:
    """What decoding needs to know about a file that is complete and of a known kind.

    Attributes
    ----------
    kind : str
        ``jpeg``, ``png``, ``bmp`` or ``webp``.
    width, height : int
        In pixels, as stored (before the EXIF orientation).
    plain : bool
        True where every reader gives the same pixels: colour or grey of 8 bit, no palette, no transparency.
    has_alpha, is_cmyk : bool
        What has to be made RGB.
    orientation : int
        EXIF orientation, 1..8.
    """

    kind: str
    width: int
    height: int
    plain: bool = True
    has_alpha: bool = False
    is_cmyk: bool = False
    orientation: int = 1


def read_header(data: bytes) -> PictureHeader:
    """Read the header and check that the file goes to its end.

    Raises
    ------
    UnreadablePictureError
        Empty, truncated, animated, damaged, too large or not a picture; the message says which.
    """
    if not data:
        raise UnreadablePictureError("empty file (0 bytes)")
    try:
        header = _read_known(data)
    except (struct.error, IndexError) as error:
        raise UnreadablePictureError("truncated: the file ends inside its header") from error
    if header.width < 1 or header.height < 1:
        raise UnreadablePictureError(f"damaged header: {header.width} x {header.height} pixels")
    if header.width * header.height > MAX_PIXELS:
        millions = header.width * header.height / 1e6
        raise UnreadablePictureError(
            f"too large: {millions:.0f} million pixels ({MAX_PIXELS // 10**6} allowed)"
        )
    return header


def _read_known(data: bytes) -> PictureHeader:
    if data.startswith(b"\xff\xd8"):
        return _read_jpeg(data)
    if data.startswith(PNG_SIGNATURE):
        return _read_png(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _read_webp(data)
    if data.startswith(b"BM"):
        return _read_bmp(data)
    if data[4:8] == b"ftyp":
        raise UnreadablePictureError("not a JPEG, PNG, WebP or BMP picture, but HEIC, AVIF or a video")
    for start, name in FOREIGN_PICTURES:
        if data.startswith(start):
            raise UnreadablePictureError(f"not a JPEG, PNG, WebP or BMP picture, but {name}")
    starts = (PNG_SIGNATURE, b"RIFF" + data[4:8] + b"WEBP", b"BM", b"\xff\xd8")
    if len(data) < 12 and any(start.startswith(data) for start in starts):
        raise UnreadablePictureError("truncated: the file ends inside its header")
    if not data.strip(b"\0"):
        raise UnreadablePictureError("not a picture: the file holds only zero bytes")
    raise UnreadablePictureError("not a picture: no JPEG, PNG, WebP or BMP header")


# JPEG and PNG by hand: Pillow passes over bytes between a JPEG's segments, which are damage and change pixels,
# tells a PNG's late damage and late EXIF only by decoding it, and looks for neither end.
def _read_jpeg(data: bytes) -> PictureHeader:
    position, orientation, frame, is_huffman = 2, 1, None, False
    while True:
        if data[position] != 0xFF:
            raise UnreadablePictureError("damaged JPEG: no marker where one is due")
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker == 0xD9:
            raise UnreadablePictureError("damaged JPEG: no image data")
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers that stand alone
            position += 2
            continue
        (length,) = struct.unpack_from(">H", data, position + 2)
        body = data[position + 4 : position + 2 + length]
        if marker == 0xE1 and body.startswith(b"Exif\0\0"):
            orientation = _orientation(body[6:])
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            frame, is_huffman = struct.unpack_from(">BHHB", body), marker < 0xC8
        elif marker == 0xDA:
            break
        position += 2 + length
    # inside coded data FF is never followed by D9, so an end marker after the first scan is a real one
    if not data.endswith(b"\xff\xd9") and data.find(b"\xff\xd9", position) < 0:
        raise UnreadablePictureError("truncated JPEG: the end-of-image marker is missing")
    if frame is None:
        raise UnreadablePictureError("damaged JPEG: no frame header")
    bits, height, width, channels = frame
    if (
        is_huffman and len(data) * 8 < width * height / _BLOCK_PIXELS
    ):  # before memory is set aside for all of it
        raise UnreadablePictureError(
            f"truncated JPEG: {len(data)} bytes cannot hold {width} x {height} pixels"
        )
    if bits != 8 or channels not in (1, 3, 4):
        raise UnreadablePictureError(f"a JPEG with {channels} channels of {bits} bits is not supported")
    plain = channels != 4 and orientation == 1
    return PictureHeader("jpeg", width, height, plain, False, channels == 4, orientation)


def _read_png(data: bytes) -> PictureHeader:
    width, height, bits, colour = struct.unpack_from(">IIBB", data, 16)
    position, orientation, transparent, checksum_ok = 8, 1, colour in (4, 6), True
    while True:
        if position + 12 > len(data):
            raise UnreadablePictureError("truncated PNG: the file ends before its IEND chunk")
        (length,) = struct.unpack_from(">I", data, position)
        kind = data[position + 4 : position + 8]
        end = position + 8 + length
        if end + 4 > len(data):
            raise UnreadablePictureError("truncated PNG: the file ends before its IEND chunk")
        if kind in (b"IHDR", b"PLTE", b"IDAT"):
            stored = struct.unpack_from(">I", data, end)[0]
            checksum_ok = checksum_ok and zlib.crc32(memoryview(data)[position + 4 : end]) == stored
        elif kind == b"tRNS":
            transparent = True
        elif kind == b"eXIf":
            orientation = _orientation(data[position + 8 : end])
        elif kind == b"acTL":
            raise UnreadablePictureError("animated PNG: only still pictures are read")
        elif kind == b"IEND":
            break
        position = end + 4
    if not checksum_ok:
        raise UnreadablePictureError("damaged PNG: a checksum does not match")
    plain = bits == 8 and colour in (0, 2) and not transparent and orientation == 1
    return PictureHeader("png", width, height, plain, transparent, False, orientation)


def _read_webp(data: bytes) -> PictureHeader:
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 > len(data):
        raise UnreadablePictureError(f"truncated WebP: {len(data)} of {size + 8} bytes are there")
    try:
        with without_warnings():  # of sizes that are far from MAX_PIXELS
            image = WebPImageFile(io.BytesIO(data))
    except Image.DecompressionBombError as error:
        raise UnreadablePictureError(f"too large: {error}") from error
    except Exception as error:  # damaged files come as many exception types
        raise UnreadablePictureError(f"damaged WebP: {error}") from error
    if image.is_animated:
        raise UnreadablePictureError("animated WebP: only still pictures are read")
    orientation = _orientation(image.info.get("exif", b""))
    alpha = image.mode == "RGBA"
    return PictureHeader("webp", *image.size, not alpha and orientation == 1, alpha, False, orientation)


def _read_bmp(data: bytes) -> PictureHeader:
    pixels_at, header_size = struct.unpack_from("<II", data, 10)
    if header_size == 12:  # OS/2 1.x
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)  # negative: rows go downwards
    row_bytes = (width * bits + 31) // 32 * 4
    if compression in (0, 3) and pixels_at + row_bytes * height > len(data):
        raise UnreadablePictureError(
            f"truncated BMP: {len(data)} of {pixels_at + row_bytes * height} bytes are there"
        )
    return PictureHeader("bmp", width, height, plain=bits == 24 and compression == 0)


_WARNINGS = threading.Lock()  # catch_warnings is for one thread at a time


@contextmanager
def without_warnings() -> Iterator[None]:
    """Keep Pillow's warnings about damaged camera metadata, which must not cost the picture, to ourselves."""
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _orientation(exif: bytes) -> int:
    tags = Image.Exif()
    try:
        with without_warnings():
            tags.load(exif)
            value = int(tags.get(ORIENTATION_TAG, 1))
    except Exception:  # broken metadata comes as many exception types, too
        return 1
    return value if 1 <= value <= 8 else 1
