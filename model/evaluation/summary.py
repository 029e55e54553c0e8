"""What an evaluation comes to: means with intervals, settings, models, distances between sets of pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from unmask.model.common.environment import package_versions
from unmask.model.inference.pasting import DILATE_PX, FEATHER_PX
from unmask.model.inference.torch_modules import TrainedModule
from unmask.model.metrics.intervals import DRAWS, LEVEL, bootstrap_means
from unmask.model.metrics.kid import kid
from unmask.model.metrics.metrics import BOUNDARY_TOLERANCE_PX
from unmask.model.metrics.table import score_of

from .attributes import AttributeProbe
from .clusters import Clusters
from .evaluate import Evaluation
from .feature_scores import ANSWERED, ANSWERS, CLEAN, CROP_FEATURES, SHIFTED, WHOLE_FEATURES, FeatureMeter
from .folder import METRICS
from .identity import identity_scale
from .passes import Arrays, Passes, score_columns
from .pipeline import describe_pipeline
from .systems import EDIT, FALSE_ALARM, MAP, SYSTEM_NAMES

SEED = 0  # of everything that is drawn for the report: intervals, KID, pairs of pictures


def summarise(
    evaluation: Evaluation, passes: Passes, clusters: Clusters, probe: AttributeProbe | None, command: str
) -> dict[str, Any]:
    """Return the content of ``summary.json``, but for what the groups and another report add to it.

    Parameters
    ----------
    evaluation : Evaluation
    passes : Passes
    clusters : Clusters
        Of the pictures that were scored.
    probe : AttributeProbe or None
        Where changes of attributes were looked for.
    command : str
        That was given.
    """
    table, pictures, options = passes.scored, evaluation.pictures, evaluation.options
    failed = passes.table[passes.table["reason"] != ""] if "reason" in passes.table else table[:0]
    columns = score_columns(table)
    limits = np.array([score_of(column).limits for column in columns]).T
    found = bootstrap_means(table[columns].to_numpy(np.float64), clusters.codes, seed=SEED, limits=limits)
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
        "bootstrap": {"draws": DRAWS, "level": LEVEL, "seed": SEED},
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
            estimate = kid(ours.astype(np.float32), clean.astype(np.float32), SEED, paired=True)
            found.setdefault(system, {})[name] = {"mean": estimate.mean, "sd": estimate.sd}
    return found


def _identity_scale(passes: Passes) -> dict[str, Any] | None:
    if passes.descriptors is None or "identity" not in passes.table:
        return None
    who = dict(zip(passes.table["key"], passes.table["identity"], strict=True))
    scale = identity_scale(passes.descriptors, [who[key] for key in passes.described], SEED)
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
