"""The two kinds of trouble a person can mend: a wrong request and a bad picture."""

import re


def one_line(text: str) -> str:
    """Return a text in one line: the names in it, of files or of columns, may have line breaks."""
    return " ".join(text.splitlines()) if len(text.splitlines()) > 1 else text.rstrip("\n")


class UserError(ValueError):
    """A request that cannot be carried out, in one line that names the argument or file; exit code 2.

    Other arguments that the text names stand in backticks: command lines put their flags there.
    """

    @property
    def marked(self) -> str:
        """The line with every argument's name in backticks: what a longer line, or a command line, takes."""
        return one_line(super().__str__())

    def __str__(self) -> str:
        return re.sub(r"^`(\w+)`", r"\1", self.marked)


class ArgumentError(UserError):
    """One argument has a value that cannot be used.

    Parameters
    ----------
    argument : str
        The name that Python knows it by; command lines print their flag instead.
    problem : str
        Value and trouble, as in ``cuda:99: not available here``; it follows the name.
    """

    def __init__(self, argument: str, problem: str) -> None:
        super().__init__(argument, problem)
        self.argument = argument
        self.problem = problem if problem.startswith(":") else f" {problem}"

    @property
    def marked(self) -> str:
        """The line with every argument's name in backticks."""
        return one_line(f"`{self.argument}`{self.problem}")


class UnreadablePictureError(Exception):
    """A picture file that cannot be decoded; the message becomes the manifest row's ``reason``."""
