"""One thread for the networks: requests of any number of people wait in one line, and a long one is turned away."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fastapi import HTTPException

T = TypeVar("T")

MOST_WAITING = 32


class Worker:
    """Runs calls one after the other, in the order in which they come.

    Parameters
    ----------
    name : str
        Of its thread.
    """

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting = 0

    async def run(self, call: Callable[[], T]) -> T:
        """Wait for the result of a call.

        Raises
        ------
        HTTPException
            503 where too many wait already.
        """
        if self._waiting >= MOST_WAITING:
            raise HTTPException(503, f"{self._waiting} requests are waiting already; try again in a moment")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, call)
        finally:
            self._waiting -= 1

    def start(self, call: Callable[[], object]) -> None:
        """Have something done first of all, without waiting for it."""
        self._pool.submit(call)

    def close(self) -> None:
        """End after the call that is being worked on; what waits is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)
