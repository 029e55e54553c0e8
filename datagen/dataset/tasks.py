"""What is handed to a worker, and what comes back: orders, tasks, results."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from time import perf_counter

from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.faces.parsing_labels import CELEBAMASK, Numbering
from unmask.datagen.masks.recipe_config import RecipeConfig
from unmask.datagen.masks.template import TemplateSet, load_templates
from unmask.datagen.render.triplet_config import TripletConfig
from unmask.datagen.sources.source import SourceFace

from .journal import SourceRecord


@dataclass(frozen=True)
class WorkOrder:
    """What is the same for every picture of a build: small, because it travels with each chunk.

    Templates go as folder names, not as objects, since another machine may have the toolkit elsewhere;
    ``template_hash`` makes sure that it has the same ones.
    """

    out: Path
    seed: int
    size: tuple[int, int] | None
    format: str
    layers: bool
    faces: str
    recipe: RecipeConfig
    templates: tuple[Path, ...]
    families: tuple[str, ...] | None
    textures: Path | None
    parsing: Path | None
    template_hash: str
    parsing_labels: Numbering = CELEBAMASK

    def triplet_config(self) -> TripletConfig:
        """Return what decides the pixels."""
        templates = load_templates_once(self.templates, self.families, self.textures, self.template_hash)
        return TripletConfig(
            seed=self.seed, size=self.size, recipe=self.recipe, templates=templates, faces=self.faces
        )


@dataclass(frozen=True)
class SourceTask:
    """One source picture and which of its variants are wanted.

    Attributes
    ----------
    face : SourceFace
        The picture.
    variants : tuple of int
        Those to make; the others are in ``earlier``.
    earlier : SourceRecord or None
        What an earlier run made of the same file.
    known : tuple of (sha256, faces)
        Supplied landmarks by hash of the file, "" where they hold for any.
    files : tuple of str
        What earlier runs wrote for a picture of this name; what no row names any more is removed.
    """

    face: SourceFace
    variants: tuple[int, ...]
    earlier: SourceRecord | None = None
    known: tuple[tuple[str, tuple[Landmarks, ...]], ...] = ()
    files: tuple[str, ...] = ()


@dataclass
class ChunkResult:
    """What became of a chunk: a record per picture, seconds by stage, and the process's peak memory in MB."""

    records: list[SourceRecord] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    peak_rss_mb: float = 0.0

    def add(self, other: "ChunkResult") -> None:
        """Take over what became of another chunk."""
        self.records += other.records
        self.peak_rss_mb = max(self.peak_rss_mb, other.peak_rss_mb)
        for stage, spent in other.seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + spent

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside the block to a stage."""
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - start


@lru_cache(maxsize=1)
def load_templates_once(
    folders: tuple[Path, ...], families: tuple[str, ...] | None, textures: Path | None, expected: str
) -> TemplateSet:
    """Load templates, once per process; UserError where they have not the expected fingerprint."""
    templates = load_templates(folders, families, textures)
    if templates.fingerprint != expected:
        raise ArgumentError(
            "templates", ": a worker finds other templates than the build; are the versions the same?"
        )
    return templates
