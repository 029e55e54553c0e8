"""TOML that anybody may have written: parsed without end of depth or of time."""

import re
import tomllib
from typing import Any

from .json_text import DEEPEST, check_depth

# The parser takes time by the square of the parts of a key; what the toolkit reads has two.
_ENDLESS_KEY = re.compile(
    r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')(?:[ \t]*\.[ \t]*(?:[\w-]+|"[^"\n]*"|'[^'\n]*')){100}"""
)


def parse_toml(data: bytes | str) -> dict[str, Any]:
    """Return what a TOML text holds, with or without a byte order mark.

    Raises
    ------
    ValueError
        When it is no TOML or no UTF-8, or nested deeper than the toolkit nests.
    """
    text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
    if any(line.count(".") >= DEEPEST and _ENDLESS_KEY.search(line) for line in text.splitlines()):
        raise ValueError("nested too deeply")
    try:
        content = tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    check_depth(content)
    return content
