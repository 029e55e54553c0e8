"""Pictures that somebody sends: read in memory, and checked before they are decoded."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from fastapi import HTTPException, Request
from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from unmask.datagen.common.errors import UnreadablePictureError, one_line
from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.coverage import COVERED, decode_coverage, what_is_wrong
from unmask.datagen.pictures.header import read_header
from unmask.datagen.pictures.picture import decode_picture

_MOST_PARTS, _MOST_TEXT_BYTES = 8, 1024
_FORM = "multipart/form-data"


class _InMemory(MultiPartParser):
    """Starlette's parser, without the temporary files that it makes of parts of more than a megabyte."""

    spool_max_size = 1 << 62


async def read_form(
    request: Request, files: tuple[str, ...], texts: tuple[str, ...]
) -> tuple[dict[str, bytes], dict[str, str]]:
    """Read a form of pictures and short texts.

    Parameters
    ----------
    request : Request
    files, texts : tuple of str
        The parts that it may have, each once.

    Returns
    -------
    files : dict of str to bytes
    texts : dict of str to str

    Raises
    ------
    HTTPException
        4xx, when it is no such form.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise HTTPException(415, f"expected {_FORM} with {' and '.join(files)}")
    parser = _InMemory(
        request.headers,
        request.stream(),
        max_files=_MOST_PARTS,
        max_fields=_MOST_PARTS,
        max_part_size=_MOST_TEXT_BYTES,
    )
    try:
        form = await parser.parse()
    except (MultiPartException, FormParserError, KeyError, ValueError) as error:
        why = getattr(error, "message", None) or str(error)
        raise HTTPException(400, f"the form cannot be read: {one_line(why)[:200]}") from error
    try:
        return await _sorted(form, files, texts)
    finally:
        await form.close()


async def _sorted(
    form: FormData, files: tuple[str, ...], texts: tuple[str, ...]
) -> tuple[dict[str, bytes], dict[str, str]]:
    given_files: dict[str, bytes] = {}
    given_texts: dict[str, str] = {}
    for name, value in form.multi_items():
        if name in given_files or name in given_texts:
            raise HTTPException(400, f"the form has {name[:80]!r} twice")
        if isinstance(value, UploadFile) and name in files:
            given_files[name] = await value.read()
        elif isinstance(value, str) and name in texts:
            given_texts[name] = value
        else:
            known = ", ".join((*files, *texts))
            what = "text" if name in files else "file" if name in texts else "part"
            raise HTTPException(400, f"the {what} {name[:80]!r} is not expected; the form takes {known}")
    return given_files, given_texts


def form_schema(files: Mapping[str, str], texts: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Describe such a form for OpenAPI; the first file is required."""
    parts = {
        name: {"type": "string", "format": "binary", "description": words} for name, words in files.items()
    }
    required = [next(iter(files)), *(name for name, schema in texts.items() if schema.pop("required", False))]
    schema = {"type": "object", "required": required, "properties": {**parts, **texts}}
    return {"requestBody": {"required": True, "content": {_FORM: {"schema": schema}}}}


def open_photograph(data: bytes, most_pixels: int) -> U8:
    """Decode a photograph, uint8 (h, w, 3) RGB.

    Raises
    ------
    HTTPException
        413 where its header claims too many pixels, 422 where it cannot be decoded.
    """
    try:
        _check_size(data, most_pixels)
        return decode_picture(data).image_rgb
    except UnreadablePictureError as error:
        raise HTTPException(422, f"image: {error}") from error


def open_map(data: bytes, most_pixels: int, size: tuple[int, ...]) -> U8:
    """Decode the map of a photograph of ``size`` (height, width): uint8, 0 or 255.

    Raises
    ------
    HTTPException
        As `open_photograph`; 422 also where it is no map, or one of another size.
    """
    try:
        _check_size(data, most_pixels)
        coverage = decode_coverage(data)
        if coverage.shape != size:
            sizes = [f"{shape[1]}x{shape[0]}" for shape in (coverage.shape, size)]
            raise UnreadablePictureError(f"{sizes[0]} for a photograph of {sizes[1]}")
        wrong = what_is_wrong(coverage)
        if wrong:
            raise UnreadablePictureError(wrong)
    except UnreadablePictureError as error:
        raise HTTPException(422, f"map: {error}") from error
    return np.where(coverage >= COVERED, 255, 0).astype(np.uint8)


def _check_size(data: bytes, most_pixels: int) -> None:
    header = read_header(data)
    if header.width * header.height > most_pixels:
        raise HTTPException(
            413,
            f"{header.width} x {header.height} pixels are too many: at most {most_pixels / 1e6:g} million",
        )
