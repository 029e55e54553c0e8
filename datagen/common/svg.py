"""What drawings as text are made of: inline SVG of one width, its words escaped."""

from collections.abc import Sequence
from html import escape

# Of every drawing, in its own units: about a phone's width, so that its text stays readable there.
WIDTH = 340
INK, FAINT, BAR = "#26323a", "#d5dce0", "#3a7d9c"


def safe(text: str) -> str:
    """Escape a text for XML: control characters and bytes that were no UTF-8 become visible escapes."""
    whole = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return escape("".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in whole))


def svg(height: float, label: str, parts: Sequence[str]) -> str:
    """Put a drawing together: ``WIDTH`` wide, ``label`` for those who cannot see it."""
    head = f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{safe(label)}">'
    return head + "".join(parts) + "</svg>"


def text(x: float, y: float, text: str, anchor: str = "start", size: float = 11, fill: str = INK) -> str:
    """Write a line of text; ``anchor`` says what of it is at x: ``start``, ``middle`` or ``end``."""
    where = f'x="{x:.5g}" y="{y:.5g}" text-anchor="{anchor}" font-size="{size:.3g}" fill="{fill}"'
    return f"<text {where}>{safe(text)}</text>"


def cut(text: str, length: int) -> str:
    """Return a text of at most ``length`` letters, the last an ellipsis where some are missing."""
    return text if len(text) <= length else text[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"


def rect(x: float, y: float, width: float, height: float, fill: str, title: str = "") -> str:
    """Draw a filled rectangle; ``title`` is what it says when it is pointed at."""
    where = f'x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" fill="{fill}"'
    return f"<rect {where}><title>{safe(title)}</title></rect>" if title else f"<rect {where}/>"
