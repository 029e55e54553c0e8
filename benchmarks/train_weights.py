"""Train weights by a plan: Map Module, then Editing Modules; export, evaluate, write the model card's table.

    python benchmarks/train_weights.py benchmarks/weights/two_cores.toml CELEBA OUT --hours 8

or `make weights SOURCE=CELEBA HOURS=8`. The same command goes on, over any number of starts and after any end; what
is finished is not done again. A plan is a TOML file with a table for each training, in their order:

    [all]              flags of every training, as in a file for `unmask-train --config`
    [fidelity]         a training's name; its own flags, and
    module = "edit"        map or edit
    init_from = "..."      also the name of an earlier training, whose exported weights are meant; so is map
    export = "last"        which checkpoint is exported; best by default
    average = ["..."]      earlier trainings (or weights) whose mean with it is exported
    [evaluation]       pictures that judge: split, size, limit, families, seed; identity, features of its report

OUT has a folder for each training, weights/, test/ (what judges), a report for each Editing Module, and card.md.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unmask.cli import data as data_cli
from unmask.cli import eval as eval_cli
from unmask.cli import train as train_cli
from unmask.cli.train_config import read_config
from unmask.datagen.common.atomic import write_atomic
from unmask.datagen.common.errors import UserError
from unmask.model.checkpoints.shipped import find_weights
from unmask.model.training.options import EditOptions, MapOptions

OWN_KEYS = ("module", "export", "average")
NOT_IN_PLAN = ("run", "online", "data", "landmarks", "config")
KINDS = {"map": MapOptions, "edit": EditOptions}
EVALUATION = {"split": "test", "size": 128, "limit": None, "families": None, "seed": 1,
              "identity": True, "features": True}  # fmt: skip
SCORES = ("psnr", "ssim", "mask_psnr", "mask_perceptual", "identity")
HEADINGS = (
    "PSNR, composited",
    "SSIM",
    "PSNR in the mask",
    "perceptual in the mask",
    "identity",
    "KID of the mask crop x 1000",
)
INTERRUPTED = (130, 143)

Table = dict[str, Any]


class Chain:
    """A plan at work in OUT.

    Parameters
    ----------
    plan : mapping
        From `read_plan`.
    source, landmarks : str, Path or None
    out : Path
    """

    def __init__(self, plan: Mapping[str, Table], source: str, landmarks: Path | None, out: Path) -> None:
        self.trainings = {name: table for name, table in plan.items() if name != "evaluation"}
        self.evaluation = {**EVALUATION, **plan.get("evaluation", {})}
        self.source, self.out = source, out
        self.points = ["--landmarks", str(landmarks)] if landmarks else []

    def weights(self, name: str) -> Path:
        """Where a training's weights are exported to."""
        return self.out / "weights" / f"{name}.safetensors"

    def steps(self) -> Iterator[tuple[str, Callable[[], int]]]:
        """Everything that is to be done, in order: words and what does it and returns an exit code."""
        for name in self.trainings:
            yield f"training {name}", lambda name=name: self.train(name)
        yield "pictures that judge", self.build
        for name in self.judged():
            yield f"evaluation of {name}", lambda name=name: self.evaluate(name)

    def train(self, name: str) -> int:
        """Train, or go on, or see that it is done; then export."""
        table = self.trainings[name]
        config = self.out / f"{name}.toml"
        write_atomic(config, self.config(name).encode())
        done_path, run = self.out / f"{name}.done.json", self.out / name
        used = {other: card_of(self.weights(other))["sha256"] for other in self.uses(name)}
        before = json.loads(done_path.read_text()) if done_path.is_file() and run.is_dir() else {}
        began_with = {**used, **before.get("used", {})}
        for other in sorted(one for one in used if used[one] != began_with[one]):
            print(f"note: {name} began with other weights of {other}; remove {run} to train it anew")
        done = {"plan": table, "source": self.source, "used": began_with}
        if before == done and self.weights(name).is_file():
            print(f"{name}: done before")
            return 0
        code = call(
            train_cli.main,
            [table["module"], str(run), "--config", str(config), "--online", self.source, *self.points],
        )
        if code:
            return code
        others = [
            str(self.weights(one)) if one in self.trainings else one for one in table.get("average", [])
        ]
        means = [word for one in others for word in ("--average", one)]
        checkpoint = run / table.get("export", "best")
        code = call(train_cli.main, ["export", str(checkpoint), str(self.weights(name)), *means])
        if not code:
            write_atomic(done_path, (json.dumps(done, indent=2) + "\n").encode())
        return code

    def uses(self, name: str) -> list[str]:
        """Earlier trainings whose weights a training needs."""
        table = self.trainings[name]
        named = [table.get("init_from"), table.get("map"), *table.get("average", [])]
        return [other for other in self.trainings if other in named and other != name]

    def config(self, name: str) -> str:
        """A file for ``unmask-train --config``."""
        table = {key: value for key, value in self.trainings[name].items() if key not in OWN_KEYS}
        for key in ("init_from", "map"):
            if table.get(key) in self.trainings:
                table[key] = str(self.weights(table[key]))
        flat = [f"{key} = {json.dumps(value)}" for key, value in table.items() if not isinstance(value, dict)]
        for key, value in table.items():
            if isinstance(value, dict):
                flat += ["", f"[{key}]", *(f"{one} = {json.dumps(each)}" for one, each in value.items())]
        return "\n".join(flat) + "\n"

    def build(self) -> int:
        """Make the pictures that judge; what is there is kept."""
        asked = self.evaluation
        words = [word for key in ("split", "size", "limit", "seed") if asked[key] is not None
                 for word in (f"--{key}", str(asked[key]))]  # fmt: skip
        families = ["--families", ",".join(asked["families"])] if asked["families"] else []
        return call(
            data_cli.main, ["build", self.source, str(self.out / "test"), *words, *families, *self.points]
        )

    def editing_modules(self) -> list[str]:
        """Trainings that give an Editing Module."""
        return [name for name, table in self.trainings.items() if table["module"] == "edit"]

    def map_module(self) -> str | None:
        """The last Map Module of the plan."""
        return next(
            (name for name, table in reversed(self.trainings.items()) if table["module"] == "map"), None
        )

    def judged(self) -> list[str]:
        """Trainings that get a report: Editing Modules; without one, the last Map Module."""
        last = self.map_module()
        return self.editing_modules() or ([last] if last is not None else [])

    def evaluate(self, name: str) -> int:
        """Judge an Editing Module, with the plan's Map Module beside it, or that alone."""
        report = self.out / f"report-{name}"
        modules = {"map": self.map_module(), **({"edit": name} if name in self.editing_modules() else {})}
        files = {kind: self.weights(one) for kind, one in modules.items() if one is not None}
        words = [word for kind, path in files.items() for word in (f"--{kind}", str(path))]
        words += [f"--no-{part}" for part in ("identity", "features") if not self.evaluation[part]]
        summary = report / "summary.json"
        if summary.is_file():
            was = {kind: one["sha256"] for kind, one in json.loads(summary.read_text())["models"].items()}
            if was != {kind: card_of(path)["sha256"] for kind, path in files.items()}:
                words += ["--existing", "overwrite"]
        return call(eval_cli.main, [str(self.out / "test"), "--split", "all", "--out", str(report), *words])

    def card(self) -> str:
        """The model card's tables, in Markdown."""
        lines = ["| weights | network | pictures seen | hours | seed | sha256 |", "|---|---|---|---|---|---|"]
        for name, table in self.trainings.items():
            card, last = card_of(self.weights(name)), card_of(self.out / name / "last" / "model.safetensors")
            hours = f"{last['seconds'] / 3600:.1f}"
            words = (name, f"{table['module']} {card['network']['name']}", f"{last['images']:,}", hours,
                     str(table.get("seed", 0)), card["sha256"][:8])  # fmt: skip
            lines.append(f"| {' | '.join(words)} |")
        rows: dict[str, list[str]] = {}
        for name in self.judged():
            path = self.out / f"report-{name}" / "summary.json"
            if path.is_file():
                rows |= score_rows(name, json.loads(path.read_text()))
        lines += ["", f"| | {' | '.join(HEADINGS)} |", f"|---|{'---|' * len(HEADINGS)}"]
        lines += [f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items()]
        return "\n".join(lines) + "\n"


