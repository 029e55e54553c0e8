"""The arrays of a training step, and processes that make them. No torch here: it would double their memory."""

import atexit
import multiprocessing
import multiprocessing.connection
import os
import pickle
import queue
import signal
import threading
import traceback
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.rng import generator

from .triplets import Triplets

U8 = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class BatchArrays:
    """Triplets of one step: masked and clean uint8 (n, h, w, 3), map uint8 (n, h, w), and their names."""

    masked: U8
    map: U8
    clean: U8
    keys: tuple[str, ...]


@dataclass(frozen=True)
class BatchMaker:
    """Makes the arrays of any step of one rank; see `unmask.model.data.batches.BatchStream` for the rule."""

    triplets: Triplets
    batch_size: int
    seed: int
    rank: int
    world: int

    def make(self, step: int) -> BatchArrays:
        """Make a step's arrays."""
        first = (step * self.world + self.rank) * self.batch_size
        count = len(self.triplets)
        wanted = []
        for position in range(first, first + self.batch_size):
            epoch, place = divmod(position, count)
            wanted.append((int(_permutation(self.seed, epoch, count)[place]), epoch))
        return stack_triplets(self.triplets, wanted)


@lru_cache(maxsize=4)
def _permutation(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    return generator(seed, "", epoch, "order").permutation(count)


def stack_triplets(triplets: Triplets, wanted: Sequence[tuple[int, int]]) -> BatchArrays:
    """Make the arrays of (index, epoch) pairs."""
    made = [triplets.get(index, epoch) for index, epoch in wanted]
    masked, map_, clean = (np.stack(parts) for parts in zip(*made, strict=True))
    return BatchArrays(masked, map_, clean, tuple(triplets.keys(index) for index, _ in wanted))


@dataclass(frozen=True)
class _Trouble:
    """An exception in a worker on its way home."""

    message: str
    is_users: bool


class BatchWorkers:
    """Processes that make the steps from ``first_step`` on, each one every so many.

    They are independent of each other: worker k of W makes the steps k, k + W, k + 2 W, ... and sends each
    through a pipe of its own, so that the order needs no book-keeping and nothing lies in shared memory.

    Parameters
    ----------
    maker : BatchMaker
    workers : int
        At least 1.
    first_step : int
    prefetch : int
        Batches that each worker is ahead.
    """

    def __init__(self, maker: BatchMaker, workers: int, first_step: int, prefetch: int) -> None:
        context = multiprocessing.get_context(
            "spawn"
        )  # a forked child has threads' locks in an unknown state
        self._pipes: list[Connection] = []
        self._processes: list[SpawnProcess] = []
        self._turn = 0
        weakref.finalize(self, _kill, self._processes)
        # multiprocessing waits for its processes when Python ends; registered later than that, this comes first
        self._at_exit = atexit.register(partial(_kill, self._processes))
        with _signals_blocked():
            for number in range(workers):
                receiver, sender = context.Pipe(duplex=False)
                steps = (first_step + number, workers)
                process = context.Process(
                    target=_work, args=(maker, steps, prefetch, sender), daemon=True, name=f"batches-{number}"
                )
                process.start()
                sender.close()  # the worker's alone: its end is the pipe's
                self._pipes.append(receiver)
                self._processes.append(process)

    def receive(self) -> BatchArrays:
        """Wait for the next step's arrays.

        Raises
        ------
        UserError
            What a worker says a person can mend, or that one was killed.
        RuntimeError
            A bug in a worker, with its traceback.
        """
        pipe = self._pipes[self._turn]
        try:
            arrived: BatchArrays | _Trouble = pickle.loads(pipe.recv_bytes())  # noqa: S301 - of our own process
        except (EOFError, OSError) as error:
            words = "a process that prepares pictures was killed, mostly for want of memory; "
            raise UserError(f"{words}give a lower `workers` than {len(self._pipes)}") from error
        if isinstance(arrived, _Trouble):
            raise (UserError if arrived.is_users else RuntimeError)(arrived.message)
        self._turn = (self._turn + 1) % len(self._pipes)
        return arrived

    def close(self) -> None:
        """End the processes at once; they have nothing to save."""
        _kill(self._processes)
        atexit.unregister(self._at_exit)
        for pipe in self._pipes:
            pipe.close()


def _kill(processes: Sequence[SpawnProcess]) -> None:
    for process in processes:
        process.kill()
    for process in processes:
        process.join()


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block SIGINT and SIGTERM while processes start: they inherit it, from their first instruction on.

    Ctrl-C and a batch system's end of time reach workers as well; the parent decides what happens, and needs
    the batch that they are at.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # when it starts, later, it would unblock them
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(maker: BatchMaker, steps: tuple[int, int], prefetch: int, pipe: Connection) -> None:
    """Make steps for ever."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where signals cannot be blocked
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    made: queue.Queue[bytes] = queue.Queue(prefetch)
    sending = threading.Thread(target=_send, args=(made, pipe), daemon=True)
    sending.start()
    step, stride = steps
    while True:
        try:
            result: BatchArrays | _Trouble = maker.make(step)
        except UserError as error:
            result = _Trouble(error.marked, is_users=True)
        except Exception:
            result = _Trouble(f"in a process that prepares step {step}:\n{traceback.format_exc()}", False)
        made.put(pickle.dumps(result, pickle.HIGHEST_PROTOCOL))
        step += stride


def _send(made: "queue.Queue[bytes]", pipe: Connection) -> None:
    try:
        while True:
            pipe.send_bytes(made.get())
    except OSError:
        os._exit(1)  # nobody reads any more


def _end_with(sentinel: int) -> None:
    # A parent that was killed tells nobody, and the pipe only says so when the next batch is made.
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
