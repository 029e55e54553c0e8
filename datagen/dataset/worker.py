"""What a worker does with a few source pictures: read, find faces, make triplets, write, report."""

import hashlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.atomic import write_atomic, writing_to
from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError, UserError
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.faces.parsing import read_parsing
from unmask.datagen.faces.parsing_labels import CELEBAMASK, Numbering
from unmask.datagen.masks.recipe_config import RecipeConfig
from unmask.datagen.masks.template import TemplateSet, load_templates
from unmask.datagen.pictures.picture import Picture, decode_picture, encode_jpg, encode_png, fit_transform
from unmask.datagen.render.sensor import jpeg_quality
from unmask.datagen.render.triplet import (
    PreparedPicture,
    Refusal,
    Triplet,
    TripletConfig,
    mask_picture,
    prepare_picture,
)
from unmask.datagen.sources.source import SourceFace

from .journal import SourceRecord
from .manifest import ManifestRow
from .points import find_points_of, known_points
from .rows import empty_row, layers_file, make_row, row_files

_BATCH_PICTURES = 64
_BATCH_PIXELS = 12_000_000  # large photographs go one by one


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


def work(order: WorkOrder, tasks: Sequence[SourceTask]) -> ChunkResult:
    """Make the triplets of a few source pictures and write them.

    A stage is done for several pictures before the next one begins: the landmark predictor and the renderer each
    fill a processor's caches, and taking turns for every picture costs a third of the speed.

    Returns
    -------
    ChunkResult
        With one record per task, in order.

    Raises
    ------
    UserError
        When the dataset's folder cannot be written to.
    """
    if cv2.getNumThreads() != 1:
        cv2.setNumThreads(1)  # a Dask worker has no initializer of ours
    config = order.triplet_config()
    result = ChunkResult()
    batch: list[_Job] = []
    for task in tasks:
        with _naming(task.face):
            batch.append(_open(task, order, result))
        if len(batch) >= _BATCH_PICTURES or sum(job.pixels for job in batch) >= _BATCH_PIXELS:
            _finish(batch, order, config, result)
            batch = []
    _finish(batch, order, config, result)
    result.peak_rss_mb = peak_rss_mb()
    return result


@contextmanager
def _naming(face: SourceFace) -> Iterator[None]:
    """Note in a bug's traceback which picture it met."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        error.add_note(f"while working on source picture {face.name!r}")
        raise


def peak_rss_mb() -> float:
    """Return the largest resident size of this process so far in MB, 0.0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0.0
    unit = 1e6 if sys.platform == "darwin" else 1e3  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


@dataclass
class _Job:
    """A source picture on its way through the stages."""

    task: SourceTask
    sha256: str = ""
    data: bytes = b""
    picture: Picture | None = None
    trouble: str = ""
    labels: NDArray[np.uint8] | None = None
    found: Sequence[Landmarks] = ()
    prepared: PreparedPicture | Refusal | None = None
    rows: dict[int, ManifestRow] = field(default_factory=dict)
    clean_name: str = ""

    @property
    def pixels(self) -> int:
        return self.picture.image_rgb.size // 3 if self.picture else 0


def _open(task: SourceTask, order: WorkOrder, result: ChunkResult) -> _Job:
    job = _Job(task)
    face = task.face
    try:
        with result.stage("read"):
            job.data = face.read_bytes()
            job.sha256 = hashlib.sha256(job.data).hexdigest()
        with result.stage("decode"):
            picture = decode_picture(job.data)
            if order.parsing:
                height, width = picture.image_rgb.shape[:2]
                job.labels = read_parsing(
                    order.parsing, face.stem, (height, width), order.size, order.parsing_labels
                )
            job.picture = picture
    except UnreadablePictureError as error:
        job.trouble = str(error)
    return job


def _finish(batch: Sequence[_Job], order: WorkOrder, config: TripletConfig, result: ChunkResult) -> None:
    """Bring opened pictures through the other stages and record them, in order."""
    readable = [(job, job.picture) for job in batch if job.picture is not None]
    with result.stage("landmarks"):
        _find_faces(readable)
    with result.stage("prepare"):
        for job, picture in readable:
            with _naming(job.task.face):
                quality = jpeg_quality(job.data)
                job.prepared = prepare_picture(picture.image_rgb, job.found, config, quality, job.labels)
    made: list[tuple[_Job, int, Triplet]] = []
    for job, _ in readable:
        job.rows = {row.variant: row for row in job.task.earlier.rows} if job.task.earlier else {}
        for variant in job.task.variants:
            with _naming(job.task.face), result.stage("mask"):
                triplet = _mask(job, variant, config)
            if triplet is not None:
                made.append((job, variant, triplet))
            if len(made) >= _BATCH_PICTURES or sum(each.map.size for _, _, each in made) >= _BATCH_PIXELS:
                _write(made, order, result)
                made = []
    _write(made, order, result)
    for job in batch:
        record = _record(job)
        with writing_to(order.out):
            _remove_stale(order, job.task.files, record)
        result.records.append(record)


