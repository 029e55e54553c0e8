"""The commands that `kill_moments` disturbs, how they are started, and what of their results must be equal."""

import csv
import hashlib
import io
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import util
from pathlib import Path
from typing import NoReturn

DATA = "data"  # the dataset that is judged and restored
CLOCKS = {"seconds", "images_per_s"}
TABLES = {"log.csv", "run.csv"}
LOOK_EVERY_S = 0.02
ENDS_IN_S = 600  # a machine may have much else to do
TRAINING = (
    "--online demo --size 64 --batch-size 8 --images 64 --workers 0 --device cpu --precision fp32 --limit 16 "
    "--val-pictures 4 --val-every 32 --sample-every 32 --checkpoint-minutes 0.01"
)


@dataclass(frozen=True)
class Job:
    """A command that is disturbed.

    Attributes
    ----------
    module : str
        Of `unmask.cli`.
    arguments : str
        OUT stands for the folder of its results.
    kept : tuple of str
        Patterns of the files that must be equal.
    with_workers : str
        What makes it work in processes of its own as well, "" where nothing does.
    """

    module: str
    arguments: str
    kept: tuple[str, ...]
    with_workers: str = ""

    def words(self, out: str, *, workers: bool = False) -> tuple[str, ...]:
        """Return the arguments for one folder of results."""
        more = self.with_workers.split() if workers else []
        return tuple(out if word == "OUT" else word for word in [*self.arguments.split(), *more])


WEIGHTS = ("*/model.safetensors", "log.csv", "samples/*.png")
JOBS = {
    "build": Job(
        "data",
        "build demo OUT --limit 10 --variants 2 --size 96 --layers --workers 1",
        ("*/*.png", "*/*.jpg", "manifest.csv", "landmarks.csv"),
        "--workers 2",
    ),
    "map": Job("train", f"map OUT --preset compact {TRAINING}", WEIGHTS, "--workers 1"),
    "edit": Job("train", f"edit OUT --preset fidelity {TRAINING}", WEIGHTS, "--workers 1"),
    "eval": Job(
        "eval",
        f"../{DATA} --map compact --edit fidelity --split all --batch-size 1 --limit 4 --device cpu --out OUT "
        "--no-identity --no-features",
        ("metrics.csv", "breakdown.csv", "report.html"),
    ),
    "run": Job(
        "run",
        f"../{DATA}/masked --aligned --preset fidelity --limit 8 --device cpu --out OUT --side-by-side",
        ("*/*.png", "run.csv", "faces.csv"),
    ),
}


class Command:
    """A command in a process and session of its own, forked from this one, where its modules are loaded already."""

    def __init__(self, home: Path, job: Job, arguments: tuple[str, ...]) -> None:
        self._told = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the command
        self.returncode: int | None = None
        self.pid = os.fork()
        if not self.pid:
            self._become(home, job, arguments)

    def _become(self, home: Path, job: Job, arguments: tuple[str, ...]) -> NoReturn:
        code = 1
        try:
            os.setsid()  # its workers can be killed with it
            os.chdir(home)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(self._told.fileno(), 2)
            sys.argv = [job.module, *arguments]
            code = sys.modules[f"unmask.cli.{job.module}"].main()
        except BaseException:
            traceback.print_exc()
        finally:
            vars(util)["_exit_function"]()  # gives semaphores back, as at any program's end
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)  # nothing that the benchmark has left to do is done here

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end, or so long; whether it has ended."""
        last = time.monotonic() + timeout_s
        while self.returncode is None:
            found, status = os.waitpid(self.pid, os.WNOHANG)
            if found:
                self.returncode = os.waitstatus_to_exitcode(status)
            elif time.monotonic() >= last:
                return False
            else:
                time.sleep(LOOK_EVERY_S)
        return True

    def words(self) -> list[str]:
        """Wait for the end; lines that it wrote on stderr, one at least."""
        if not self.wait(ENDS_IN_S):
            self.kill()
            return [f"no end within {ENDS_IN_S} s"]
        self._told.seek(0)
        return self._told.read().strip().splitlines() or ["no word"]

    def refusal(self) -> tuple[bool, str]:
        """Wait for the end; whether it was refused in one line with exit code 2, and the last line."""
        lines = self.words()
        one = sum(line.startswith("error: ") for line in lines) == 1 and lines[-1].startswith("error: ")
        return self.returncode == 2 and one, lines[-1]

    def finish(self) -> None:
        """Wait for the end; RuntimeError with its last line where it failed."""
        words = self.words()
        if self.returncode:
            raise RuntimeError(f"exit code {self.returncode}: {words[-1]}")

    def kill(self) -> None:
        """Kill it with all its processes."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.wait(ENDS_IN_S)


def load_modules() -> None:
    """Load what the commands would load: most of the time of a small one, and nothing that is tried here."""
    for name in ("cli.data", "cli.train", "cli.eval", "cli.run", "model.training.train"):
        import_module(f"unmask.{name}")
    for name in ("model.evaluation.evaluate", "model.run.job"):
        import_module(f"unmask.{name}")


def make_data(work: Path) -> None:
    """Build the dataset that is judged and restored."""
    arguments = f"build demo {DATA} --limit 8 --size 64 --workers 1".split()
    Command(work, JOBS["build"], tuple(arguments)).finish()


def differences(expected: dict[str, str], now: dict[str, str]) -> list[str]:
    """Names of the files that are not the same."""
    return sorted(key for key in {*now, *expected} if now.get(key) != expected.get(key))


def contents(out: Path, job: Job) -> dict[str, str]:
    """Return hashes of the files that must be equal, by name, and the names of what is left of unfinished work."""
    found = {
        path.relative_to(out).as_posix(): hashlib.sha256(without_clock(path)).hexdigest()
        for pattern in job.kept
        for path in out.glob(pattern)
    }
    return found | {path.relative_to(out).as_posix(): "" for path in leftovers(out)}


def leftovers(out: Path) -> Iterator[Path]:
    """Files that only unfinished work has."""
    return (path for path in out.rglob("*.part") if path.is_file())


def without_clock(path: Path) -> bytes:
    """Return a file's bytes; of a table without the columns that a clock decides."""
    if path.name not in TABLES:
        return path.read_bytes()
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    return repr([{key: cell for key, cell in row.items() if key not in CLOCKS} for row in rows]).encode()
