"""The commands that make datasets, as functions, and one mask on one picture: defaults that work."""

import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from unmask.datagen.common.arguments import make_options, square_or_size
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.common.light_install import naming_packages
from unmask.datagen.dataset.build import build as build_dataset
from unmask.datagen.dataset.build_report import BuildReport, Progress
from unmask.datagen.dataset.online import triplet_config
from unmask.datagen.dataset.options import BuildOptions
from unmask.datagen.faces.detect import ALIGNED_SIZE, LandmarkFinder
from unmask.datagen.faces.landmarks import POINT_COUNT, Landmarks, quantise
from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.open_picture import PictureOrPath, open_picture
from unmask.datagen.render.prepared_picture import Refusal
from unmask.datagen.render.sensor import jpeg_quality
from unmask.datagen.render.triplet import Triplet, make_triplet

if TYPE_CHECKING:
    from unmask.datagen.exchange.adopt import AdoptReport
    from unmask.datagen.exchange.export import ExportReport


@naming_packages()
def put_mask(
    image: PictureOrPath,
    *,
    template: str | None = None,
    family: str | None = None,
    seed: int = 0,
    recipe: str | Path = "default",
    pins: Sequence[str] = (),
    size: int | tuple[int, int] | None = None,
    faces: str = "all",
    landmarks: Landmarks | ArrayLike | None = None,
    templates: Sequence[str | Path] = (),
    textures: str | Path | None = None,
) -> Triplet:
    """Put a mask on every face of a picture.

    Parameters
    ----------
    image : uint8 (h, w, 3), PIL picture, or path of a file
        RGB. With a file's name the mask is, to the pixel, the one that `build` gives it for the same seed, where
        the file lies at the top of the source and its face is found in the same way.
    template, family : str, optional
        Which mask: the name of a template, or any of a family. ``unmask-data templates list`` has them.
    seed, recipe, pins, faces, templates, textures
        As in `unmask.datagen.dataset.options.BuildOptions`; another seed is another mask.
    size : int or (width, height), optional
        Crop centrally and scale first.
    landmarks : Landmarks or (68, 2) or (n, 68, 2), optional
        The points of the face, or of n faces, in pixels; found where they are not given.

    Returns
    -------
    Triplet
        ``masked``, ``clean``, ``map``, ``layers``, ``recipe_json`` and a ``summary`` of what is worn.

    Raises
    ------
    UserError
        When an argument makes no sense, the file cannot be read, or no face or no mask that fits was found.

    Examples
    --------
    >>> import unmask
    >>> made = unmask.put_mask("portrait.jpg", family="surgical", seed=3)
    >>> made.masked.shape, made.map.shape, made.summary.family
    ((512, 512, 3), (512, 512), 'surgical')
    """
    chosen = [f"{name}={value}" for name, value in (("template", template), ("family", family)) if value]
    options = make_options(
        BuildOptions,
        source="",
        out="",
        seed=seed,
        recipe=recipe,
        pins=(*((pins,) if isinstance(pins, str) else pins), *chosen),
        size=square_or_size(size),
        faces=faces,
        templates=templates,
        textures=textures,
    )
    config = triplet_config(options)
    image_rgb = open_picture(image)
    path = Path(image) if isinstance(image, str | os.PathLike) else None
    found = _find_faces(image_rgb) if landmarks is None else _given_faces(landmarks)
    made = make_triplet(
        image_rgb,
        found,
        config,
        key=path.name if path else "",
        variant=0,
        jpeg_quality=jpeg_quality(path.read_bytes()) if path else None,
    )
    if isinstance(made, Refusal):
        raise UserError(f"{path or 'image'}: {made.reason}")
    return made


@lru_cache(maxsize=1)
def _finder() -> LandmarkFinder:
    return LandmarkFinder()


def _find_faces(image_rgb: U8) -> list[Landmarks]:
    aligned = image_rgb.shape[1::-1] == ALIGNED_SIZE and _finder().find(image_rgb, aligned=True)
    return aligned or _finder().find(image_rgb, aligned=False)


