"""A made-up evaluation: scores like those of a real one, drawn by code, with everything that a report can hold."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pandas as pd

from unmask.datagen.drawn_faces.attributes import ATTRIBUTE_NAMES
from unmask.datagen.drawn_faces.demo import draw_demo_face
from unmask.model.report.page import EvalReport, Gallery, GalleryRow

SYSTEMS = {  # name, mean PSNR in the mask
    "edit": ("Editing Module, true maps", 20.1),
    "pipe": ("both modules, predicted maps", 19.5),
    "nothing": ("do nothing", 8.6),
    "nearest": ("nearest pixel", 14.4),
    "telea": ("Telea fill", 14.9),
    "mean_face": ("mean face", 15.8),
}
SCORES = ("psnr", "ssim", "l1", "perceptual", "identity")
MASK_SCORES = ("mask_psnr", "mask_ssim", "mask_l1", "mask_perceptual")
MAP_SCORES = ("iou", "dice", "precision", "recall", "boundary_f", "area_error", "abs_area_error")
RARE = {
    "Bald": 0.02,
    "Mustache": 0.04,
    "Wearing_Hat": 0.05,
    "Goatee": 0.06,
    "Blurry": 0.01,
    "Gray_Hair": 0.04,
}
COMMON = {"Male": 0.4, "Young": 0.77, "No_Beard": 0.83, "Smiling": 0.48, "Attractive": 0.5}
HARD = {"Wearing_Hat": -1.4, "Eyeglasses": -0.5, "Male": -0.3, "No_Beard": 0.4, "Goatee": -1.1}
SMALL = 30


def draw_table(pictures: int, systems: tuple[str, ...], *, with_map: bool, seed: int = 0) -> pd.DataFrame:
    """metrics.csv of made-up pictures."""
    rng = np.random.default_rng(seed)
    coverage = np.clip(rng.normal(0.118, 0.039, pictures), 0.02, 0.3).round(5)
    attributes = {name: rng.random(pictures) < (RARE | COMMON).get(name, 0.2) for name in ATTRIBUTE_NAMES}
    ease = sum((HARD[name] * attributes[name] for name in HARD), start=rng.normal(0, 2.2, pictures))
    columns: dict[str, Any] = {
        "key": [f"{182638 + i}_00" for i in range(pictures)],
        "source": "celeba",
        "split": "test",
        "identity": rng.integers(0, 900, pictures).astype(str),
        "family": rng.choice(["gaiter", "n95_cup", "duckbill", "cloth_pleated"], pictures),
        "worn": rng.choice(
            ["proper", "chin", "nose_out", "too_small"], pictures, p=[0.7, 0.15, 0.145, 0.005]
        ),
        "coverage": coverage,
        "yaw": rng.normal(0, 15, pictures).round(2),
    }
    for system in systems:
        columns |= _system_columns(system, ease, coverage, rng)
    if with_map:
        for prefix, mean in (("map", 0.966), ("map_raw", 0.957)):
            iou = np.clip(mean + 0.004 * ease + rng.normal(0, 0.01, pictures), 0, 1)
            columns |= {
                f"{prefix}_{name}": np.minimum(iou + 0.01 * i, 1) for i, name in enumerate(MAP_SCORES[:5])
            }
            columns[f"{prefix}_area_error"] = rng.normal(-0.004, 0.02, pictures)
            columns[f"{prefix}_abs_area_error"] = np.abs(columns[f"{prefix}_area_error"])
    columns |= {f"attr_{name}": value.astype(int) for name, value in attributes.items()}
    return pd.DataFrame(columns)


def _system_columns(
    system: str, ease: np.ndarray, coverage: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    mask_psnr = SYSTEMS[system][1] + ease + rng.normal(0, 0.6, len(ease))
    psnr = mask_psnr - 10 * np.log10(coverage)
    share = 10 ** (-mask_psnr / 20)
    found = {
        "psnr": psnr,
        "ssim": 1 - 0.9 * share * coverage / 0.118 * 0.3,
        "l1": 120 * share * coverage,
        "perceptual": share * coverage,
        "identity": 0.2 + 2.2 * share,
        "mask_psnr": mask_psnr,
        "mask_ssim": 1 - 2.4 * share,
        "mask_l1": 120 * share,
        "mask_perceptual": share,
    }
    if system in ("edit", "pipe"):
        found |= {f"raw_{name}": found[name] - 0.02 for name in ("psnr", "ssim", "mask_psnr", "mask_ssim")}
    return {f"{system}_{name}": value for name, value in found.items()}


def _mean(values: np.ndarray) -> dict[str, float]:
    half = 1.96 * float(np.std(values)) / max(len(values), 1) ** 0.5
    mean = float(np.mean(values))
    return {"mean": mean, "low": mean - half, "high": mean + half, "n": len(values)}


def draw_breakdown(table: pd.DataFrame, metrics: tuple[str, ...]) -> pd.DataFrame:
    """breakdown.csv of a table, with p-values from a normal approximation that stands uncorrected."""
    groups = [("attribute", name.removeprefix("attr_")) for name in table if name.startswith("attr_")]
    groups += [("family", "family"), ("worn", "worn"), ("coverage", "coverage")]
    lines: list[dict[str, Any]] = []
    for metric in metrics:
        for kind, name in groups:
            lines += _kind_lines(table, metric, kind, name)
    frame = pd.DataFrame(lines)
    worse = np.where(frame["metric"].str.contains("error"), frame["gap"] > 0, frame["gap"] < 0)
    large = frame[~frame["small"] & (frame["rest_n"] >= SMALL) & worse]
    frame.loc[large.groupby(["metric", "kind"])["gap"].idxmin(), "worst"] = True
    return frame


def _kind_lines(table: pd.DataFrame, metric: str, kind: str, name: str) -> list[dict[str, Any]]:
    column = table[f"attr_{name}"].map({0: "no", 1: "yes"}) if kind == "attribute" else table[name]
    if kind == "coverage":
        column = pd.qcut(column, min(4, len(table))).map(lambda cut: f"{cut.left:.3f} to {cut.right:.3f}")
    values = table[metric].to_numpy()
    found = []
    for group in sorted(column.unique()):
        inside = (column == group).to_numpy()
        if inside.all():
            continue
        mean, rest = _mean(values[inside]), _mean(values[~inside])
        gap = mean["mean"] - rest["mean"]
        z = abs(gap) / max(np.hypot(mean["high"] - mean["mean"], rest["high"] - rest["mean"]) / 1.96, 1e-9)
        p = float(np.exp(-0.5 * z * z))
        small = mean["n"] < SMALL
        found.append(
            {"metric": metric, "kind": kind, "name": name, "group": group, **mean}
            | {"rest_n": rest["n"], "rest_mean": rest["mean"], "gap": gap, "p": p, "p_adjusted": p}
            | {"significant": p < 0.05 and not small, "small": small, "worst": False}
        )
    return found


def draw_summary(
    table: pd.DataFrame, breakdown: pd.DataFrame, systems: tuple[str, ...], *, with_map: bool
) -> dict[str, Any]:
    """summary.json of a table."""
    numbers = [name for name in table if name.startswith((*(f"{s}_" for s in systems), "map_"))]
    model = {"network": "compact", "preset": "fidelity", "sha256": "a1b2c3d4" * 8, "images": 64960}
    models = {"map": {"path": "runs/map", **model}} if with_map else {}
    models |= {"edit": {"path": "runs/edit", **model}} if "edit" in systems else {}
    told = breakdown[breakdown["metric"] == breakdown["metric"].iloc[0]]
    worst = told[told["significant"] & (told["rest_n"] >= SMALL) & (told["gap"] < 0)].nsmallest(8, "gap")
    return {
        "toolkit": "0.2.0",
        "command": "unmask-eval test128 --map runs/map --edit runs/edit --out report",
        "data": {
            "folder": "test128",
            "kind": "dataset",
            "fingerprint": "5f" * 16,
            "pictures": len(table),
            "clusters": table["identity"].nunique(),
            "clustered_by": "people",
            "left_out": {"no_face": 7},
            "split": "test",
            "coverage_mean": float(table["coverage"].mean()),
            "sizes": {"128x128": len(table)},
        },
        "settings": {
            "ssim": "gaussian window 11 px, sigma 1.5, data range 255, mean over RGB",
            "psnr": "mean of per-picture values on uint8 pictures",
            "boundary_tolerance_px": 2,
            "paste": "map grown by 2 px, feathered over 2 px",
            "bootstrap": {"draws": 2000, "level": 0.95, "seed": 0},
            "device": "cpu",
            "precision": "fp32",
            "versions": {"torch": "2.6.0", "numpy": "2.2.0"},
        },
        "models": models,
        "systems": [{"id": system, "name": SYSTEMS[system][0]} for system in systems],
        "means": {name: _mean(table[name].to_numpy()) for name in numbers},
        "kid": {
            system: {
                "whole": {"mean": 0.0012 * (24 - SYSTEMS[system][1]), "sd": 0.0004},
                "mask": {"mean": 0.006 * (24 - SYSTEMS[system][1]), "sd": 0.001},
            }
            for system in systems
        },
        "identity": {
            "genuine_median": 0.5,
            "impostor_median": 0.86,
            "impostor_p1": 0.64,
            "genuine_pairs": 900,
            "impostor_pairs": 5000,
        },
        "attributes": _changes([s for s in ("edit", "pipe") if s in systems], len(table)),
        "worst": worst[["metric", "kind", "name", "group", "n", "mean", "gap", "p_adjusted"]].to_dict(
            "records"
        ),
        "notes": [
            "7 pictures have no face and were left out.",
            "The Map Module was trained on other mask families.",
        ],
    }


def _changes(systems: list[str], pictures: int) -> dict[str, Any] | None:
    if not systems:
        return None
    rng = np.random.default_rng(5)

    def shares(scale: float) -> dict[str, Any]:
        return {
            name: {"lost": scale * rng.random() ** 3, "gained": scale * rng.random() ** 3}
            | {"n": pictures, "yes": pictures // 5}
            for name in ATTRIBUTE_NAMES
        }

    accuracy = {
        name: {"accuracy": 0.85 + 0.14 * rng.random(), "balanced": 0.7 + 0.2 * rng.random(), "n": pictures}
        for name in ATTRIBUTE_NAMES
    }
    trained = {"trained_on": "CelebA, validation split", "pictures": 2000, "accuracy": accuracy}
    return {"classifier": trained, "changes": {system: shares(0.3) for system in systems}}


def draw_galleries(rows: int, *, with_map: bool, with_edit: bool) -> tuple[Gallery, ...]:
    """Best, middling and worst pictures of both modules, on drawn faces."""
    columns = {
        "map": ("masked", "true map", "found map", "after cleaning"),
        "edit": ("masked", "found map", "restored, true map", "restored, found map", "raw output", "clean"),
    }
    galleries = []
    for module in [name for name, there in (("edit", with_edit), ("map", with_map)) if there]:
        for offset, title in enumerate(("Best", "Median", "Worst")):
            cases = tuple(_draw_case(columns[module], offset * rows + i) for i in range(rows))
            what = f"{rows} pictures by PSNR in the mask." if module == "edit" else f"{rows} pictures by IoU."
            galleries.append(Gallery(module, title, what, columns[module], cases))
    return tuple(galleries)


def _draw_case(columns: tuple[str, ...], index: int) -> GalleryRow:
    clean = draw_demo_face(index % 4).image_rgb
    map_ = np.zeros(clean.shape[:2], np.uint8)
    cv2.ellipse(map_, (89, 155), (40, 28 + index % 7), 0, 0, 360, 255, -1)
    blurred = cv2.GaussianBlur(clean, (0, 0), 4)
    masked = np.where(map_[..., None] > 0, np.uint8([200, 210, 230]), clean).astype(np.uint8)
    restored = np.where(map_[..., None] > 0, blurred, clean).astype(np.uint8)
    pictures = {"masked": masked, "clean": clean, "raw output": blurred}
    maps = dict.fromkeys(("true map", "found map", "after cleaning"), map_)
    images = tuple((maps | pictures).get(column, restored) for column in columns)
    return GalleryRow(
        f"{182638 + index}_00", f"PSNR in the mask {19.5 - index:.2f} dB, coverage 11.8 %", images
    )


def draw_comparison() -> dict[str, Any]:
    """Our scores beside another report's."""
    rows = [("pipe_psnr", 28.6, 28.1, 0.4, 0.6), ("pipe_mask_perceptual", 0.11, 0.13, -0.03, -0.01)]
    rows += [("map_iou", 0.966, 0.9655, -0.001, 0.002)]
    names = ("metric", "ours", "theirs", "low", "high")
    lines = [dict(zip(names, row, strict=True)) for row in rows]
    return {
        "other": "report-of-last-week",
        "pictures": 1970,
        "verdict": "better in 2 of 3 scores, worse in 0, no difference shown in 1 (1,970 pictures of 900 people)",
        "rows": [
            line | {"difference": line["ours"] - line["theirs"], "p": 0.0004, "verdict": verdict}
            for line, verdict in zip(lines, ("better", "better", "no difference shown"), strict=True)
        ],
    }


