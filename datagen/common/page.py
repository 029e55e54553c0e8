"""Pages from the templates in ``assets/pages``: one file each, nothing fetched, whatever is put in escaped."""

import base64
import hashlib
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def visible(value: object) -> object:
    """Show a text's control characters, and bytes that were no UTF-8, as escapes; markup and others as they are."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    whole = value.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in whole)


def draw_template(name: str, **values: object) -> str:
    """Fill in a template; the page is well-formed XML after its first line, so that tests can read it."""
    return _environment().get_template(name).render(values) + "\n"


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("unmask.assets", "pages"),
        autoescape=True,
        finalize=visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["sha256"] = _sha256
    return found


def _sha256(script: str) -> str:
    """Name a script as a page's policy does."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
