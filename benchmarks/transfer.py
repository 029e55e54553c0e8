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
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from realism import WITHOUT

from unmask.model.metrics.intervals import bootstrap_mean, paired_difference

UNSEEN = "duckbill,cloth_pleated,gaiter,kn95"  # none of them in `homogeneous` either
TEST_PICTURES = 500
COMMANDS = Path(sys.executable).parent


def pinned(*pins: str) -> list[str]:
    """Flags that pin recipe values."""
    return [word for pin in pins for word in ("--set", pin)]


HOLD_OUT = ["--holdout-families", UNSEEN]
# Recipe and flags. `homogeneous` names its templates, none of the unseen families: nothing to hold out. Its
# faces are aligned, as the earlier project's were; "jittered" tells what that alone is worth.
LINES = {
    "default": ("default", HOLD_OUT),
    "wild": ("wild", HOLD_OUT),
    "homogeneous": ("homogeneous", []),
    "homogeneous, jittered": (
        "homogeneous",
        pinned("jitter.scale=[0.65,2.0]", "jitter.roll=[-25,25]", "jitter.shift=[-0.12,0.12]"),
    ),
    "default without jitter": (
        "default",
        [*HOLD_OUT, *pinned("jitter.scale=1.0", "jitter.roll=0", "jitter.shift=0")],
    ),
    "default, three families": ("default", [*HOLD_OUT, "--families", "surgical,cloth,n95_cup"]),
    **{f"default without {name}": ("default", [*HOLD_OUT, *pinned(*pins)]) for name, pins in WITHOUT.items()},
}
Scores = NDArray[np.float64]


def run(*words: str) -> None:
    """Run one of unmask's commands."""
    command = [str(COMMANDS / words[0]), *words[1:]]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own commands


def train(name: str, seed: int, options: argparse.Namespace) -> Path:
    """Train a Map Module; one that is finished is left as it is."""
    folder: Path = options.out / f"{name.replace(',', '').replace(' ', '_')}-{seed}"
    recipe, flags = LINES[name]
    run(
        "unmask-train", "map", str(folder), "--online", options.source, "--images", str(options.images),
        "--recipe", recipe, *flags, "--jitter", "--bare-share", "0", "--workers", "1", "--seed", str(seed),
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


def line(name: str, scored: Sequence[Scores], bases: Sequence[Scores] | None) -> str:
    """One recipe's line.

    Parameters
    ----------
    name : str
    scored, bases : sequences of float64 (n, seeds)
        Scores on the unseen families and on the photographs: of this recipe, and of `default` (None for itself).
    """
    parts = []
    for number, scores in enumerate(scored):
        mean = bootstrap_mean(scores.mean(axis=1))
        parts.append(f"{mean.mean:.3f} [{mean.low:.3f}, {mean.high:.3f}]")
        if bases is None:
            parts.append(" " * 23)
        else:
            gap = paired_difference(scores.mean(axis=1), bases[number].mean(axis=1))
            parts.append(f"{gap.mean:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]")
    parts.append(" ".join(f"{mean:.3f}" for mean in scored[-1].mean(axis=0)))
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
    test = options.out / "unseen"
    run(
        "unmask-data", "build", options.source, str(test), "--split", "test", "--limit", str(TEST_PICTURES),
        "--size", "128", "--seed", "9", "--families", UNSEEN,
    )  # fmt: skip
    heads = (
        f"{'unseen families':23s}{'against default':26s}{'photographs':23s}{'against default':26s}each seed"
    )
    print(" " * 34 + heads, flush=True)
    bases = None
    for name in LINES:
        if options.only and name not in options.only:
            continue
        folders = [train(name, seed, options) for seed in options.seeds]
        scored = [
            pd.concat([scores(folder, data) for folder in folders], axis=1).to_numpy(np.float64)
            for data in (test, options.real)
        ]
        print(line(name, scored, bases), flush=True)
        bases = scored if name == "default" else bases


if __name__ == "__main__":
    main()
