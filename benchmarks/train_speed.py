"""Do the data hold the network back? Training on new masks against the same step on one batch, and what bf16 gives.

    python benchmarks/train_speed.py --source CELEBA [--batch-size 32] [--seconds 20] [--only map|edit]

For map/compact and edit/fidelity: pictures per second of the training step with batches that workers render
(online), and on one of these batches again and again (cached; the workers are stopped meanwhile), both in the
precision that the engine chose, and cached in the other precision. The three take turns, five windows each, so that
a noisy neighbour hits all; given are the rates of all windows together, and the median, least and largest ratio of
neighbouring windows. Goal: online at least 0.90 of cached. Beside it CPU time a picture, which a neighbour moves
less, and the peak of the memory of all processes (sum of PSS: shared pages are counted once). Each module is
measured in a process of its own, through a session in a temporary RUN. Linux only.
"""

import argparse
import logging
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from unmask.datagen.common.cores import available_cores

# Workers import this file, too: with torch in it they would take 200 MB more each than in a training.
if TYPE_CHECKING:
    from unmask.model.data.batches import Batch, BatchStream
    from unmask.model.training.session import Session
    from unmask.model.training.train_edit import EditTraining
    from unmask.model.training.train_map import MapTraining

MAP, EDIT, BF16, FP32 = "map", "edit", "bf16", "fp32"
GOAL = 0.90
WINDOWS = 5
ONLINE, CACHED, OTHER = "online", "cached", "other precision"


@dataclass(frozen=True)
class Window:
    """What one window saw: pictures, seconds, CPU seconds of training and of the workers."""

    pictures: int
    seconds: float
    cpu_s: float
    workers_cpu_s: float

    @property
    def rate(self) -> float:
        """Pictures per second."""
        return self.pictures / self.seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--source", default="demo", help="what --online of unmask-train takes (default: demo)"
    )
    parser.add_argument("--batch-size", type=int, default=32, help="default: 32")
    parser.add_argument("--size", type=int, default=128, help="side of the pictures in pixels (default: 128)")
    parser.add_argument(
        "--seconds", type=float, default=20, help="for each of the three, all windows together (default: 20)"
    )
    parser.add_argument("--workers", type=int, help="as in unmask-train (default: its choice)")
    parser.add_argument("--limit", type=int, default=1000, help="training pictures (default: 1000)")
    parser.add_argument("--cache", type=Path, help="folder of decoded faces, as in unmask-train")
    parser.add_argument("--only", choices=(MAP, EDIT), help="one of the modules")
    arguments = parser.parse_args()
    if arguments.workers == 0:
        parser.error("--workers: at least 1; with 0 the training renders by itself")
    if arguments.only is None:
        for module in (MAP, EDIT):
            command = [sys.executable, __file__, *sys.argv[1:], "--only", module]
            subprocess.run(command, check=True)  # noqa: S603 - this script
        return
    measure(arguments)


def measure(arguments: argparse.Namespace) -> None:
    """Measure one module and print it."""
    import torch

    from unmask.model.data.batches import BatchStream
    from unmask.model.training.options import EditOptions, MapOptions
    from unmask.model.training.session import open_session
    from unmask.model.training.train_edit import EditTraining
    from unmask.model.training.train_map import MapTraining

    with tempfile.TemporaryDirectory() as folder:
        kind = MapOptions if arguments.only == MAP else EditOptions
        options = kind(
            run=Path(folder) / "run",
            online=arguments.source,
            limit=arguments.limit,
            val_pictures=8,
            images=10**9,
            batch_size=arguments.batch_size,
            size=arguments.size,
            workers=arguments.workers,
            cache=arguments.cache,
        )
        workers = options.render_workers()
        logging.basicConfig(level=logging.INFO, format="  %(message)s", stream=sys.stdout)
        print(
            f"\n{arguments.only}/{options.preset}, batch {options.batch_size}, {options.size} px", flush=True
        )
        with open_session(options, arguments.only) as session:
            if isinstance(options, MapOptions):
                training: MapTraining | EditTraining = MapTraining(session, options)
            else:
                training = EditTraining(session, options)
            stream = BatchStream(session.splits.train, options.batch_size, seed=options.seed, workers=workers)
            with closing(stream), peak_memory() as peak:
                windows = take_turns(training, stream, arguments.seconds / WINDOWS)
                report(windows, training.engine.precision, peak)
            where = f"{session.fabric.device}, {torch.get_num_threads()} threads, {workers} workers"
            print(f"  on {where}, {available_cores()} cores")


