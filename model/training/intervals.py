"""When a run validates and when it draws: every so many pictures, or so many times in its budget."""

import math

from .clock import Clock
from .progress import Count
from .session import Session

# Per run, where no interval is asked for; fewer validations where they take long.
_VALIDATIONS, _SHEETS = 20, 10


class Intervals:
    """Tells which intervals are over, and notes in the run's count which of them were.

    Parameters
    ----------
    session : Session
    clock : Clock

    Attributes
    ----------
    validations : int
        In the whole budget, where no interval is asked for.
    """

    def __init__(self, session: Session, clock: Clock) -> None:
        self._val_every, self._sample_every = session.options.val_every, session.options.sample_every
        self._pictures = len(session.splits.train)
        self._clock = clock
        self.validations = _VALIDATIONS

    def plan_validations(self, judged: int, validation_s: float | None) -> None:
        """Decide how many validations the budget has: a tenth of it at most goes into them.

        Parameters
        ----------
        judged : int
            Pictures that one looks at.
        validation_s : float or None
            Seconds that one takes; not asked where the budget counts pictures.
        """
        most = self._clock.budget.most_validations(self._pictures, judged, validation_s or math.inf)
        self.validations = min(_VALIDATIONS, max(1, int(most)))

    def begin(self, count: Count) -> None:
        """Count intervals anew where the budget has grown since: more of them lie ahead than were done."""
        count.validations = min(count.validations, self._over(count, self._val_every, self.validations))
        count.sheets = min(count.sheets, self._over(count, self._sample_every, _SHEETS))

    def validation_begins(self, count: Count) -> bool:
        """Whether a new interval between validations began with this step; counts it."""
        before, count.validations = count.validations, self._over(count, self._val_every, self.validations)
        return count.validations > before

    def sheet_begins(self, count: Count) -> bool:
        """Whether a new interval between sheets of samples began with this step; counts it."""
        before, count.sheets = count.sheets, self._over(count, self._sample_every, _SHEETS)
        return count.sheets > before

    def _over(self, count: Count, every_images: int | None, times: int) -> int:
        """How many intervals are over."""
        return count.images // every_images if every_images else int(self._clock.fraction * times)
