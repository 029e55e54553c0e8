"""How far a run is: pictures count one each, clips as many as they say they have frames."""

from collections.abc import Callable

Update = Callable[[int, int, int], None]


class Tally:
    """Counts what is done, and says so.

    Parameters
    ----------
    update : callable
        Called with how many pictures and frames are done, of how many, and how many an earlier run had done.
    total : int
    """

    def __init__(self, update: Update, total: int) -> None:
        self._update, self._total = update, total
        self._done = self._resumed = 0

    def add(self, count: int = 1, *, resumed: bool = False) -> None:
        """Note that ``count`` more are done, by an earlier run where ``resumed``."""
        if count < 1:
            return
        self._done += count
        self._resumed += count * resumed
        self._update(self._done, self._total, self._resumed)
