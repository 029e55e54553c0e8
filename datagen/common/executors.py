"""Who does the work: this process, worker processes or a Dask cluster, all as ``concurrent.futures``."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager
from importlib import import_module
from itertools import islice
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

import cv2

from .errors import ArgumentError, UserError
from .memory import is_want_of_memory

P = ParamSpec("P")
T = TypeVar("T")
CHUNKS_PER_WORKER = 3  # enough that none waits for the parent, few enough to stop soon
_CONNECT_S = 10


class InlineExecutor(Executor):
    """Runs each task at once in the calling thread: no process, no queue, Ctrl-C where it happens."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Call ``fn`` and return the finished future."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def open_executor(workers: int, dask: str | None = None) -> Iterator[tuple[Executor, int]]:
    """Open the executor that the options ask for.

    Yields
    ------
    tuple of (Executor, int)
        The executor and how many chunks of work to have in flight.

    Raises
    ------
    UserError
        When Dask is not installed or its scheduler does not answer, or processes can share no memory.
    """
    if dask is not None:
        with _dask_executor(dask) as opened:
            yield opened
    elif workers == 1:
        with _one_opencv_thread():
            yield InlineExecutor(), 1
    else:
        # spawn, because a forked child inherits OpenCV's and dlib's threads in an unknown state
        context = multiprocessing.get_context("spawn")
        with needing_shared_memory(workers, fewest=1):
            pool = ProcessPoolExecutor(workers, mp_context=context, initializer=begin_worker)
        try:
            with signals_blocked():
                for _ in range(workers):
                    pool.submit(int)  # starts a process each, since none is idle yet
            yield pool, CHUNKS_PER_WORKER * workers
        except BaseException:
            end_workers(pool)  # what they are at would be waited for, and is not wanted
            raise
        pool.shutdown()


def completed(submissions: Iterator["Future[T]"], in_flight: int) -> Iterator["Future[T]"]:
    """Yield futures as they are done.

    Parameters
    ----------
    submissions : iterator of Future
        Submits the next piece of work when it is advanced.
    in_flight : int
        How many are under way, at most.
    """
    pending: set[Future[T]] = set()
    while True:
        pending.update(islice(submissions, in_flight - len(pending)))
        if not pending:
            return
        for future in wait(pending, return_when=FIRST_COMPLETED).done:
            pending.discard(future)
            yield future


def in_order(submissions: Iterable["Future[T]"], in_flight: int) -> Iterator[T]:
    """Yield results in the order of submission.

    Parameters
    ----------
    submissions : iterable of Future
        Submits the next piece of work when it is advanced.
    in_flight : int
        How many are under way, at most.
    """
    waiting: deque[Future[T]] = deque()
    for future in submissions:
        waiting.append(future)
        if len(waiting) >= in_flight:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def open_threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Open threads that are waited for at the end of the block, but not when an error or Ctrl-C ends it."""
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def end_workers(pool: ProcessPoolExecutor, grace_s: float = 0.0) -> None:
    """End a pool and its processes: those that have not ended by themselves in time are killed.

    What they write is written under other names first, so that nothing half-done is left.
    """
    # Python has methods for this from 3.14 on
    processes = list((vars(pool).get("_processes") or {}).values())
    manager = vars(pool).get("_executor_manager_thread")
    try:
        if not grace_s:
            # Before their queues are gone: a process that is only beginning would complain of that.
            for process in processes:
                process.kill()
        pool.shutdown(wait=False, cancel_futures=True)
        last = time.monotonic() + grace_s
        for process in processes:
            process.join(max(0.0, last - time.monotonic()))
    finally:
        for process in processes:
            process.kill()
            process.join()
    if manager is not None:
        manager.join()


@contextmanager
def signals_blocked() -> Iterator[None]:
    """Block SIGINT and SIGTERM while processes start: they inherit it, from their first instruction on.

    Ctrl-C and a batch system's end of time reach workers as well; the parent decides what happens.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _one_opencv_thread() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def begin_worker() -> None:
    """Initialise a worker process: one thread for OpenCV, no Ctrl-C, and the end when the parent is killed."""
    cv2.setNumThreads(1)
    # Ctrl-C reaches the whole process group; the parent decides what happens, workers finish their chunk.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    # After SIGKILL of the parent nobody else ends the workers, and they would write into a resumed build.
    multiprocessing.connection.wait([sentinel])
    os._exit(1)


def _knock(address: str) -> None:
    # A client that finds nobody complains on stderr once more when it is thrown away; so look first.
    scheme, found, place = address.rpartition("://")
    if found and scheme not in ("tcp", "tls"):
        return
    parts = urlsplit(f"//{place}")
    if not parts.hostname or parts.port is None:
        raise ValueError(f"{address} is not tcp://HOST:PORT")
    socket.create_connection((parts.hostname, parts.port), timeout=_CONNECT_S).close()


@contextmanager
def _dask_executor(address: str) -> Iterator[tuple[Executor, int]]:
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise ArgumentError("dask", ": needs the extra 'cluster': pip install 'unmask[cluster]'") from error
    try:
        _knock(address)
        client = distributed.Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise ArgumentError("dask", f"{address}: no scheduler answers there") from error
    with client:
        slots = sum(client.nthreads().values())
        if not slots:
            raise ArgumentError("dask", f"{address}: the scheduler has no workers")
        yield client.get_executor(), CHUNKS_PER_WORKER * slots


@contextmanager
def needing_shared_memory(workers: int, fewest: int) -> Iterator[None]:
    """Turn the system's refusal of semaphores into a one-line ``ArgumentError`` about ``workers``."""
    try:
        yield
    except OSError as error:
        if is_want_of_memory(error):
            raise
        words = f"{workers}: processes need /dev/shm to wait for each other, and it cannot be used"
        remedy = f"mend that or give {fewest}, which needs none"
        raise ArgumentError("workers", f"{words}: {error.strerror}; {remedy}") from error


@contextmanager
def naming_dead_workers(workers: int, remedy: str = "") -> Iterator[None]:
    """Turn the death of a worker inside the block into a one-line ``UserError`` that ends with ``remedy``."""
    try:
        yield
    except Exception as error:
        names = {cls.__name__ for cls in type(error).__mro__}  # Dask's is known by name: it may not be there
        if not names & {"BrokenExecutor", "KilledWorker"}:
            raise
        words = "a worker process was killed, mostly for want of memory; give a lower `workers` than"
        raise UserError(f"{words} {workers}{remedy}") from error
