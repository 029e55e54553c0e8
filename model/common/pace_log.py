"""Lines in a log while something long is done: how far it is, how fast, how much longer. Imports no torch."""

import logging
import time

_EVERY_S = 10.0


class PaceLog:
    """Says every ten seconds how far ``what`` is: ``<what>: 50 of 200  5 <unit>/s  0.5 min left``."""

    def __init__(self, log: logging.Logger, what: str, unit: str, total: int) -> None:
        self.done = 0
        self._log, self._what, self._unit, self._total = log, what, unit, total
        self._started_s = self._said_s = time.monotonic()

    def reach(self, done: int) -> None:
        """Note how many are done by now."""
        self.done, now = done, time.monotonic()
        if now - self._said_s >= _EVERY_S:
            self._said_s = now
            pace = done / (now - self._started_s)
            left = f"{(self._total - done) / pace / 60:.1f} min left"
            self._log.info(f"{self._what}: {done} of {self._total}  {pace:.0f} {self._unit}/s  {left}")