def call(command: Callable[[list[str]], int], arguments: list[str]) -> int:
    """Run a command of the toolkit in this process; reports say by what command they were made."""
    own, sys.argv = sys.argv, [command.__module__, *arguments]
    try:
        return command(arguments)
    finally:
        sys.argv = own


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


def card_of(weights: Path) -> Table:
    """What stands beside weights."""
    return dict(json.loads(weights.with_suffix(".json").read_text()))


def read_plan(path: Path) -> dict[str, Table]:
    """Read a plan; UserError naming the table and key that is wrong, before any work."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from error
    shared, plan = tables.pop("all", {}), {}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise UserError(f"{path}: {name}: not a table")
        if name == "evaluation":
            unknown = sorted(table.keys() - EVALUATION.keys())
        else:
            if table.get("module") not in KINDS:
                raise UserError(f"{path}: [{name}]: module = {table.get('module')!r}: map or edit is needed")
            table = {**shared, **table}
            unknown = sorted(table.keys() & set(NOT_IN_PLAN))
        if unknown:
            raise UserError(f"{path}: [{name}]: {unknown[0]}: not for a plan")
        plan[name] = table
    if not plan.keys() - {"evaluation"}:
        raise UserError(f"{path}: no table of a training")
    return plan


def check_flags(chain: Chain) -> None:
    """Read every training's flags as ``unmask-train`` will; UserError naming the first that is wrong."""
    before: list[str] = []
    for name, table in chain.trainings.items():
        for other in (table.get("init_from"), table.get("map"), *table.get("average", [])):
            if other in chain.trainings and other not in before:
                raise UserError(f"[{name}]: {other} is trained later")
            if other is not None and other not in before and not find_weights(other).exists():
                raise UserError(
                    f"[{name}]: {other}: no training of the plan, no weights that come along, no file"
                )
        before.append(name)
        path = chain.out / f"{name}.toml"
        write_atomic(path, chain.config(name).encode())
        kind = KINDS[table["module"]]
        kind(run=chain.out / name, online=chain.source, **read_config(path, kind)).load_preset()


