"""The content of ``stats.json``: every measure under its name, rounded, in plain values."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.dataset.manifest_row import ManifestRow
from unmask.datagen.pictures.arrays import F64

from . import tables, variety
from .colour import (
    CHROMA_EDGES,
    COLOUR_GROUPS,
    HUE_EDGES,
    LIGHTNESS_EDGES,
    cell_name,
    colour_group,
    count_colours,
    fill_fabric_cells,
)
from .pictures import CLOTH_UNITS, GRID, PictureFeatures

PAIRED = 2000  # pictures that are compared each with each: memory and time grow with the square
VENDI_SIZES = (25, 50, 100, 200, 500)
NEAREST = 8
COVERAGE_EDGES = np.linspace(0, 0.4, 21)
_LISTED = 20


def describe_pictures(
    features: Sequence[PictureFeatures], order: NDArray[np.int64]
) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Measure what pixels alone can tell.

    Parameters
    ----------
    features : sequence of PictureFeatures
        At least one.
    order : NDArray[np.int64]
        A random order of them; its first 2,000 are compared each with each.

    Returns
    -------
    tuple of int
        The indices that were compared, in their order.
    dict
        The sections coverage, position, colour, variety, duplicates, nearest and empty of the report.
    """
    paired = tuple(int(i) for i in order[:PAIRED])
    lab = np.array([item.cloth[:3] for item in features], np.float64)
    colour, empty = _describe_colour(lab)
    overlap, nearest = _describe_variety([features[i] for i in paired])
    return paired, {
        "coverage": _describe_coverage(features),
        "position": _describe_position(features),
        "colour": colour,
        "variety": overlap,
        "duplicates": _describe_duplicates(features),
        "nearest": nearest,
        "empty": {"fabric colours": empty},
    }


def _describe_coverage(features: Sequence[PictureFeatures]) -> dict[str, Any]:
    shares = np.array([item.coverage for item in features])
    low, middle, high = np.percentile(shares, [5, 50, 95])
    return {
        "mean": _short(shares.mean()),
        "sd": _short(shares.std()),
        "p5": _short(low),
        "median": _short(middle),
        "p95": _short(high),
        "edges": _listed(COVERAGE_EDGES),
        "histogram": np.histogram(np.minimum(shares, COVERAGE_EDGES[-1]), COVERAGE_EDGES)[0].tolist(),
    }


def _describe_position(features: Sequence[PictureFeatures]) -> dict[str, Any]:
    """Mean and standard deviation of the map's place and size, as shares of the picture's sides."""
    columns = {
        "centre_x": [item.centre[0] for item in features],
        "centre_y": [item.centre[1] for item in features],
        "width": [item.extent[0] for item in features],
        "height": [item.extent[1] for item in features],
    }
    return {name: {"mean": _short(np.mean(v)), "sd": _short(np.std(v))} for name, v in columns.items()}


def _describe_colour(lab: F64) -> tuple[dict[str, Any], list[str]]:
    counts = count_colours(lab)
    fill = fill_fabric_cells(lab)
    groups = Counter(colour_group(colour) for colour in lab)
    sections: dict[str, Any] = {
        "groups": {name: groups[name] for name in COLOUR_GROUPS},
        "neutral_share": _short(counts.neutral / len(lab)),
    }
    for name, histogram, edges in (
        ("hue", counts.hue, HUE_EDGES),
        ("lightness", counts.lightness, LIGHTNESS_EDGES),
        ("chroma", counts.chroma, CHROMA_EDGES),
    ):
        sections[name] = {
            "entropy_bits": _short(variety.entropy_bits(histogram)),
            "entropy_max_bits": _short(np.log2(len(histogram))),
            "edges": _listed(edges),
            "histogram": histogram.tolist(),
        }
    sections["fabric_cells"] = {
        "share_filled": _short(fill.share),
        "filled": sum(count > 0 for count in fill.counts.values()),
        "cells": len(fill.counts),
        "pictures_outside": fill.outside,
        "counts": [{"cell": list(cell), "pictures": count} for cell, count in fill.counts.items()],
    }
    return sections, [cell_name(cell) for cell, count in fill.counts.items() if not count]


