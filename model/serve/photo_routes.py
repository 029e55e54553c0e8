"""``/api/unmask`` and what belongs to it."""

import math
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from unmask.datagen.pictures.picture import encode_png
from unmask.model.common.limits import LEAST_SCORE

from .answers import About, Found, Problem, Unmasked
from .options import ServeOptions
from .photographs import Photographs, answer
from .upload import form_schema, read_form
from .worker import Worker

PNG = "image/png"
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem} for status in (400, 403, 413, 415, 422, 503)
}
_SCORE = "Masked faces that are found with a lower score are left; 2: all that are doubtful."
_IMAGE = "The photograph: JPEG, PNG, WebP or BMP."


def photo_routes(photographs: Photographs, worker: Worker, options: ServeOptions) -> APIRouter:
    """Return the routes about photographs."""
    router = APIRouter(prefix="/api", tags=["photographs"])
    form = form_schema(
        {
            "image": _IMAGE,
            "map": "Own map, of its size: white where the mask is. Found where it is not given.",
        },
        {
            "preset": {"type": "string", "enum": list(options.presets), "default": options.presets[0]},
            "min_score": {"type": "number", "default": LEAST_SCORE, "description": _SCORE},
        },
    )
    place = {"type": "number", "required": True}
    place_form = form_schema({"image": _IMAGE}, {"x": dict(place), "y": dict(place)})
    either: dict[int | str, dict[str, Any]] = {
        200: {"content": {PNG: {"schema": {"type": "string", "format": "binary"}}}}
    }

    @router.get("/about", response_model=About)
    def about() -> About:
        """What this server can do."""
        return About(
            version=version("unmask"),
            presets=list(options.presets),
            max_bytes=options.max_bytes,
            max_pixels=options.max_pixels,
            keeps=options.keep is not None,
            data=options.data is not None,
        )

    @router.post("/unmask", response_model=Unmasked, responses={**REFUSALS, **either}, openapi_extra=form)
    async def unmask(request: Request) -> Response:
        """Take the masks off a photograph. With `Accept: image/png` the answer is the result itself."""
        files, texts = await read_form(request, ("image", "map"), ("preset", "min_score"))
        image = _needed(files)
        preset = texts.get("preset") or options.presets[0]
        if preset not in options.presets:
            raise HTTPException(422, f"preset: expected one of {', '.join(options.presets)}")
        least_score = _number(texts, "min_score") if "min_score" in texts else LEAST_SCORE
        as_picture = PNG in request.headers.get("accept", "")

        def work() -> bytes:
            result, seconds = photographs.unmask(image, files.get("map"), preset, least_score)
            if as_picture:
                return encode_png(result.image)
            return answer(result, preset, seconds).model_dump_json().encode()

        return Response(await worker.run(work), media_type=PNG if as_picture else "application/json")

    @router.post("/find", response_model=Found, responses=REFUSALS, openapi_extra=place_form)
    async def find(request: Request) -> Response:
        """Look closer at a place of a photograph, for a mask that was missed."""
        files, texts = await read_form(request, ("image",), ("x", "y"))
        image = _needed(files)
        x, y = _number(texts, "x"), _number(texts, "y")
        found = await worker.run(lambda: photographs.look_closer(image, x, y).model_dump_json())
        return Response(found, media_type="application/json")

    return router


def _needed(files: dict[str, bytes]) -> bytes:
    if "image" not in files:
        raise HTTPException(422, "image: a file is needed")
    return files["image"]


def _number(texts: dict[str, str], name: str) -> float:
    try:
        value = float(texts.get(name, ""))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise HTTPException(422, f"{name}: a number is needed")
    return value
