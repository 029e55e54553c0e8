"""Manifest rows of triplets, and of pictures that get none."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.inside import Inside
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.render.triplet import Triplet
from unmask.datagen.sources.source import SourceFace

from .manifest_row import ManifestRow


def empty_row(face: SourceFace, sha256: str, variant: int, status: str, reason: str) -> ManifestRow:
    """Return a row that says what is known before a mask is made: all there is for a variant that fails."""
    return ManifestRow(
        key=f"{face.stem}_{variant:02d}",
        source=face.name,
        source_sha256=sha256,
        variant=variant,
        split=face.split,
        identity=face.identity,
        status=status,
        reason=reason,
        attributes=face.attributes,
    )


def make_row(
    face: SourceFace, sha256: str, variant: int, triplet: Triplet, found: Sequence[Landmarks]
) -> ManifestRow:
    """Return the row of a triplet, with empty paths."""
    summary = triplet.summary
    height, width = triplet.map.shape
    return replace(
        empty_row(face, sha256, variant, "ok", ""),
        width=width,
        height=height,
        faces=summary.faces,
        template=summary.template,
        family=summary.family,
        worn=summary.worn,
        colour=summary.colour,
        texture=summary.texture,
        coverage=summary.coverage,
        lower_face_coverage=summary.lower_face_coverage,
        yaw=summary.yaw,
        pitch=summary.pitch,
        roll=summary.roll,
        landmark_source=found[0].source,
        support=summary.support_box,
        recipe=triplet.recipe_json,
    )


def layers_file(key: str) -> str:
    """Return where a row has body, straps and shadow, as red, green and blue; relative to the dataset."""
    return f"layers/{key}.png"


def row_files(row: ManifestRow, *, layers: bool) -> list[str]:
    """Return the files of a row, relative to the dataset."""
    names = [name for name in (row.masked, row.map, row.clean) if name]
    return [*names, layers_file(row.key)] if layers and row.status == "ok" else names


def stray_path(row: ManifestRow, inside: Inside) -> str:
    """Return the first path of a row, or its key, that leads out of the dataset; "" where none does."""
    names = (*row_files(row, layers=False), layers_file(row.key))
    return next((name for name in names if not inside.holds(name)), row.key if "/" in row.key else "")


def check_paths(row: ManifestRow, inside: Inside, table: Path) -> None:
    """Raise UserError, naming the table, the row and the path, where a file of a row is outside the dataset."""
    stray = stray_path(row, inside)
    if stray:
        raise UserError(f"{table}: row {row.key}: {stray!r} is no file inside {inside.folder}")