def _describe_variety(features: Sequence[PictureFeatures]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    grids = np.stack([item.grid for item in features])
    maps = variety.iou_matrix(grids.reshape(len(grids), -1))
    cloth = variety.cloth_kernel(np.stack([item.cloth for item in features]), CLOTH_UNITS)
    both = maps * cloth  # the product of two positive semi-definite kernels is one again (Schur)
    shifted = variety.centred(grids)
    found = {
        "map_grid": list(GRID),
        "map_iou": _pair_mean(variety.mean_pairwise(maps)),
        "map_iou_centred": _pair_mean(
            variety.mean_pairwise(variety.iou_matrix(shifted.reshape(len(shifted), -1)))
        ),
        "appearance_similarity": _pair_mean(variety.mean_pairwise(cloth)),
        "vendi_maps": _vendi(maps),
        "vendi_appearance": _vendi(cloth),
        "vendi_both": _vendi(both),
    }
    away = variety.nearest_distances(both)
    if len(away):
        low, middle = np.percentile(away, [5, 50])
        found["nearest_distance"] = {"p5": _short(low), "median": _short(middle)}
    nearest = [
        {
            "pictures": [features[i].pair.name, features[j].pair.name],
            "distance": _short(1 - both[i, j]),
            "map_iou": _short(maps[i, j]),
            "appearance": _short(cloth[i, j]),
            "same_map": features[i].map_digest == features[j].map_digest,
        }
        for i, j in variety.nearest_pairs(both, NEAREST)
    ]
    return found, nearest


def _vendi(similarity: NDArray[np.floating]) -> dict[str, Any]:
    by_size = {
        str(size): _short(score) for size, score in variety.vendi_by_size(similarity, VENDI_SIZES).items()
    }
    size, score = list(by_size.items())[-1]
    return {"n": int(size), "score": score, "by_n": by_size}


def _pair_mean(found: variety.PairMean | None) -> dict[str, Any] | None:
    if found is None:
        return None
    error = None if found.standard_error is None else _short(found.standard_error)
    return {"mean": _short(found.mean), "standard_error": error, "pairs": found.pairs}


def _describe_duplicates(features: Sequence[PictureFeatures]) -> dict[str, Any]:
    """Groups of pictures whose maps, or whose masked pictures, are the same to the pixel."""
    return {
        "map": _equal((item.map_digest, item.pair.name) for item in features),
        "masked": _equal((item.masked_digest, item.pair.name) for item in features),
    }


def _equal(items: Iterable[tuple[bytes, str]]) -> dict[str, Any]:
    groups: dict[bytes, list[str]] = {}
    for digest, name in items:
        groups.setdefault(digest, []).append(name)
    same = sorted((names for names in groups.values() if len(names) > 1), key=lambda n: (-len(n), n))
    return {
        "pictures": sum(len(names) for names in same),
        "groups": len(same),
        "names": [names[:_LISTED] for names in same[:_LISTED]],
    }


def describe_manifest(
    build: Mapping[str, Any], rows: Sequence[ManifestRow], attribute_names: Sequence[str]
) -> dict[str, Any]:
    """Measure what only a manifest tells: the sections counts, pose, attributes and empty of the report."""
    counts = tables.count_rows(rows, build)
    worn = tables.cross_count(rows, counts, "family", "worn")
    texture = tables.cross_count(rows, counts, "family", "texture")
    pose = tables.pose_grid(rows)
    known, attributes = tables.attribute_table(rows, attribute_names, counts["family"])
    totals = {name: sum(line.values()) for name, line in attributes.items()}
    report: dict[str, Any] = {
        "counts": {"rows": len(rows), **counts},
        "family_worn": worn,
        "family_texture": texture,
        "pose": {
            "yaw": tables.interval_names(tables.YAW_EDGES),
            "pitch": tables.interval_names(tables.PITCH_EDGES),
            "grid": pose.tolist(),
        },
        "attributes": {
            "known": known,
            "share": {name: _short(total / max(known, 1)) for name, total in totals.items()},
            "by_family": attributes,
        },
        "empty": {
            "family + worn": tables.empty_cells(worn),
            "family + texture": tables.empty_cells(texture),
            "yaw x pitch": tables.empty_poses(pose) if pose.any() else [],
        },
    }
    report["empty"]["attribute + family"] = tables.empty_cells(attributes) if known else []
    return report


def _short(value: float | np.floating) -> float:
    """Four decimals: enough for every measure here, and above what differs between machines."""
    return round(float(value), 4) + 0.0


def _listed(edges: F64) -> list[float]:
    return [round(float(edge), 4) for edge in edges]
