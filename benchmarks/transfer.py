"""Does variety transfer? Map Modules of equal size and budget, trained on different recipes, on real photographs.

    python benchmarks/transfer.py --source CELEBA --real REAL --out DIR [--images 5300] [--batch-size 16]
        [--seeds 1 2] [--test-pictures 200]
        [--only default homogeneous] [--against wild] [--preset compact --bare-share 0]

REAL holds `images/` and `maps/` of photographs of people who wear masks, with equal names. Each line trains one
Map Module with the shipped command for every seed; all are judged by `unmask-eval` on the photographs
as they are, and on pictures of the test split with masks of families that none has seen. With several seeds a
picture's score is the mean over them, and what each of them gives on the photographs is printed behind the line:
how far two trainings of one recipe lie apart is in no interval. Differences to the line named by `--against`,
which comes first, are paired, on the same photographs. DIR keeps runs and reports: the same command again goes on.
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

from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.model.metrics.intervals import bootstrap_mean, paired_difference

UNSEEN = "duckbill,cloth_pleated,gaiter,kn95"  # none of them in `homogeneous` either
COMMANDS = Path(sys.executable).parent


def pinned(*pins: str) -> list[str]:
    """Flags that pin recipe values."""
    return [word for pin in pins for word in ("--set", pin)]


HOLD_OUT = ["--holdout-families", UNSEEN]
# The prints of `default`: those of `wild` that are no pictures in full colour, as it weighs them, too.
PLAIN_PRINTS = ", ".join(f"{kind} = {weight}" for kind, weight in load_recipe_config().textures.items())
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
    # What came with `pretrained`, part by part.
    "wild without colour jitter": ("wild", [*HOLD_OUT, "--no-colour-jitter"]),
    "wild without pictures as prints": ("wild", [*HOLD_OUT, *pinned(f"texture.kinds={{{PLAIN_PRINTS}}}")]),
    "wild without straps": ("wild", [*HOLD_OUT, *pinned("losses.straps=0")]),
    "wild without bare faces": ("wild", [*HOLD_OUT, "--bare-share", "0"]),
    "wild with occluders": ("wild", [*HOLD_OUT, "--occluders"]),
    "wild without solid parts": ("wild", [*HOLD_OUT, *pinned("solid.thickness=0", "solid.dyed=0")]),
    "wild without turned heads": ("wild", [*HOLD_OUT, *pinned("jitter.turn=0")]),
    "wild, trained encoder": ("wild", [*HOLD_OUT, *pinned("network.name=thawed")]),
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
    bare = [] if options.bare_share is None else ["--bare-share", str(options.bare_share)]
    run(
        "unmask-train", "map", str(folder), "--online", options.source, "--images", str(options.images),
        "--batch-size", str(options.batch_size), "--preset", options.preset, "--recipe", recipe,
        "--jitter", *bare, *flags, "--workers", "1", "--seed", str(seed), "--precision", options.precision,
        "--val-pictures", "64", "--val-every", str(options.images),
    )  # fmt: skip
    return folder


def scores(folder: Path, name: str, *data: str) -> "pd.Series[float]":
    """IoU of every picture, by key."""
    report = folder / f"report-{name}"
    run(
        "unmask-eval", *data, "--map", str(folder / "last"), "--out", str(report),
        "--no-features", "--no-identity",
    )  # fmt: skip
    table = pd.read_csv(report / "metrics.csv", dtype={"key": str})
    return table.set_index("key")["map_iou"]


def line(name: str, scored: Sequence[Scores], bases: Sequence[Scores] | None) -> str:
    """One line of the table.

    Parameters
    ----------
    name : str
    scored, bases : sequences of float64 (n, seeds)
        Scores on the unseen families and on the photographs: of this line, and of the one that it is held
        against (None for itself).
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
    """Print a line for each recipe: IoU on unseen families, on photographs, and the differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", required=True, help="aligned CelebA folder with its partition file")
    parser.add_argument("--real", required=True, type=Path, help="folder with images/ and maps/")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--images", type=int, default=5300)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--test-pictures", type=int, default=500, help="with masks of unseen families")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--preset", default="pretrained")
    parser.add_argument("--bare-share", type=float, help="the preset's by default")
    parser.add_argument("--only", nargs="*", help="names of lines, such as: default 'default without light'")
    parser.add_argument("--against", default="default", help="the line that the others are held against")
    options = parser.parse_args()
    names = dict.fromkeys([options.against, *(options.only or LINES)])
    if unknown := names.keys() - LINES.keys():
        parser.error(f"no line {sorted(unknown)[0]!r}; lines: {', '.join(LINES)}")
    test = options.out / "unseen"
    run(
        "unmask-data", "build", options.source, str(test), "--split", "test", "--limit", str(options.test_pictures),
        "--size", "128", "--seed", "9", "--families", UNSEEN,
    )  # fmt: skip
    # The drawn ones as a plain folder: without clean pictures there are no baselines to be made.
    drawn = ("drawn", str(test / "masked"), "--maps", str(test / "map"))
    sets = (drawn, ("photographs", str(options.real)))
    heads = ("unseen families", "against the first", "photographs", "against the first", "each seed")
    print(" " * 34 + "".join(f"{head:26s}" for head in heads), flush=True)
    bases = None
    for name in names:
        folders = [train(name, seed, options) for seed in options.seeds]
        scored = [
            pd.concat([scores(folder, *data) for folder in folders], axis=1).to_numpy(np.float64)
            for data in sets
        ]
        print(line(name, scored, bases), flush=True)
        bases = scored if bases is None else bases


if __name__ == "__main__":
    main()
