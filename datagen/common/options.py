"""What of a request every command that writes a folder shares."""

from dataclasses import dataclass

from .checks import EXISTING, check_choice


@dataclass(frozen=True, kw_only=True)
class FolderOptions:
    """How the folder of results is treated.

    Attributes
    ----------
    existing : str
        What to do with earlier results of the same kind there: ``resume``, ``overwrite`` or ``fail``.
    """

    existing: str = "resume"

    def check_folder(self) -> None:
        """Raise ArgumentError where there is no such way."""
        check_choice("existing", self.existing, EXISTING)
