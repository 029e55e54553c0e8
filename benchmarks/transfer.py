"""Does variety transfer? Map Modules of equal size and budget, trained on different recipes, on real photographs.

    python benchmarks/transfer.py --source CELEBA --real REAL --out DIR [--images 9600] [--seeds 1 2]
        [--only default homogeneous]

REAL holds `images/` and `maps/` of photographs of people who wear masks, with equal names. Each recipe trains one
`compact` Map Module with the shipped command for every seed; all are judged by `unmask-eval` on the photographs
as they are, and on 500 pictures of the test split with masks of families that none has seen. With several seeds a
picture's score is the mean over them, and what each of them gives on the photographs is printed behind the line:
how far two trainings of one recipe lie apart is in no interval. Differences to `default` are paired, on the same
photographs. DIR keeps runs and reports: the same command again goes on.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from realism import WITHOUT

from unmask.model.intervals import bootstrap_mean, paired_difference

UNSEEN = "duckbill,cloth_pleated,gaiter,kn95"  # none of them in `homogeneous` either
TEST_PICTURES = 500
COMMANDS = Path(sys.executable).parent
Scores = NDArray[np.float64]


def run(*words: str) -> None:
    """Run one of unmask's commands."""
    command = [str(COMMANDS / words[0]), *words[1:]]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own commands


def train(name: str, recipe: str, pins: list[str], seed: int, options: argparse.Namespace) -> Path:
    """Train a Map Module; one that is finished is left as it is."""
    folder: Path = options.out / f"{name.replace(' ', '_')}-{seed}"
    flags = [word for pin in pins for word in ("--set", pin)]
    # `homogeneous` names its templates, none of those families, so there is nothing to hold out.
    flags += [] if recipe == "homogeneous" else ["--holdout-families", UNSEEN]
    run(
        "unmask-train", "map", str(folder), "--online", options.source, "--images", str(options.images),
        "--recipe", recipe, *flags, "--jitter", "--workers", "1", "--seed", str(seed),
        "--precision", options.precision, "--val-pictures", "64", "--val-every", str(options.images),
    )  # fmt: skip
    return folder


def scores(folder: Path, data: Path) -> "pd.Series[float]":
    """IoU of every picture, by key."""
    report = folder / f"report-{data.name}"
    run(
        "unmask-eval",
        str(data),
        "--map",
        str(folder / "last"),
        "--out",
        str(report),
        "--no-features",
        "--no-identity",
    )
    table = pd.read_csv(report / "metrics.csv", dtype={"key": str})
    return table.set_index("key")["map_iou"]


def line(name: str, unseen: Scores, real: Scores, base: Scores | None) -> str:
    """One recipe's line; scores have a row for each picture and a column for each seed."""
    parts = []
    for scored in (unseen, real):
        mean = bootstrap_mean(scored.mean(axis=1))
        parts.append(f"{mean.mean:.3f} [{mean.low:.3f}, {mean.high:.3f}]")
    if base is None:
        parts.append(" " * 23)
    else:
        gap = paired_difference(real.mean(axis=1), base.mean(axis=1))
        parts.append(f"{gap.mean:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]")
    parts.append(" ".join(f"{mean:.3f}" for mean in real.mean(axis=0)))
    return f"{name:34s}" + "   ".join(parts)


def main() -> None:
    """Print a line for each recipe: IoU on unseen families, on photographs, difference to default there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", required=True, help="aligned CelebA folder with its partition file")
    parser.add_argument("--real", required=True, type=Path, help="folder with images/ and maps/")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--images", type=int, default=9600)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--only", nargs="*", help="names of lines, such as: default 'default without light'")
    options = parser.parse_args()
    lines = {name: (name, list[str]()) for name in ("default", "wild", "homogeneous")}
    lines |= {f"default without {name}": ("default", pins) for name, pins in WITHOUT.items()}
    test = options.out / "unseen"
    run(
        "unmask-data", "build", options.source, str(test), "--split", "test", "--limit", str(TEST_PICTURES),
        "--size", "128", "--seed", "9", "--families", UNSEEN,
    )  # fmt: skip
    print(f"{'':34s}{'unseen families':23s}{'photographs':23s}{'against default':26s}each seed", flush=True)
    base = None
    for name, (recipe, pins) in lines.items():
        if options.only and name not in options.only:
            continue
        folders = [train(name, recipe, pins, seed, options) for seed in options.seeds]
        unseen, real = (
            pd.concat([scores(folder, data) for folder in folders], axis=1).to_numpy(np.float64)
            for data in (test, options.real)
        )
        print(line(name, unseen, real, base), flush=True)
        base = real if name == "default" else base


if __name__ == "__main__":
    main()
