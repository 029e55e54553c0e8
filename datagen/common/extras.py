"""Packages that a plain install leaves out, and the extras that bring them."""

from collections.abc import Iterator
from contextlib import contextmanager

from .errors import UserError

_DATA = ("dlib", "face_recognition_models", "jinja2", "markupsafe", "pandas", "scipy", "skimage")
_TRAIN = ("lightning_fabric", "torch")
_EXTRAS = dict.fromkeys(_DATA, "data") | dict.fromkeys(_TRAIN, "train")


class MissingPackageError(UserError, ModuleNotFoundError):
    """A package that is not installed, and the extra that brings it."""


@contextmanager
def naming_extras(extra: str | None = None) -> Iterator[None]:
    """Say which extra brings a package that the block cannot import: `MissingPackageError`.

    Parameters
    ----------
    extra : str, optional
        What the block needs as a whole; by default the smallest one with the package.
    """
    try:
        yield
    except MissingPackageError:
        raise
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        raise MissingPackageError(needs_extra(package, extra)) from error


def needs_extra(package: str, extra: str | None = None) -> str:
    """Say that a package is not installed, and which extra would bring it: ``extra``, or the smallest one."""
    return f"{package} is not installed here; pip install 'unmask[{extra or _EXTRAS[package]}]'"
