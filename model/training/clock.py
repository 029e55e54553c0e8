"""How much of a run's budget is spent, and whether it is time to save or to stop: the same on every process."""

import time

import torch

from .session import Session


class Clock:
    """What has passed of a run, this session and those before it.

    Parameters
    ----------
    session : Session
    seconds_before : float
        Spent by earlier sessions of the run.

    Attributes
    ----------
    budget : Budget
    fraction : float
        Of the budget that is spent, in [0, 1].
    signal : int
        That ends this session, on whichever process it came; 0 for none.
    save_due : bool
        Whether the last checkpoint is older than it may be.
    """

    def __init__(self, session: Session, seconds_before: float) -> None:
        self._session = session
        self._seconds_before = seconds_before
        self.budget = session.options.budget()
        self.fraction = 0.0
        self.signal = 0
        self.save_due = False
        self.begin()

    def begin(self) -> None:
        """Count this session's time from now on."""
        self._began_s = self._saved_s = time.monotonic()

    def seconds(self) -> float:
        """Return what the run has taken on this process, all its sessions together."""
        return self._seconds_before + time.monotonic() - self._began_s

    def saved(self) -> None:
        """Note that a checkpoint was written just now."""
        self._saved_s = time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether the session ends here: by a signal, or because the budget is spent."""
        return self.signal > 0 or self.fraction >= 1

    def agree(self, images: int, seconds: float) -> None:
        """Settle between processes how much is spent, whether to stop, whether to save: their clocks differ.

        Parameters
        ----------
        images : int
            Pictures shown so far, by all processes and sessions together.
        seconds : float
            What `seconds` said after the last step.
        """
        session = self._session
        spent = self.budget.fraction(images, seconds, len(session.splits.train))
        save = time.monotonic() - self._saved_s >= 60 * session.options.checkpoint_minutes
        number = session.stop.received or 0
        if session.fabric.world_size > 1:
            own = [spent, float(save)] if session.is_first else [0.0, 0.0]
            said = torch.tensor([*own, float(number)], dtype=torch.float64, device=session.fabric.device)
            agreed = torch.as_tensor(session.fabric.all_reduce(said, reduce_op="max"))
            spent, save, number = agreed.tolist()
        self.fraction, self.save_due = float(spent), bool(save)
        self.signal = int(number)
