"""``/api/data``: a built dataset to look through, and its faces made again with other recipes."""

import math
import time
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, Field

from unmask.datagen.common.page import visible
from unmask.datagen.dataset.again import Again as Maker
from unmask.datagen.dataset.items import cells_by_column
from unmask.datagen.dataset.wall import Span, Wall, WallFilter, WallRow
from unmask.datagen.masks.recipe_config import packaged_recipes
from unmask.datagen.pictures.header import read_header
from unmask.datagen.pictures.picture import decode_picture, encode_jpg, shrunk

from .answers import Again, Dataset, Page, Problem, Tile, Whole, Wish
from .photographs import data_url
from .worker import Worker

MOST_ON_A_PAGE = 200
_FRESH = {"Cache-Control": "private, max-age=60"}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem} for status in (400, 403, 404, 409, 422)
}


class Wanted(BaseModel, extra="forbid"):
    """A question to the wall: what is given several times means any of these, of attributes all."""

    family: list[str] = Field([], max_length=100)
    worn: list[str] = Field([], max_length=100)
    split: list[str] = Field([], max_length=10)
    attribute: list[str] = Field([], description="`Male`, or `-Male` for those without.", max_length=100)
    coverage_min: float = Field(-math.inf, description="Share of the picture, in [0, 1].")
    coverage_max: float = math.inf
    yaw_min: float = Field(-math.inf, description="Degrees.")
    yaw_max: float = math.inf
    pitch_min: float = -math.inf
    pitch_max: float = math.inf
    roll_min: float = -math.inf
    roll_max: float = math.inf
    page: int = Field(1, ge=1)
    per_page: int = Field(48, ge=1, le=MOST_ON_A_PAGE)

    def span(self, name: str) -> Span:
        """Return the least and the largest value of a number."""
        return getattr(self, f"{name}_min"), getattr(self, f"{name}_max")

    def as_filter(self) -> WallFilter:
        """Return what `Wall.select` takes."""
        chosen = (tuple(names) for names in (self.family, self.worn, self.split, self.attribute))
        families, worn, splits, attributes = chosen
        spans = (self.span(name) for name in ("coverage", "yaw", "pitch", "roll"))
        return WallFilter(families, worn, splits, attributes, *spans)


def data_routes(wall: Wall, maker: Maker, worker: Worker) -> APIRouter:
    """Return the routes about the dataset; ``worker`` renders."""
    router = APIRouter(prefix="/api/data", tags=["data"], responses=_REFUSALS)

    def known(number: int) -> WallRow:
        try:
            return wall.row(number)
        except KeyError:
            raise HTTPException(404, f"row {number} of the manifest has no triplet") from None

    @router.get("", response_model=Dataset)
    def dataset() -> Dataset:
        """How many triplets there are of which kind, and what of a recipe can be changed."""
        return Dataset(
            name=_shown(wall.folder.resolve().name),
            triplets=len(wall.rows),
            recipes=list(packaged_recipes()),
            fields=[asdict(field) for field in maker.fields],
            **{name: _shown_keys(counts) for name, counts in wall.facets.items()},
        )

    @router.get("/triplets", response_model=Page)
    def triplets(wanted: Annotated[Wanted, Query()]) -> Page:
        """A page of the triplets that fit."""
        rows = wall.select(wanted.as_filter())
        first = (wanted.page - 1) * wanted.per_page
        return Page(
            total=len(rows),
            page=wanted.page,
            pages=max(1, -(-len(rows) // wanted.per_page)),
            triplets=[_tile(row) for row in rows[first : first + wanted.per_page]],
        )

    @router.get("/triplets/{number}", response_model=Whole)
    def triplet(number: int) -> Whole:
        """All that the manifest says of a triplet."""
        known(number)
        row = wall.whole_row(number)
        cells = cells_by_column(row, wall.attribute_names)
        del cells["recipe"]
        shown = {name: _shown(text) for name, text in cells.items()}
        return Whole(number=number, row=shown, faces=_masks(maker, row.recipe))

    @router.get("/triplets/{number}/{kind}", response_class=Response)
    def picture(
        number: int,
        kind: Literal["masked", "map", "clean"],
        height: Annotated[int | None, Query(ge=16, le=1024, description="Shrink to that many rows.")] = None,
    ) -> Response:
        """One of a triplet's pictures: its file, or a smaller JPEG."""
        known(number)
        data = wall.read(number, kind)
        if height is None:
            return Response(data, media_type=f"image/{read_header(data).kind}", headers=_FRESH)
        image = decode_picture(data).image_rgb
        small = encode_jpg(shrunk(image, height / image.shape[0]), 90)
        return Response(small, media_type="image/jpeg", headers=_FRESH)

    @router.post("/triplets/{number}/again", response_model=Again)
    async def again(number: int, wish: Wish) -> Again:
        """Make a triplet again with another recipe; nothing is written."""
        known(number)
        if wish.recipe not in packaged_recipes():
            raise HTTPException(422, f"recipe: expected one of {', '.join(packaged_recipes())}")
        return await worker.run(lambda: _made(wall, maker, number, wish))

    return router


def _made(wall: Wall, maker: Maker, number: int, wish: Wish) -> Again:
    row, clean = wall.whole_row(number), wall.read(number, "clean")
    start = time.perf_counter()
    if wish.pins is not None:
        drawn = maker.draw(clean, row, wish.pins, wish.seed, wish.recipe)
        row = replace(row, recipe=drawn.recipe_json)
    made = maker.change(clean, row, wish.changes, wish.face)
    milliseconds = 1000 * (time.perf_counter() - start)
    return Again(
        masked=data_url(made.masked),
        map=data_url(made.map),
        clean=data_url(made.clean),
        faces=_masks(maker, made.recipe_json),
        summary=asdict(made.summary),
        milliseconds=round(milliseconds, 1),
    )


def _masks(maker: Maker, recipe: str) -> list[dict[str, Any]]:
    try:
        return maker.masks(recipe)
    except ValueError as error:
        raise HTTPException(409, str(error)) from error


def _tile(row: WallRow) -> Tile:
    numbers = {name: getattr(row, name) for name in ("coverage", "yaw", "pitch", "roll")}
    return Tile(
        number=row.number,
        key=_shown(row.key),
        family=_shown(row.family),
        template=_shown(row.template),
        worn=_shown(row.worn),
        split=_shown(row.split),
        **{name: None if math.isnan(value) else value for name, value in numbers.items()},
    )


def _shown(text: str) -> str:
    """A text of somebody's manifest, whose bytes need not be UTF-8."""
    return str(visible(text))


def _shown_keys(counts: Any) -> dict[str, int]:
    return {_shown(name): count for name, count in counts.items()}