def _given_faces(landmarks: Landmarks | ArrayLike) -> list[Landmarks]:
    if isinstance(landmarks, Landmarks):
        return [landmarks]
    points = np.asarray(landmarks, np.float64)
    if points.shape[-2:] != (POINT_COUNT, 2) or points.ndim > 3 or not np.isfinite(points).all():
        raise ArgumentError(
            "landmarks", f": expected ({POINT_COUNT}, 2) or (n, {POINT_COUNT}, 2) pixels, got {points.shape}"
        )
    faces = [Landmarks(quantise(face), "supplied") for face in points.reshape(-1, POINT_COUNT, 2)]
    return sorted(faces, key=lambda face: -face.eye_dist_px)


@naming_packages()
def build(
    source: str | Path,
    out: str | Path,
    *,
    shards: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    **options: Any,
) -> BuildReport:
    """Make a dataset as ``unmask-data build`` does; the same call again resumes.

    Parameters
    ----------
    source : str or Path
        Folder, zip or parquet file of faces, a URL such as ``s3://bucket/faces``, or ``demo``.
    out : str or Path
        Folder of the dataset; with ``shards`` also a URL, such as ``s3://bucket/place``.
    shards : int, optional
        Write WebDataset shards of so many source pictures.
    progress : callable, optional
        Called after each chunk of pictures.
    **options
        By the names of `unmask.datagen.dataset.options.BuildOptions`, such as ``seed``, ``size``, ``limit``,
        ``workers``; ``size`` may be one number for a square.

    Raises
    ------
    UserError
        For what a person can mend, in one line.
    TypeError
        Naming an option that there is not.

    Examples
    --------
    >>> import unmask
    >>> report = unmask.build("demo", "out", seed=1, limit=5)
    >>> report.counts["ok"]
    5
    """
    options |= {"size": square_or_size(options.get("size"))}
    chosen = make_options(BuildOptions, source=source, out=out, **options)
    if shards is not None:
        from unmask.datagen.exchange.shard_build import build_shards
        from unmask.datagen.exchange.shard_options import ShardOptions

        return build_shards(ShardOptions(chosen, shards), progress)
    return build_dataset(chosen, progress)


@naming_packages()
def adopt(
    source: str | Path,
    out: str | Path,
    *,
    progress: Callable[[int, int, int], None] | None = None,
    **options: Any,
) -> "AdoptReport":
    """Make a dataset of somebody else's pairs as ``unmask-data adopt`` does; the same call again resumes.

    Parameters
    ----------
    source : str or Path
        Folder with subfolders ``masked``, and ``clean``, ``map`` or both.
    out : str or Path
        Folder of the dataset.
    progress : callable, optional
        Called with source pictures done, in all, and done by an earlier run.
    **options
        By the names of `unmask.datagen.exchange.adopt_options.AdoptOptions`, such as ``clean``, ``split``.

    Raises
    ------
    UserError
        For what a person can mend, in one line.
    TypeError
        Naming an option that there is not.

    Examples
    --------
    >>> import unmask
    >>> report = unmask.build("demo", "out", seed=1, limit=3)
    >>> unmask.adopt("out", "mine", clean="out/clean").counts["ok"]
    3
    """
    from unmask.datagen.exchange.adopt import adopt as adopt_pairs
    from unmask.datagen.exchange.adopt_options import AdoptOptions

    return adopt_pairs(make_options(AdoptOptions, source=source, out=out, **options), progress)


@naming_packages()
def export_dataset(
    data: str | Path,
    format: str,  # noqa: A002 - what the command calls it
    dest: str | Path,
    *,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> "ExportReport":
    """Write a dataset in the layout of another tool as ``unmask-data export`` does; the same call again resumes.

    Parameters
    ----------
    data : str or Path
        Dataset of `build` or `adopt`.
    format : str
        ``coco``, ``yolo``, ``mmseg``, ``pix2pix``, ``lmdb``, ``webdataset``, ``hf`` or ``parquet``.
    dest : str or Path
        Folder that is made.
    progress : callable, optional
        Called with triplets done and in all.
    **options
        By the names of `unmask.datagen.exchange.options.ExportOptions`, such as ``split``, ``limit``, ``classes``.

    Raises
    ------
    UserError
        For what a person can mend, in one line.
    TypeError
        Naming an option that there is not.

    Examples
    --------
    >>> import unmask
    >>> report = unmask.build("demo", "out", seed=1, limit=5)
    >>> unmask.export_dataset("out", "yolo", "yolo", classes="mask").classes
    ('mask',)
    """
    from unmask.datagen.exchange.export import export
    from unmask.datagen.exchange.options import ExportOptions

    return export(make_options(ExportOptions, data=data, format=format, dest=dest, **options), progress)
