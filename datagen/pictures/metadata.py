"""What a picture's file says besides its pixels, carried to the file of a result: colour profile and EXIF."""

import io
import struct
import zlib
from dataclasses import dataclass

from PIL import Image

from .header import ORIENTATION_TAG, PNG_SIGNATURE, without_warnings

_EXIF_START = b"Exif\0\0"
_HEADER_END = len(PNG_SIGNATURE) + 25  # of a PNG: after IHDR, before which there is nothing


@dataclass(frozen=True)
class Metadata:
    """Bytes to carry; empty where there are none.

    Attributes
    ----------
    icc : bytes
        ICC profile of RGB: pixels keep their values, and mean what they did.
    exif : bytes
        TIFF structure, upright: pixels were turned when they were decoded.
    """

    icc: bytes = b""
    exif: bytes = b""


def read_metadata(data: bytes) -> Metadata:
    """Return the colour profile and EXIF of a picture's file; what is damaged is left out.

    A profile of grey or CMYK is left out, too: decoded pixels are RGB.
    """
    try:
        with without_warnings(), Image.open(io.BytesIO(data)) as picture:
            icc = bytes(picture.info.get("icc_profile") or b"")
            exif = picture.getexif()
            exif.pop(ORIENTATION_TAG, None)
            upright = exif.tobytes() if len(exif) else b""
    except Exception:  # broken metadata comes as many exception types, and must not cost the picture
        return Metadata()
    return Metadata(icc if icc[16:20] == b"RGB " else b"", upright.removeprefix(_EXIF_START))


def with_metadata(png: bytes, metadata: Metadata) -> bytes:
    """Return an encoded PNG with a profile and EXIF in it."""
    chunks = b""
    if metadata.icc:
        chunks += _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc))
    if metadata.exif:
        chunks += _chunk(b"eXIf", metadata.exif)
    return png[:_HEADER_END] + chunks + png[_HEADER_END:]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
