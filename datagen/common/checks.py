"""Checks of options that every stage shares."""

from .errors import UserError

EXISTING = ("resume", "overwrite", "fail")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise UserError naming the option's flag where its value is none of the choices."""
    if value not in choices:
        raise UserError(f"--{name.replace('_', '-')} {value}: expected one of {', '.join(choices)}")