@contextmanager
def ended_after(hours: float | None) -> Iterator[None]:
    """Send this process a SIGINT when the hours are over: a training then writes a checkpoint and ends."""
    if hours is None:
        yield
        return
    timer = threading.Timer(3600 * hours, os.kill, (os.getpid(), signal.SIGINT))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def main(arguments: list[str] | None = None) -> int:
    """Do what is left of a plan and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("plan", type=Path, metavar="PLAN")
    parser.add_argument("source", metavar="SOURCE", help="CelebA folder, also a packed one, or: demo")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--hours", type=float, help="stop after so many; the same command goes on")
    parser.add_argument(
        "--landmarks", type=Path, metavar="FILE", help="of a packed source: its landmarks.csv"
    )
    given = parser.parse_args(arguments)
    began = time.monotonic()
    try:
        chain = Chain(read_plan(given.plan), given.source, given.landmarks, given.out.absolute())
        chain.out.mkdir(parents=True, exist_ok=True)
        check_flags(chain)
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for words, step in chain.steps():
        left = None if given.hours is None else given.hours - (time.monotonic() - began) / 3600
        code = 130
        if left is None or left > 0:
            print(f"== {words}", flush=True)
            try:
                with ended_after(left):
                    code = step()
            except KeyboardInterrupt:  # between two commands
                code = 130
        if code in INTERRUPTED and given.hours is not None and time.monotonic() - began >= 3600 * given.hours:
            print(f"{given.hours:g} hours are over ({words}); the same command goes on")
            return 0
        if code:
            return code
    write_atomic(chain.out / "card.md", chain.card().encode())
    print(chain.card(), end="")
    print(f"weights: {chain.out / 'weights'}   table: {chain.out / 'card.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
