"""How far a run is, and how it ended."""

from dataclasses import dataclass


@dataclass
class Count:
    """Where a run is; saved with its checkpoint."""

    step: int = 0
    images: int = 0
    seconds: float = 0.0
    validations: int = 0
    sheets: int = 0
    validated_step: int = -1
    best: float | None = None


@dataclass(frozen=True)
class TrainResult:
    """How a training ended.

    Attributes
    ----------
    stopped : str
        ``finished`` or ``interrupted``.
    signal : int or None
        What interrupted it.
    steps, images, seconds : int, int, float
        Of all sessions of the run together.
    metrics : dict of str to float
        The last validation's.
    """

    stopped: str
    signal: int | None
    steps: int
    images: int
    seconds: float
    metrics: dict[str, float]
