"""From finished passes to the report's files: the table, its means and groups, and the page."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.dataset.manifest_row import ATTRIBUTE_PREFIX
from unmask.datagen.pictures.arrays import F32
from unmask.model.common.environment import package_versions
from unmask.model.inference.pasting import DILATE_PX, FEATHER_PX
from unmask.model.inference.photo import OK
from unmask.model.inference.torch_modules import TrainedModule
from unmask.model.metrics.intervals import DRAWS, LEVEL, bootstrap_means
from unmask.model.metrics.kid import kid
from unmask.model.metrics.metrics import BOUNDARY_TOLERANCE_PX
from unmask.model.metrics.table import score_of
from unmask.model.report.page import EvalReport, draw_report

from .attributes import AttributeProbe
from .breakdown import Metric, break_down, breakdown_csv, worst_groups
from .clusters import Clusters, find_clusters
from .evaluate import IDENTITY, SCORES, Bar, Evaluation, read_parts
from .feature_scores import ANSWERED, ANSWERS, CLEAN, CROP_FEATURES, SHIFTED, WHOLE_FEATURES, FeatureMeter
from .folder import BREAKDOWN, METRICS, PAGE, SUMMARY
from .gallery import draw_galleries
from .groups import cross, make_groupings
from .identity import identity_scale
from .identity_scores import DESCRIPTORS
from .items import NUMBER_TAGS, TAGS
from .pipeline import describe_pipeline
from .systems import EDIT, FALSE_ALARM, MAP, PIPE, SYSTEM_NAMES

Arrays = Mapping[str, NDArray[np.generic]]
_LOG = logging.getLogger(__name__)
_SEED = 0
_BROKEN_DOWN = {
    MAP: ("pipeline_iou", "iou", "boundary_f", "false_alarm"),
    PIPE: ("mask_psnr", "mask_ssim", "psnr", "ssim", "mask_perceptual", "mask_lpips", "identity"),
    EDIT: ("mask_psnr", "mask_ssim", "psnr", "ssim", "mask_perceptual", "mask_lpips", "identity"),
}


@dataclass(frozen=True, eq=False)
class Passes:
    """What the finished passes left: the table of ``metrics.csv``, and arrays by name.

    Attributes
    ----------
    table : DataFrame
        A row for every picture.
    scored : DataFrame
        Those that could be judged.
    arrays : mapping of str to array
    descriptors : float32 (n, 128) or None
    described : tuple of str
        Keys of the descriptors' pictures.
    """

    table: pd.DataFrame
    scored: pd.DataFrame
    arrays: Arrays
    descriptors: F32 | None
    described: tuple[str, ...]


def tag_columns(attribute_names: Sequence[str], extra: Sequence[str] = ()) -> list[str]:
    """Columns of ``metrics.csv`` that say what a picture is, in order."""
    attributes = [ATTRIBUTE_PREFIX + name for name in attribute_names]
    return [
        "key",
        "status",
        "reason",
        *TAGS,
        *NUMBER_TAGS,
        "lightness",
        "width",
        "height",
        *extra,
        *attributes,
    ]


def collect(evaluation: Evaluation) -> Passes:
    """Join the parts of the passes."""
    rows, arrays = read_parts(evaluation, SCORES)
    table = pd.DataFrame(rows)
    descriptors: F32 | None = None
    described: tuple[str, ...] = ()
    if evaluation.options.identity and evaluation.folder.has_part(IDENTITY, 0):
        more, found = read_parts(evaluation, IDENTITY)
        if DESCRIPTORS in found:
            descriptors = np.asarray(found[DESCRIPTORS], np.float32)
            described = tuple(str(row["key"]) for row in more)
            table = table.merge(pd.DataFrame(more), on="key", how="left")
    items = evaluation.pictures.items
    known = set(tag_columns(evaluation.pictures.attribute_names))
    extra = [name for name in items[0].tags if name not in known]
    tags = tag_columns(evaluation.pictures.attribute_names, extra)
    tags = [name for name in tags if name in table.columns]
    scores = [name for name in table.columns if name not in set(tags)]
    table[tags] = table[tags].fillna("").astype(str)
    table[scores] = table[scores].astype(float)
    table = table[[*tags, *scores]]
    if "reason" not in table:
        return Passes(table, table, arrays, descriptors, described)
    scored = table["reason"] == ""
    table.loc[scored & (table["status"] == ""), "status"] = OK
    if not scored.any():
        folder, reason = evaluation.pictures.folder, table["reason"].iloc[0]
        raise ArgumentError("data", f"{folder}: no picture can be used; first: {reason}")
    good = table[scored].drop(columns="reason").reset_index(drop=True)
    return Passes(table, good, arrays, descriptors, described)


def score_columns(table: pd.DataFrame) -> list[str]:
    """Columns of a table of metrics that hold scores."""
    return [name for name in table.columns if table[name].dtype == np.float64]


def write_report(
    evaluation: Evaluation,
    probe: AttributeProbe | None,
    command: str,
    comparison: Mapping[str, Any] | None,
    bar: Bar,
) -> dict[str, Any]:
    """Write ``metrics.csv``, ``breakdown.csv``, ``summary.json`` and ``report.html``; returns the summary."""
    passes = collect(evaluation)
    table, folder = passes.scored, evaluation.folder
    groupings = [*make_groupings(table), *(cross(table, names) for names in evaluation.options.by)]
    metrics = _metrics(table)
    clusters = find_clusters(table)
    _LOG.info("intervals and groups of %d pictures", len(table))
    breakdown = break_down(table, metrics, groupings, clusters.codes, seed=_SEED)
    summary = _summary(evaluation, passes, clusters, probe, command)
    summary["worst"] = worst_groups(breakdown)
    summary["comparison"] = comparison
    folder.write(METRICS, passes.table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    folder.write(BREAKDOWN, breakdown_csv(breakdown))
    folder.write(SUMMARY, json.dumps(plain(summary), indent=2) + "\n")
    with bar("pictures of the page") as progress:
        examples, galleries = draw_galleries(evaluation, passes.table, progress)
    page = draw_report(EvalReport(summary, table, breakdown, galleries, comparison, examples))
    folder.write(PAGE, page)
    return summary


def _metrics(table: pd.DataFrame) -> list[Metric]:
    found = []
    for system, names in _BROKEN_DOWN.items():
        for name in names:
            column = f"{system}_{name}"
            if column in table and table[column].notna().any():
                found.append(Metric(column, score_of(name).sign > 0))
    return found


def _summary(
    evaluation: Evaluation, passes: Passes, clusters: Clusters, probe: AttributeProbe | None, command: str
) -> dict[str, Any]:
    table, pictures, options = passes.scored, evaluation.pictures, evaluation.options
    failed = passes.table[passes.table["reason"] != ""] if "reason" in passes.table else table[:0]
    columns = score_columns(table)
    found = bootstrap_means(table[columns].to_numpy(np.float64), clusters.codes, seed=_SEED)
    means = {column: asdict(mean) for column, mean in zip(columns, found, strict=True)}
    pipeline = describe_pipeline(table, clusters, options)
    if pipeline is not None and FALSE_ALARM in means:
        means[FALSE_ALARM] = pipeline[
            "taken_off"
        ]  # a share: its interval has a width where there is no alarm
    systems = [name for name in SYSTEM_NAMES if f"{name}_psnr" in table.columns]
    sizes = (table["width"] + "x" + table["height"]).value_counts()
    coverage = (
        pd.to_numeric(table["coverage"], errors="coerce") if "coverage" in table else pd.Series([np.nan])
    )
    return {
        "toolkit": version("unmask"),
        "command": command,
        "data": {
            "folder": pictures.folder.name,
            "kind": pictures.kind,
            "fingerprint": pictures.fingerprint,
            "pictures": len(table),
            "clusters": clusters.count,
            "clustered_by": clusters.words,
            "left_out": dict(pictures.left_out),
            "failed": {str(status): int(n) for status, n in failed["status"].value_counts().items()}
            if len(failed)
            else {},
            "split": pictures.split,
            "coverage_mean": float(coverage.mean()),
            "sizes": {str(size): int(count) for size, count in sizes.items()},
        },
        "settings": _settings(evaluation),
        "models": {
            name: _model(module)
            for name, module in ((MAP, evaluation.systems.map_module), (EDIT, evaluation.systems.edit_module))
            if module is not None
        },
        "systems": [{"id": name, "name": SYSTEM_NAMES[name]} for name in systems],
        "means": means,
        "pipeline": pipeline,
        "kid": _kid(passes.arrays, systems) if options.features else {},
        "identity": _identity_scale(passes),
        "attributes": _changes(passes, clusters, systems, probe),
        "notes": [*evaluation.notes, *_failure_notes(failed)],
    }


def _failure_notes(failed: pd.DataFrame) -> list[str]:
    if failed.empty:
        return []
    count = "1 picture is" if len(failed) == 1 else f"{len(failed)} pictures are"
    first = f"{failed['key'].iloc[0]} ({failed['reason'].iloc[0]})"
    return [f"{count} not scored, first {first}; the others' reasons are in {METRICS}"]


def _settings(evaluation: Evaluation) -> dict[str, Any]:
    options = evaluation.options
    module = evaluation.systems.edit_module or evaluation.systems.map_module
    return {
        "psnr": "mean of the pictures' own values; uint8 pictures, data range 255, at most 100 dB",
        "ssim": "Gaussian window of 11 px, sigma 1.5, population covariance, RGB, data range 255; no border",
        "in the mask": "pixels with true coverage of at least 128; SSIM: mean of the whole picture's map there",
        "boundary_tolerance_px": BOUNDARY_TOLERANCE_PX,
        "paste": f"map grown by {DILATE_PX} px and every pixel covered at all, faded over {FEATHER_PX} px",
        "network": f"shorter side {module.side} px; maps: mean with the mirror image" if module else "",
        "size": "as the pictures are" if options.size is None else f"cropped and scaled to {options.size}",
        "bootstrap": {"draws": DRAWS, "level": LEVEL, "seed": _SEED},
        "batch size": options.batch_size,
        "device": str(module.device) if module is not None else "",
        **judges_of(evaluation.meter),
        "precision": "bf16" if module is not None and module.bf16 else "fp32",
        "versions": package_versions(),
    }


def judges_of(meter: FeatureMeter | None) -> dict[str, str]:
    """Return which network each distance is measured in, as the settings have it; KID is of the first one's."""
    if meter is None:
        return {}
    return {"perceptual": meter.network.name} | ({"lpips": meter.lpips.name} if meter.lpips else {})


