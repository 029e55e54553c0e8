"""One thread for the networks: requests of any number of people wait in one line, and a long one is turned away."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastapi import HTTPException

T = TypeVar("T")

MOST_WAITING = 32
_STOPPED = "the server is being stopped"


class Worker:
    """Runs calls one after the other, in the order in which they come.

    Parameters
    ----------
    name : str
        Of its thread.
    """

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._jobs: set[asyncio.Future[Any]] = set()
        self._closed = False

    async def run(self, call: Callable[[], T]) -> T:
        """Wait for the result of a call.

        Raises
        ------
        HTTPException
            503 where too many wait already, or the server is being stopped.
        """
        if len(self._jobs) >= MOST_WAITING:
            raise HTTPException(503, f"{len(self._jobs)} requests are waiting already; try again in a moment")
        if self._closed:
            raise HTTPException(503, _STOPPED)
        job = asyncio.get_running_loop().run_in_executor(self._pool, call)
        self._jobs.add(job)
        try:
            return await job
        except asyncio.CancelledError:
            if self._closed:
                raise HTTPException(503, _STOPPED) from None
            raise
        finally:
            self._jobs.discard(job)

    def start(self, call: Callable[[], object]) -> None:
        """Have something done first of all, without waiting for it."""
        self._pool.submit(call)

    def close(self) -> None:
        """Answer all who wait, and end after the call that is being worked on."""
        self._closed = True
        for job in self._jobs:
            job.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)