def _find_faces(readable: Sequence[tuple[_Job, Picture]]) -> None:
    searched = []
    for job, picture in readable:
        known = known_points(job.task.face, job.sha256, job.task.known)
        if known is None:
            searched.append((job, picture))
        else:
            job.found = known
    found = find_points_of([(job.task.face, picture.image_rgb) for job, picture in searched])
    for job, _ in searched:
        with _naming(job.task.face):
            job.found = next(found)


def _mask(job: _Job, variant: int, config: TripletConfig) -> Triplet | None:
    """One variant's triplet; None with its row written where there is none."""
    face, prepared = job.task.face, job.prepared
    made: Triplet | Refusal
    if isinstance(prepared, PreparedPicture):
        made = mask_picture(prepared, config, key=face.name, variant=variant)
    else:
        made = prepared or Refusal("unreadable", job.trouble)
    if isinstance(made, Triplet):
        return made
    job.rows[variant] = empty_row(face, job.sha256, variant, made.status, made.reason)
    return None


def _write(made: Sequence[tuple[_Job, int, Triplet]], order: WorkOrder, result: ChunkResult) -> None:
    for job, variant, triplet in made:
        face = job.task.face
        row = make_row(face, job.sha256, variant, triplet, job.found)
        with _naming(face), result.stage("encode"):
            files = _mask_files(order, row.key, triplet)
            masked_name, map_name = list(files)[:2]
            if not job.clean_name and job.picture is not None:
                job.clean_name, clean = _clean_file(order, face, triplet.clean, job.picture, job.data)
                files[job.clean_name] = clean
        with result.stage("write"), writing_to(order.out):
            for name, content in files.items():
                write_atomic(f"{order.out}/{name}", content)
        job.rows[variant] = replace(row, masked=masked_name, map=map_name, clean=job.clean_name)


def possible_files(order: WorkOrder, task: SourceTask) -> list[str]:
    """Return the files that a task may write; the clean picture's extension is known when it has been opened."""
    stem = task.face.stem
    extensions = {Path(task.face.name).suffix.lower(), f".{order.format}"}
    names = [f"clean/{stem}{extension}" for extension in sorted(extensions)]
    for variant in task.variants:
        key = f"{stem}_{variant:02d}"
        names += [f"masked/{key}.{order.format}", f"map/{key}.png", layers_file(key)][: 2 + order.layers]
    return names


def _remove_stale(order: WorkOrder, files: Sequence[str], record: SourceRecord) -> None:
    named = {name for row in record.rows for name in row_files(row, layers=order.layers)}
    for name in files:
        if name not in named:
            (order.out / name).unlink(missing_ok=True)


def _record(job: _Job) -> SourceRecord:
    face = job.task.face
    if job.picture is None:
        return _failed(job.task, job.sha256, job.trouble)
    ordered = tuple(job.rows[variant] for variant in sorted(job.rows))
    return SourceRecord(face.name, face.stem, job.sha256, tuple(job.found), ordered)


def _failed(task: SourceTask, sha256: str, reason: str) -> SourceRecord:
    # All variants, since an earlier run may have seen the file before it was damaged.
    earlier = {row.variant for row in task.earlier.rows} if task.earlier else set()
    face, variants = task.face, sorted(earlier.union(task.variants))
    rows = tuple(empty_row(face, sha256, variant, "unreadable", reason) for variant in variants)
    return SourceRecord(face.name, face.stem, sha256, None, rows)


def _clean_file(
    order: WorkOrder, face: SourceFace, clean_rgb: NDArray[np.uint8], picture: Picture, data: bytes
) -> tuple[str, bytes]:
    """Return name and content of the clean picture: the source's own bytes where nothing was changed."""
    height, width = picture.image_rgb.shape[:2]
    if picture.byte_copy and fit_transform(width, height, order.size) is None:
        return f"clean/{face.stem}{Path(face.name).suffix.lower()}", data
    return f"clean/{face.stem}.{order.format}", _encode(clean_rgb, order.format)


def _mask_files(order: WorkOrder, key: str, triplet: Triplet) -> dict[str, bytes]:
    """Return the content of the variant's own files by name: masked, map, and layers where wanted."""
    files = {
        f"masked/{key}.{order.format}": _encode(triplet.masked, order.format),
        f"map/{key}.png": encode_png(triplet.map),
    }
    if order.layers:
        files[layers_file(key)] = encode_png(triplet.layers)
    return files


def _encode(image_rgb: NDArray[np.uint8], format_: str) -> bytes:
    return encode_jpg(image_rgb) if format_ == "jpg" else encode_png(image_rgb)