def take_turns(
    training: "MapTraining | EditTraining", stream: "BatchStream", seconds: float
) -> dict[str, list[Window]]:
    """Measure the three kinds in turn; the order is reversed from one round to the next."""
    engine = training.engine
    chosen = engine.precision
    precisions = {ONLINE: chosen, CACHED: chosen, OTHER: FP32 if chosen == BF16 else BF16}
    device = engine.session.fabric.device
    kept = next(stream).to(device)
    # What the workers made while nobody took it: more than they would be ahead in a training.
    for _ in range(4 * len(multiprocessing.active_children())):
        next(stream)
    windows: dict[str, list[Window]] = {kind: [] for kind in precisions}
    for number in range(WINDOWS + 1):
        for kind in list(precisions)[:: 1 if number % 2 else -1]:
            engine.precision = precisions[kind]
            with nullcontext() if kind == ONLINE else workers_stopped():
                source = stream if kind == ONLINE else repeated(kept)
                window = run_window(training, source, seconds if number else 0.0)
            if number:  # in the first round kernels are chosen and templates are loaded
                windows[kind].append(window)
    engine.precision = chosen
    return windows


def run_window(training: "MapTraining | EditTraining", source: "Iterator[Batch]", seconds: float) -> Window:
    """Train for so many seconds, two steps at least."""
    session = training.engine.session
    pictures = steps = 0
    start, cpu, workers_cpu = time.perf_counter(), time.process_time(), workers_cpu_s()
    while steps < 2 or time.perf_counter() - start < seconds:
        batch = next(source).to(session.fabric.device)
        training.step(batch)
        synchronise(session)
        pictures, steps = pictures + len(batch.keys), steps + 1
        if session.stop.received is not None:
            raise KeyboardInterrupt
    spent = time.perf_counter() - start
    return Window(pictures, spent, time.process_time() - cpu, workers_cpu_s() - workers_cpu)


def synchronise(session: "Session") -> None:
    """Wait for the device."""
    import torch

    if session.fabric.device.type == "cuda":
        torch.cuda.synchronize(session.fabric.device)


def repeated(batch: "Batch") -> "Iterator[Batch]":
    """Yield the same batch for ever."""
    while True:
        yield batch


@contextmanager
def workers_stopped() -> Iterator[None]:
    """Stop the workers inside the block, as they are: they would go on to be ahead, in the cached step's time."""
    workers = multiprocessing.active_children()
    try:
        for worker in workers:
            os.kill(worker.pid or 0, signal.SIGSTOP)
        yield
    finally:
        for worker in workers:
            os.kill(worker.pid or 0, signal.SIGCONT)


def workers_cpu_s() -> float:
    """CPU seconds that the workers have used so far."""
    ticks = 0
    for worker in multiprocessing.active_children():
        values = Path(f"/proc/{worker.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        ticks += int(values[11]) + int(values[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """Look at the memory ten times a second; gives a list of one: the most megabytes so far."""
    most, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            processes = [os.getpid(), *(worker.pid or 0 for worker in multiprocessing.active_children())]
            most[0] = max(most[0], sum(map(pss_mb, processes)))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield most
    finally:
        over.set()
        watcher.join()


def pss_mb(process: int) -> float:
    """Memory of a process in MB, pages that it shares with others by its share; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("Pss:")), 0.0)


def report(windows: dict[str, list[Window]], precision: str, peak: list[float]) -> None:
    """Print rates, ratios and memory."""
    print(f"  {'':16s} {'pictures/s':>10s} {'CPU ms a picture':>18s} {'of workers':>11s}")
    other_name = FP32 if precision == BF16 else BF16
    names = {ONLINE: f"online, {precision}", CACHED: f"cached, {precision}", OTHER: f"cached, {other_name}"}
    for kind, seen in windows.items():
        pictures = sum(window.pictures for window in seen)
        rate = pictures / sum(window.seconds for window in seen)
        cpu_ms = 1e3 * sum(window.cpu_s for window in seen) / pictures
        workers_ms = 1e3 * sum(window.workers_cpu_s for window in seen) / pictures
        print(f"  {names[kind]:16s} {rate:10.1f} {cpu_ms:18.1f} {workers_ms:11.1f}")
    data = [a.rate / b.rate for a, b in zip(windows[ONLINE], windows[CACHED], strict=True)]
    print(f"  online / cached {spread(data)}; goal {GOAL:.2f}")
    chosen, other = (windows[kind] for kind in (CACHED, OTHER))
    halves, fulls = (chosen, other) if precision == BF16 else (other, chosen)
    gain = [a.rate / b.rate for a, b in zip(halves, fulls, strict=True)]
    print(f"  bf16 / fp32     {spread(gain)}; the engine chose {precision}")
    print(f"  peak memory {peak[0]:.0f} MB, workers included")


def spread(ratios: list[float]) -> str:
    """Median, least and largest."""
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


if __name__ == "__main__":
    main()
