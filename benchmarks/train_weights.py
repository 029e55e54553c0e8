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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from weights_card import card_of, model_card, weights_file
from weights_plan import EVALUATION, KINDS, Table, read_plan

from unmask.cli import data as data_cli
from unmask.cli import eval as eval_cli
from unmask.cli import train as train_cli
from unmask.cli.train_config import read_config
from unmask.datagen.common.atomic import write_atomic
from unmask.datagen.common.errors import UserError
from unmask.model.checkpoints.shipped import find_weights

OWN_KEYS = ("module", "export", "average")
INTERRUPTED = (130, 143)


class Chain:
    """A plan at work in OUT.

    Parameters
    ----------
    plan : mapping
        From `weights_plan.read_plan`.
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
        return weights_file(self.out, name)

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


def call(command: Callable[[list[str]], int], arguments: list[str]) -> int:
    """Run a command of the toolkit in this process; reports say by what command they were made."""
    own, sys.argv = sys.argv, [command.__module__, *arguments]
    try:
        return command(arguments)
    finally:
        sys.argv = own


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
    card = model_card(chain.trainings, chain.judged(), chain.out)
    write_atomic(chain.out / "card.md", card.encode())
    print(card, end="")
    print(f"weights: {chain.out / 'weights'}   table: {chain.out / 'card.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
