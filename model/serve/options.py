"""What one ``unmask-serve`` is asked for. Imports no torch."""

from dataclasses import dataclass
from pathlib import Path

from unmask.datagen.common.checks import check_at_least, check_choice, check_exists
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.pictures.header import MAX_PIXELS
from unmask.model.checkpoints.shipped import PERCEPTUAL, PRESETS, SHIPPED
from unmask.model.common.limits import BACKENDS, PRECISIONS

OWN = "own"  # how the page calls weights that are no preset
_LARGEST_PORT = 65535
_MEGA = 10**6


@dataclass(frozen=True)
class ServeOptions:
    """Options of the server.

    Attributes
    ----------
    data : Path or None
        A built dataset for the data page.
    host : str
        Name or address that it listens on; the default is reached from this machine alone.
    port : int
        0 takes a free one.
    open : bool
        Also open the page in the browser.
    keep : Path or None
        Folder that gets every result; None keeps nothing.
    preset : str
        Which shipped Editing Module the page begins with: ``perceptual`` or ``fidelity``.
    map_weights, edit_weights : str or Path
        Runs, checkpoints or weights; ``edit_weights`` is one more choice beside the presets, and the first one.
    device, precision, backend : str
        As for `unmask.model.inference.unmasker.Unmasker`.
    max_mb : int
        Million bytes that one request may have.
    max_megapixels : int
        Million pixels that a photograph may have.

    Raises
    ------
    UserError
        When a value is not one that there is, or two contradict each other.
    """

    data: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8090
    open: bool = False
    keep: Path | None = None
    preset: str = PERCEPTUAL
    map_weights: str | Path = SHIPPED
    edit_weights: str | Path | None = None
    device: str = "auto"
    precision: str = "auto"
    backend: str = "auto"
    max_mb: int = 64
    max_megapixels: int = 50

    def __post_init__(self) -> None:
        check_choice("preset", self.preset, PRESETS)
        check_choice("precision", self.precision, PRECISIONS)
        check_choice("backend", self.backend, BACKENDS)
        if not 0 <= self.port <= _LARGEST_PORT:
            raise ArgumentError("port", f"{self.port}: expected 0 to {_LARGEST_PORT}")
        if not self.host.strip():
            raise ArgumentError("host", ": expected a name or an address")
        check_at_least("max_mb", self.max_mb, 1)
        check_at_least("max_megapixels", self.max_megapixels, 1)
        if self.max_pixels > MAX_PIXELS:
            raise ArgumentError("max_megapixels", f"{self.max_megapixels}: at most {MAX_PIXELS // _MEGA}")
        if self.edit_weights is not None and self.preset != PERCEPTUAL:
            raise ArgumentError("preset", "and `edit_weights`: give one of them")
        check_exists("data", self.data, "folder")
        if self.keep is not None and self.keep.exists():
            check_exists("keep", self.keep, "folder")

    @property
    def max_bytes(self) -> int:
        """`max_mb` in bytes."""
        return self.max_mb * _MEGA

    @property
    def max_pixels(self) -> int:
        """`max_megapixels` in pixels."""
        return self.max_megapixels * _MEGA

    @property
    def presets(self) -> tuple[str, ...]:
        """What a request may choose, the one that is taken unasked first."""
        first = self.preset if self.edit_weights is None else OWN
        return (first, *(name for name in PRESETS if name != first))
