"""The two kinds of trouble a person can mend: a wrong request and a bad picture."""


class UserError(Exception):
    """A request that cannot be carried out, in one line that names the flag or file; exit code 2."""


class UnreadablePictureError(Exception):
    """A picture file that cannot be decoded; the message becomes the manifest row's ``reason``."""