def _model(module: TrainedModule) -> dict[str, Any]:
    card = module.card
    network = card.get("network", {})
    return {
        "path": card.get("path", ""),
        "network": network.get("name", ""),
        "preset": card.get("preset", ""),
        "sha256": card.get("sha256", ""),
        "images": card.get("images"),
        "size": card.get("size"),
    }


def _kid(arrays: Arrays, systems: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, prefix in (("whole", WHOLE_FEATURES), ("mask", CROP_FEATURES)):
        clean = arrays.get(f"{prefix}_{CLEAN}")
        for system in systems:
            ours = arrays.get(f"{prefix}_{system}")
            if clean is None or ours is None or len(ours) != len(clean) or len(clean) < 2:
                continue
            estimate = kid(ours.astype(np.float32), clean.astype(np.float32), _SEED, paired=True)
            found.setdefault(system, {})[name] = {"mean": estimate.mean, "sd": estimate.sd}
    return found


def _identity_scale(passes: Passes) -> dict[str, Any] | None:
    if passes.descriptors is None or "identity" not in passes.table:
        return None
    who = dict(zip(passes.table["key"], passes.table["identity"], strict=True))
    scale = identity_scale(passes.descriptors, [who[key] for key in passes.described], _SEED)
    return None if scale is None else asdict(scale)


def _changes(
    passes: Passes, clusters: Clusters, systems: Sequence[str], probe: AttributeProbe | None
) -> dict[str, Any] | None:
    arrays = passes.arrays
    clean, keys = arrays.get(f"{ANSWERS}_{CLEAN}"), arrays.get(ANSWERED)
    if probe is None or clean is None:
        return None
    codes = None
    if keys is not None and len(keys) == len(clean):  # parts of an older version name no pictures
        code_of = dict(zip(passes.scored["key"], clusters.codes.tolist(), strict=True))
        codes = np.array([code_of[str(key)] for key in keys], np.intp)
    # A mean face is missing where pictures are of several sizes: there are no pairs then.
    shown = [name for name in (*systems, SHIFTED) if len(arrays.get(f"{ANSWERS}_{name}", ())) == len(clean)]
    return {
        "classifier": probe.describe(),
        "changes": {
            name: probe.changes(clean.astype(np.bool_), arrays[f"{ANSWERS}_{name}"].astype(np.bool_), codes)
            for name in shown
        },
    }


def plain(value: Any) -> Any:
    """Return what JSON can hold of a summary: it has no NaN, null stands for it."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
