"""Kill commands at random moments, resume, compare bytes: ``python benchmarks/kill_moments.py [COMMAND ...]``.

Each command runs once undisturbed. Then, once for every moment, it runs into a new folder, is killed with all its
processes (SIGKILL) somewhere between the first file that it writes and its end, gets the same command again, and
must leave the same files. What a clock decides is left out: times in tables, and ``build.json``, ``summary.json``
and the like. Work is small: 24 drawn faces, 160 pictures of training.
"""

import argparse
import csv
import hashlib
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

DATA = "data"  # the dataset that is judged and restored
CLOCKS = {"seconds", "images_per_s"}
TABLES = {"log.csv", "run.csv"}
LOOK_EVERY_S = 0.02


@dataclass(frozen=True)
class Job:
    """A command that is killed.

    Attributes
    ----------
    program : str
    arguments : str
        OUT stands for the folder of its results.
    kept : tuple of str
        Patterns of the files that must be equal.
    """

    program: str
    arguments: str
    kept: tuple[str, ...]


JOBS = {
    "build": Job(
        "unmask-data",
        "build demo OUT --limit 24 --variants 2 --size 96 --layers --workers 2",
        ("*/*.png", "*/*.jpg", "manifest.csv", "landmarks.csv"),
    ),
    "train": Job(
        "unmask-train",
        "map OUT --online demo --preset compact --size 64 --batch-size 8 --images 160 --workers 0 --device cpu "
        "--precision fp32 --val-pictures 4 --val-every 40 --sample-every 80 --checkpoint-minutes 0.02",
        ("*/model.safetensors", "log.csv", "samples/*.png"),
    ),
    "eval": Job(
        "unmask-eval",
        "data --map shipped --edit fidelity --split all --batch-size 4 --limit 24 --device cpu --out OUT "
        "--no-identity --no-features",
        ("metrics.csv", "breakdown.csv", "report.html"),
    ),
    "run": Job(
        "unmask-run",
        "data/masked --aligned --preset fidelity --device cpu --out OUT --side-by-side",
        ("*/*.png", "run.csv", "faces.csv"),
    ),
}


def main() -> int:
    """Print a line for each command; exit code 1 where a file differs or a command fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("commands", nargs="*", default=list(JOBS), help="of build, train, eval, run")
    parser.add_argument("--moments", type=int, default=12, help="kills of each command (default: 12)")
    parser.add_argument("--seed", type=int, default=0, help="decides the moments")
    parser.add_argument("--work", type=Path, help="folder for the work; a temporary one by default")
    arguments = parser.parse_args()
    if unknown := set(arguments.commands) - set(JOBS):
        parser.error(f"no such command: {', '.join(sorted(unknown))}")
    if arguments.moments < 1:
        parser.error("--moments must be at least 1")
    with tempfile.TemporaryDirectory(dir=arguments.work) as name:
        work = Path(name)
        if not {"eval", "run"}.isdisjoint(arguments.commands):
            finish(work, "unmask-data", ("build", "demo", DATA, "--limit", "48", "--size", "128"))
        print(
            f"{'command':<8} {'s, whole':>8} {'kills':>6} {'midway':>7} {'equal':>6}  what differs",
            flush=True,
        )
        found = [measure(work, name, arguments.moments, arguments.seed) for name in arguments.commands]
    return 0 if all(found) else 1


def measure(work: Path, name: str, moments: int, seed: int) -> bool:
    """Kill and resume one command; whether all was well."""
    job, generator = JOBS[name], random.Random(f"{seed} {name}")  # noqa: S311 - moments, no secrets
    whole = work / f"{name}-whole"
    begun_s, end_s = timed(work, job, whole)
    expected, equal, midway, trouble = contents(whole, job), 0, 0, ""
    for number in range(moments):
        out = work / f"{name}-{number}"
        midway += kill_at(work, job, out, generator.uniform(0, end_s - begun_s))
        try:
            finish(work, job.program, spelled(job, out))
        except RuntimeError as error:
            trouble = trouble or str(error)
        else:
            now = contents(out, job)
            differ = sorted(key for key in {*now, *expected} if now.get(key) != expected.get(key))
            equal += not differ
            trouble = trouble or ", ".join(differ[:3])
        shutil.rmtree(out, ignore_errors=True)
    print(f"{name:<8} {end_s:>8.1f} {moments:>6} {midway:>7} {equal:>6}  {trouble or 'nothing'}", flush=True)
    return equal == moments


def spelled(job: Job, out: Path) -> tuple[str, ...]:
    """Return a job's arguments for one folder of results."""
    return tuple(out.name if word == "OUT" else word for word in job.arguments.split())


def started(work: Path, program: str, arguments: tuple[str, ...]) -> subprocess.Popen[str]:
    """Start a command in a session of its own, so that its workers can be killed with it."""
    command = [str(Path(sys.executable).parent / program), *arguments]
    return subprocess.Popen(  # noqa: S603
        command,
        cwd=work,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(work: Path, program: str, arguments: tuple[str, ...]) -> None:
    """Run a command to its end; RuntimeError with its last line where it fails."""
    process = started(work, program, arguments)
    _, told = process.communicate()
    if process.returncode:
        last = (told.strip().splitlines() or ["no word"])[-1]
        raise RuntimeError(f"{program} {arguments[0]}: exit code {process.returncode}: {last}")


def timed(work: Path, job: Job, out: Path) -> tuple[float, float]:
    """Run a job undisturbed; returns the seconds to its first file and to its end."""
    begin = time.monotonic()
    process = started(work, job.program, spelled(job, out))
    begun_s = 0.0
    while process.poll() is None:
        if not begun_s and has_files(out):
            begun_s = time.monotonic() - begin
        time.sleep(LOOK_EVERY_S)
    if process.returncode:
        raise RuntimeError(f"{job.program}: exit code {process.returncode}: {process.communicate()[1]}")
    return begun_s, time.monotonic() - begin


def kill_at(work: Path, job: Job, out: Path, after_s: float) -> bool:
    """Kill a job so long after its first file; whether it was still at work."""
    process = started(work, job.program, spelled(job, out))
    while process.poll() is None and not has_files(out):
        time.sleep(LOOK_EVERY_S)
    with suppress(subprocess.TimeoutExpired):
        process.wait(after_s)
    midway = process.poll() is None
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return midway


def has_files(out: Path) -> bool:
    """Whether a folder is there with something in it."""
    return out.is_dir() and any(out.iterdir())


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


if __name__ == "__main__":
    sys.exit(main())
