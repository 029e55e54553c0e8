"""What a build says of itself: how far it is, what it made, and ``build.json``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .manifest_row import ManifestRow
from .plan import WorkPlan
from .tasks import ChunkResult


@dataclass(frozen=True)
class Progress:
    """How far a build is, in source pictures; ``resumed`` of the ``done`` ones come from an earlier run.

    ``stage_seconds`` is what the stages took so far, summed over workers.
    """

    done: int
    total: int
    resumed: int
    stage_seconds: Mapping[str, float] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class BuildReport:
    """What a build made.

    Attributes
    ----------
    out : Path
        The dataset.
    pictures, resumed : int
        Source pictures of this run, and how many of them an earlier run had finished.
    sources : int
        Source pictures that the manifest has rows of: earlier runs may have had others.
    counts : dict
        Rows of the manifest by status.
    timings : dict
        As in ``build.json``: seconds of this run, seconds by stage summed over workers, peak memory.
    notes : tuple of str
        What a person should know: the source's notes, and rows that are of earlier runs only.
    no_triplet : str
        Where there is no triplet at all: the first picture, and why it has none. Else "".
    """

    out: Path
    pictures: int
    resumed: int
    sources: int
    counts: dict[str, int]
    timings: dict[str, Any]
    notes: tuple[str, ...]
    no_triplet: str = ""


def note_beside(rows: int) -> list[str]:
    """Say how many rows of the manifest are of earlier runs only; [] where there are none."""
    return [f"{rows} row{'s'[: rows != 1]} of pictures not in this run"] if rows else []


def why_no_triplet(counts: Mapping[str, int], rows: Iterable[ManifestRow]) -> str:
    """Return why the first row has none, where none of them has; ``rows`` are looked at only then."""
    return "" if counts["ok"] else next((f"{row.source}: {row.reason}" for row in rows), "")


def describe_timings(
    seconds: float, made: int, resumed: int, workers: int, worked: ChunkResult
) -> dict[str, Any]:
    """Return what ``build.json`` says of the time that a run took."""
    return {
        "seconds": round(seconds, 3),
        "workers": workers,
        "pictures_resumed": resumed,
        "pictures_per_second": round(made / seconds, 2),
        "stage_seconds": {stage: round(value, 3) for stage, value in worked.seconds.items()},
        "peak_rss_mb": round(worked.peak_rss_mb, 1),
    }


def describe(plan: WorkPlan, status: str, counts: dict[str, int], timings: dict[str, Any]) -> dict[str, Any]:
    """Return the content of build.json; what may differ between equal datasets is in ``timings``."""
    source = plan.source
    summary = {
        "pictures": len(source.faces),
        "attribute_names": list(source.attribute_names),
        "notes": list(source.notes),
    }
    return {
        "status": status,
        **plan.identity,
        "source": plan.identity["source"] | summary,
        "selection": {"limit": plan.options.limit, "split": plan.options.split},
        "counts": counts,
        "timings": timings,
    }
