"""Disturb commands, resume, compare bytes: ``python benchmarks/kill_moments.py [COMMAND ...]``.

Each command runs once undisturbed. Then it is disturbed, gets the same command again, and must
leave the same files:

- ``--moments N``: killed with all its processes (SIGKILL) at N moments between its first file and its end;
- ``--disk-full N``: on disks of N sizes, from nothing to all that it writes, each too small (a tmpfs in a mount
  namespace of its own, so Linux with ``unshare``); it must end with one line and exit code 2;
- ``--two-at-once N``: started twice in one folder, N times; one may be refused in one line, none may lose anything;
- ``--worker-killed N``: one of its worker processes is killed, at N moments (build and trainings have such).

What a clock decides is left out: times in tables, and ``build.json``, ``summary.json`` and the like. Work is small:
10 drawn faces, 64 pictures of training. Commands are forked from a process that has loaded their modules.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kill_jobs import JOBS, LOOK_EVERY_S, Command, Job, contents, differences, load_modules, make_data

INSIDE = "UNMASK_MAY_MOUNT"
PAGE = 4096
OUT = "out"  # of the same name everywhere: reports tell it


@dataclass(frozen=True)
class Whole:
    """What an undisturbed run of a job took and left: seconds to its first file and its end, bytes, hashes."""

    begun_s: float
    end_s: float
    size: int
    files: dict[str, str]


# Disturbs a job in its home, at a ``share`` (0 to 1) of the whole: whether it was disturbed, and what was wrong.
Disturb = Callable[[Path, Job, Whole, float], tuple[bool, str]]


def main() -> int:
    """Print a line for each command and trouble; exit code 1 where a file differs or a command fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("commands", nargs="*", default=list(JOBS), help=f"of {', '.join(JOBS)}")
    parser.add_argument("--moments", type=int, default=12, help="kills of each command (default: 12)")
    parser.add_argument("--disk-full", type=int, default=0, help="sizes of the disk (default: none)")
    parser.add_argument("--two-at-once", type=int, default=0, help="pairs of each command (default: none)")
    parser.add_argument("--worker-killed", type=int, default=0, help="workers killed (default: none)")
    parser.add_argument("--seed", type=int, default=0, help="decides the moments")
    parser.add_argument("--work", type=Path, help="folder for the work; a temporary one by default")
    arguments = parser.parse_args()
    if unknown := set(arguments.commands) - set(JOBS):
        parser.error(f"no such command: {', '.join(sorted(unknown))}")
    troubles: dict[str, tuple[int, Disturb]] = {
        "killed": (arguments.moments, kill_once),
        "disk full": (arguments.disk_full, fill_disk),
        "two at once": (arguments.two_at_once, run_twice),
        "worker killed": (arguments.worker_killed, kill_worker),
    }
    if min(times for times, _ in troubles.values()) < 0:
        parser.error("numbers of times must be at least 0")
    if arguments.disk_full and not os.environ.get(INSIDE):
        return in_own_mounts()
    load_modules()
    with tempfile.TemporaryDirectory(dir=arguments.work) as name:
        work = Path(name)
        if not {"eval", "run"}.isdisjoint(arguments.commands):
            make_data(work)
        print(
            f"{'command':<8} {'s, whole':>8} {'trouble':<14}{'times':>6} {'struck':>7} {'equal':>6}  what is wrong",
            flush=True,
        )
        found = [measure(work, name, troubles, arguments.seed) for name in arguments.commands]
    return 0 if all(found) else 1


def in_own_mounts() -> int:
    """Run this program again where it may mount, and nobody else sees what it mounts."""
    unshare = shutil.which("unshare")
    if unshare is None:
        sys.exit("--disk-full needs Linux and its command unshare")
    command = [unshare, "--user", "--map-root-user", "--mount", sys.executable, *sys.argv]
    return subprocess.run(command, env={**os.environ, INSIDE: "1"}, check=False).returncode  # noqa: S603


def measure(work: Path, name: str, troubles: dict[str, tuple[int, Disturb]], seed: int) -> bool:
    """Disturb and resume one command in every way asked for; whether all was well."""
    job = JOBS[name]
    whole = run_whole(new_home(work, f"{name}-whole"), job)
    well = True
    for trouble, (times, disturb) in troubles.items():
        if not times or (disturb is kill_worker and not job.with_workers):
            continue
        generator = random.Random(f"{seed} {name}")  # noqa: S311 - moments, no secrets
        struck, equal, wrong = 0, 0, ""
        for number in range(times):
            # disks of evenly spaced sizes, moments at random
            share = (number + 0.5) / times if disturb is fill_disk else generator.random()
            home = new_home(work, f"{name}-{number}")
            was, words = disturb(home, job, whole, share)
            words = words or resumed(home, job, whole, workers=disturb is kill_worker)
            struck, equal, wrong = struck + was, equal + (not words), wrong or words
            released(home)
        print(
            f"{name:<8} {whole.end_s:>8.1f} {trouble:<14}{times:>6} {struck:>7} {equal:>6}  {wrong or 'nothing'}",
            flush=True,
        )
        well = well and equal == times
    return well


