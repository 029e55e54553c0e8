"""What the server answers, as OpenAPI describes it."""

from typing import Any

from pydantic import BaseModel, Field


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str = Field(description="One sentence.")


class Face(BaseModel, extra="ignore"):
    """A face of a photograph, as `faces.csv` of `unmask-run` has it. Its box may reach beyond the edges."""

    left: float = Field(description="Box in pixels: the square that dlib's detector draws.")
    top: float
    right: float
    bottom: float
    turn: float = Field(description="How far it leans clockwise, degrees.")
    eye_dist: float = Field(description="Pixels between the eyes of a face seen from the front.")
    score: float = Field(description="How sure it is a face: above 2 there is little doubt.")
    status: str = Field(
        description="`ok` where its mask was taken off; `no_mask`; `too_small`, "
        "`turned_away` or `unsure` where it was left."
    )


class Unmasked(BaseModel):
    """A photograph without masks."""

    status: str = Field(description="`ok`, `no_face`, `no_mask`, `too_small`, `turned_away` or `unsure`.")
    preset: str
    width: int
    height: int
    seconds: float = Field(description="That the server worked on it, without waiting.")
    faces: list[Face] = Field(description="The largest first.")
    image: str = Field(description="The result: PNG as a data URL, of the photograph's size.")
    overlays: dict[str, str] = Field(
        description="Maps, as `image`: `map` is every mask that was taken off, `straps` their straps beside it,"
        " `both` one map of the two, to correct and to send."
    )


class Found(BaseModel):
    """What there is at a place of a photograph."""

    found: bool
    map: str | None = Field(None, description="The mask there: PNG as a data URL, of the photograph's size.")


class Dataset(BaseModel):
    """The dataset of the data page."""

    name: str
    triplets: int
    families: dict[str, int]
    worn: dict[str, int]
    splits: dict[str, int]
    attributes: dict[str, int]
    recipes: list[str]
    fields: list[dict[str, Any]] = Field(description="What of a recipe can be changed.")


class About(BaseModel):
    """What this server can do."""

    version: str
    presets: list[str] = Field(description="The one that is taken unasked first.")
    max_bytes: int
    max_pixels: int
    keeps: bool = Field(description="Whether results are also written to a folder of the server.")
    data: bool = Field(description="Whether there is a dataset.")


class Tile(BaseModel):
    """A triplet on the wall; of the largest face where there are several."""

    number: int = Field(description="In the manifest: what the other addresses take.")
    key: str
    family: str
    template: str
    worn: str
    split: str
    coverage: float | None
    yaw: float | None
    pitch: float | None
    roll: float | None


class Page(BaseModel):
    """A page of the wall."""

    total: int
    page: int
    pages: int
    triplets: list[Tile]


class Whole(BaseModel):
    """All about a triplet."""

    number: int
    row: dict[str, str] = Field(description="The manifest's, without the recipe.")
    faces: list[dict[str, Any]] = Field(
        description="The recipe of each face's mask, every value that has an effect."
    )


class Again(BaseModel):
    """A triplet made again; nothing of it is written."""

    masked: str = Field(description="PNG as a data URL.")
    map: str
    clean: str
    faces: list[dict[str, Any]] = Field(
        description="The recipe of each face's mask, every value that has an effect."
    )
    summary: dict[str, Any]
    milliseconds: float


class Wish(BaseModel, extra="forbid"):
    """What is to be different: another draw, where `pins` are given, and then values of the recipe."""

    changes: dict[str, bool | int | float | str] = Field(
        {}, description="Values by key, such as `fabric.colour`.", max_length=100
    )
    face: int = Field(0, description="Which face `changes` are about.")
    pins: list[str] | None = Field(
        None, description="Draw anew, as `unmask-data build --set` has it: `worn=chin`.", max_length=100
    )
    seed: int = Field(0, ge=0, le=2**31)
    recipe: str = Field("default", description="A packaged recipe that is drawn from.")
