"""How long to train, in images, epochs or minutes, and the learning rate that follows from how much is spent."""

import math
from dataclasses import dataclass

from unmask.datagen.common.checks import check_above_zero
from unmask.datagen.common.errors import UserError

_MOST_JUDGING = 0.1  # of a budget
_WARMUP_PARTS = 10  # of a budget: the warm-up takes one of them at most


@dataclass(frozen=True)
class Budget:
    """How long to train: exactly one of the three is given.

    Attributes
    ----------
    images : int or None
        Pictures shown to the network, repeats counted.
    epochs : float or None
        Passes over the training pictures; parts of one are possible.
    minutes : float or None
        Of training, all sessions of the run together; data preparation and validation count where the caller's
        ``seconds`` count them.

    Raises
    ------
    UserError
        When none or several are given, or the one is not above zero.
    """

    images: int | None = None
    epochs: float | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        given = {name: value for name, value in vars(self).items() if value is not None}
        if len(given) != 1:
            what = " and ".join(f"`{name}`" for name in given) or "none"
            raise UserError(f"give one of `images`, `epochs` and `minutes`, not {what}")
        ((name, value),) = given.items()
        check_above_zero(name, value)

    def total_images(self, dataset_size: int) -> int | None:
        """Return how many pictures will have been shown at the end, None where only time counts.

        Parameters
        ----------
        dataset_size : int
            Training pictures of one epoch, at least 1.
        """
        if self.images is not None:
            return self.images
        if self.epochs is not None:
            return max(1, round(self.epochs * dataset_size))
        return None

    def fraction(self, images_seen: int, seconds: float, dataset_size: int) -> float:
        """Return how much of the budget is spent, in [0, 1]; 1 where it is all.

        Parameters
        ----------
        images_seen : int
            Pictures shown so far, by all processes and sessions together.
        seconds : float
            Spent so far, in all sessions together.
        dataset_size : int
            Training pictures of one epoch, at least 1.
        """
        total = self.total_images(dataset_size)
        spent = seconds / self._seconds() if total is None else images_seen / total
        return min(1.0, max(0.0, spent))

    def eta_s(
        self, images_seen: int, seconds: float, dataset_size: int, images_per_s: float | None = None
    ) -> float:
        """Return the seconds that are left, infinity where the speed is not known yet.

        Parameters
        ----------
        images_seen, seconds, dataset_size
            As for `fraction`.
        images_per_s : float, optional
            Present speed; by default the mean so far.
        """
        total = self.total_images(dataset_size)
        if total is None:
            return max(0.0, self._seconds() - seconds)
        if images_per_s is None:
            images_per_s = images_seen / seconds if seconds > 0 else 0.0
        return max(0, total - images_seen) / images_per_s if images_per_s > 0 else math.inf

    def longest_warmup(self, images_seen: int, fraction: float, dataset_size: int) -> int | None:
        """Return how many pictures a tenth of the budget is; None where nobody knows yet.

        Of a budget in minutes it is that many at the pace so far.

        Parameters
        ----------
        images_seen, dataset_size
            As for `fraction`.
        fraction : float
            Of the budget that is spent.
        """
        total = self.total_images(dataset_size)
        if total is not None:
            return total // _WARMUP_PARTS
        return int(images_seen / fraction) // _WARMUP_PARTS if fraction > 0 else None

    def most_validations(self, dataset_size: int, judged: int, validation_s: float) -> float:
        """Return how many validations a tenth of the budget pays for, the last one at its end counted.

        Of a budget in pictures a judged one costs as much as one that is trained on, whatever the clock says, so
        that the same command does the same every time; of one in minutes the clock decides.

        Parameters
        ----------
        dataset_size : int
            Training pictures of one epoch, at least 1.
        judged : int
            Pictures of one validation, at least 1.
        validation_s : float
            Seconds that one takes, above 0; not asked where the budget counts pictures.
        """
        total = self.total_images(dataset_size)
        return _MOST_JUDGING * (self._seconds() / validation_s if total is None else total / judged)

    def words(self) -> str:
        """Return the budget for people: ``20 minutes``, ``1.5 epochs``, ``50,000 images``."""
        name, value = next((name, value) for name, value in vars(self).items() if value is not None)
        return f"{_number(value)} {name}" if value != 1 else f"1 {name[:-1]}"

    def _seconds(self) -> float:
        return 60.0 * (self.minutes or math.inf)


def learning_rate(
    fraction: float, base: float, warmup_images: int, images_seen: int, floor: float = 0.01
) -> float:
    """Return the learning rate: a linear warm-up times a cosine from ``base`` to ``floor * base``.

    The cosine follows the budget, whatever it is counted in; the warm-up counts pictures, because it is there for
    the optimiser's running means, which know nothing of the budget. It begins at ``floor * base`` and not at zero,
    so that the first step is not lost. (Cosine: Loshchilov and Hutter 2017, without restarts.)

    Parameters
    ----------
    fraction : float
        Of the budget that is spent, in [0, 1].
    base : float
        The highest rate.
    warmup_images : int
        Pictures until the warm-up is over; 0 for none.
    images_seen : int
        Pictures shown so far.
    floor : float
        The last rate as a share of ``base``, in [0, 1].
    """
    cosine = floor + (1 - floor) * (1 + math.cos(math.pi * fraction)) / 2
    if images_seen >= warmup_images:
        return base * cosine
    return base * cosine * (floor + (1 - floor) * images_seen / warmup_images)


def _number(value: float) -> str:
    return f"{value:,}" if value != int(value) else f"{int(value):,}"