def new_home(work: Path, name: str) -> Path:
    """Make the folder that a command works in."""
    home = work / name
    home.mkdir()
    return home


def run_whole(home: Path, job: Job) -> Whole:
    """Run a job undisturbed."""
    begin = time.monotonic()
    process = Command(home, job, job.words(OUT))
    wait_for_files(process, home / OUT, 0)
    begun_s = time.monotonic() - begin
    process.finish()
    end_s = time.monotonic() - begin
    size = sum(-(-path.stat().st_size // PAGE) * PAGE for path in (home / OUT).rglob("*") if path.is_file())
    return Whole(begun_s, end_s, size, contents(home / OUT, job))


def resumed(home: Path, job: Job, whole: Whole, *, workers: bool) -> str:
    """Give the command again; what is wrong with its files then."""
    try:
        Command(home, job, job.words(OUT, workers=workers)).finish()
    except RuntimeError as error:
        return str(error)
    return ", ".join(differences(whole.files, contents(home / OUT, job))[:3])


def kill_once(home: Path, job: Job, whole: Whole, share: float) -> tuple[bool, str]:
    """Kill a job so far between its first file and its end."""
    process = Command(home, job, job.words(OUT))
    wait_for_files(process, home / OUT, share * (whole.end_s - whole.begun_s))
    midway = process.returncode is None
    process.kill()
    return midway, ""


def fill_disk(home: Path, job: Job, whole: Whole, share: float) -> tuple[bool, str]:
    """Run a job on a disk that holds only so much of what it writes, then let the disk grow."""
    size = max(PAGE, int(share * whole.size))
    system("mount", "-t", "tmpfs", "-o", f"size={size}", "unmask", str(home))
    refused, last = Command(home, job, job.words(OUT)).refusal()
    system("mount", "-o", "remount,size=1g", str(home))
    if refused:
        return True, ""
    done = not differences(whole.files, contents(home / OUT, job))
    return False, "" if done else f"a disk of {size} bytes: {last}"


def run_twice(home: Path, job: Job, whole: Whole, share: float) -> tuple[bool, str]:
    """Start a job, and a while later once more in the same folder."""
    first = Command(home, job, job.words(OUT))
    first.wait(share * share * whole.end_s)  # more often near the beginning
    second_refused, second_last = Command(home, job, job.words(OUT)).refusal()
    first_refused, first_last = first.refusal()
    for process_refused, last in ((first_refused, first_last), (second_refused, second_last)):
        if last.startswith("error: ") and not process_refused:
            return True, last
    if first_refused and second_refused:
        return True, f"both refused: {first_last} / {second_last}"
    differ = differences(whole.files, contents(home / OUT, job))
    return first_refused or second_refused, ", ".join(differ[:3])


def kill_worker(home: Path, job: Job, whole: Whole, share: float) -> tuple[bool, str]:
    """Kill one worker process of a job, some time after its first file."""
    process = Command(home, job, job.words(OUT, workers=True))
    wait_for_files(process, home / OUT, share * (whole.end_s - whole.begun_s))
    workers = children(process.pid)
    for worker in workers[-1:]:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
    refused, last = process.refusal()
    ended = process.returncode == 0 or refused
    return bool(workers) and refused, "" if ended else f"exit code {process.returncode}: {last}"


def wait_for_files(process: Command, out: Path, after_s: float) -> None:
    """Wait until a process has written something, and so long after that, or until it ends."""
    while not has_files(out) and not process.wait(LOOK_EVERY_S):
        pass
    process.wait(after_s)


def children(pid: int) -> list[int]:
    """Worker processes that a process has started (not what Python starts to look after shared memory)."""
    try:
        shown = system("ps", "-o", "pid=,args=", "--ppid", str(pid))
    except subprocess.CalledProcessError:  # there are none
        return []
    lines = [line.split(None, 1) for line in shown.splitlines()]
    return [int(number) for number, command in lines if "resource_tracker" not in command]


def system(*command: str) -> str:
    """Call a program of the system; what it prints."""
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout  # noqa: S603


def released(home: Path) -> None:
    """Remove a folder, and the disk that may be mounted there."""
    if os.path.ismount(home):
        system("umount", str(home))
    shutil.rmtree(home, ignore_errors=True)


def has_files(out: Path) -> bool:
    """Whether a folder is there with something in it."""
    return out.is_dir() and any(out.iterdir())


if __name__ == "__main__":
    sys.exit(main())