def draw_examples(*, with_edit: bool) -> Gallery:
    """Six pictures from the best to the worst."""
    columns = ("masked", "restored", "clean") if with_edit else ("masked", "found map", "true map")
    ranks = ["best", *(f"better than {share} %" for share in (80, 60, 40, 20)), "worst"]
    rows = [
        replace(_draw_case(columns, i), caption=f"{25 - 2 * i}.0 dB\n{rank}") for i, rank in enumerate(ranks)
    ]
    module = "edit" if with_edit else "map"
    return Gallery(module, "From the best to the worst", "By PSNR in the mask.", columns, tuple(rows))


def made_report(
    pictures: int = 200,
    *,
    with_map: bool = True,
    with_edit: bool = True,
    gallery_rows: int = 2,
    compared: bool = True,
) -> EvalReport:
    """Everything a page is drawn from; without one module it is what an evaluation of the other leaves."""
    systems = tuple(name for name in SYSTEMS if with_edit and (with_map or name != "pipe"))
    table = draw_table(pictures, systems, with_map=with_map)
    metrics = (
        "pipe_mask_psnr",
        "pipe_psnr",
        "edit_mask_psnr",
        "pipe_mask_ssim",
        "map_iou",
        "map_abs_area_error",
    )
    breakdown = draw_breakdown(table, tuple(name for name in metrics if name in table))
    summary = draw_summary(table, breakdown, systems, with_map=with_map)
    galleries = draw_galleries(gallery_rows, with_map=with_map, with_edit=with_edit)
    examples = draw_examples(with_edit=with_edit)
    return EvalReport(summary, table, breakdown, galleries, draw_comparison() if compared else None, examples)
