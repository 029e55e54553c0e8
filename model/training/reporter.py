"""What a training says of itself while it runs: rows of log.csv, lines for the terminal, TensorBoard."""

import logging
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .folder import SAMPLES_NAME, TENSORBOARD_NAME
from .samples import write_samples
from .session import Session

_LOG = logging.getLogger(__name__)

_COUNT_COLUMNS = ("step", "images", "epoch", "seconds", "learning_rate", "images_per_s")


@dataclass
class Sums:
    """Losses since the last row; part of a checkpoint, so that a resumed run's next row is the same."""

    totals: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    steps: int = 0
    from_s: float = 0.0

    def add(self, losses: Mapping[str, Tensor | float]) -> None:
        """Take in a step's losses."""
        self.steps += 1
        for name, value in losses.items():
            self.totals[name] = self.totals.get(name, 0.0) + float(value)
            self.counts[name] = self.counts.get(name, 0) + 1

    def means(self) -> dict[str, float]:
        """Mean of each loss over the steps that had it."""
        return {name: total / self.counts[name] for name, total in self.totals.items()}


class Reporter:
    """Writes on the first process, and only there.

    Parameters
    ----------
    session : Session
    columns : tuple of str
        Of ``log.csv`` after those that count: losses and validation.
    step : int
        At which the run goes on; later rows of an interrupted session are dropped.
    """

    def __init__(self, session: Session, columns: tuple[str, ...], step: int) -> None:
        self._session = session
        self._log = session.folder.open_log((*_COUNT_COLUMNS, *columns))
        self._board: Any = None
        if session.is_first:
            self._log.truncate_after(step)
            if session.options.tensorboard:
                self._board = _open_board(session, step)

    def row(self, count: Mapping[str, Any], sums: Sums, metrics: Mapping[str, float], left_s: float) -> None:
        """Add a row.

        Parameters
        ----------
        count : mapping
            ``step``, ``images``, ``epoch``, ``seconds``, ``learning_rate``.
        sums : Sums
        metrics : mapping of str to float
            Of a validation after this step, if there was one.
        left_s : float
            Until the budget is spent; inf where unknown.
        """
        if not self._session.is_first:
            return
        spent = max(count["seconds"] - sums.from_s, 1e-9)
        pace = sums.steps * self._session.batch_images / spent
        values = sums.means() | dict(metrics)
        self._log.append({**count, "images_per_s": round(pace, 2), **values})
        shown = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        left = "" if math.isinf(left_s) else f"  {left_s / 60:.1f} min left"
        _LOG.info(f"{count['images']} images  {pace:.1f}/s  {shown}{left}")
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, count["images"])
            self._board.flush()

    def sheet(self, images: int, sheet: NDArray[np.uint8]) -> None:
        """Write a sheet of samples: uint8 (h, w, 3)."""
        write_samples(self._session.options.run / SAMPLES_NAME / f"{images:09d}.png", sheet)
        if self._board is not None:
            self._board.add_image("samples", sheet, images, dataformats="HWC")

    def close(self) -> None:
        """Write what is buffered."""
        if self._board is not None:
            with suppress(OSError):
                self._board.close()


def _open_board(session: Session, step: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    folder = session.options.run / TENSORBOARD_NAME
    purge = step * session.batch_images + 1 if step else None
    return SummaryWriter(str(folder), purge_step=purge)
