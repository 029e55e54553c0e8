"""The tables of a model card, in Markdown: what was trained, and how it was judged."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from weights_plan import Table

SCORES = ("psnr", "ssim", "mask_psnr", "mask_perceptual", "identity")
HEADINGS = (
    "PSNR, composited",
    "SSIM",
    "PSNR in the mask",
    "perceptual in the mask",
    "identity",
    "KID of the mask crop x 1000",
)


def weights_file(out: Path, name: str) -> Path:
    """Where a training's weights are exported to."""
    return out / "weights" / f"{name}.safetensors"


def card_of(weights: Path) -> Table:
    """What stands beside weights."""
    return dict(json.loads(weights.with_suffix(".json").read_text()))


def model_card(trainings: Mapping[str, Table], judged: Iterable[str], out: Path) -> str:
    """Return the tables: a row for each training, and one for each system of the reports on the ``judged``."""
    lines = ["| weights | network | pictures seen | hours | seed | sha256 |", "|---|---|---|---|---|---|"]
    for name, table in trainings.items():
        card, last = card_of(weights_file(out, name)), card_of(out / name / "last" / "model.safetensors")
        hours = f"{last['seconds'] / 3600:.1f}"
        words = (name, f"{table['module']} {card['network']['name']}", f"{last['images']:,}", hours,
                 str(table.get("seed", 0)), card["sha256"][:8])  # fmt: skip
        lines.append(f"| {' | '.join(words)} |")
    rows: dict[str, list[str]] = {}
    for name in judged:
        path = out / f"report-{name}" / "summary.json"
        if path.is_file():
            rows |= score_rows(name, json.loads(path.read_text()))
    lines += ["", f"| | {' | '.join(HEADINGS)} |", f"|---|{'---|' * len(HEADINGS)}"]
    lines += [f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items()]
    return "\n".join(lines) + "\n"


def score_rows(name: str, summary: Table) -> dict[str, list[str]]:
    """A row for each system of a report: module's own ones by its name, floors by theirs."""
    rows = {}
    for system in summary["systems"]:
        known = {"edit": f"`{name}`, true maps", "pipe": f"`{name}`, predicted maps"}
        cells = []
        for score in SCORES:
            found = summary["means"].get(f"{system['id']}_{score}")
            cells.append(
                "-"
                if found is None or found["mean"] is None
                else f"{found['mean']:.{2 if 'psnr' in score else 3}f}"
            )
        kid = summary["kid"].get(system["id"], {}).get("mask")
        rows[known.get(system["id"], system["name"])] = [
            *cells,
            "-" if kid is None else f"{1000 * kid['mean']:.1f}",
        ]
    if "map_iou" in summary["means"]:
        iou = f"IoU {summary['means']['map_iou']['mean']:.3f}"
        rows["Map Module"] = [iou, *["-"] * (len(HEADINGS) - 1)]
    return rows
