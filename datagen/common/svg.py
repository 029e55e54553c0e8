"""What drawings are made of: inline SVG of one width, its words escaped."""

from collections.abc import Sequence

from markupsafe import Markup, escape

from .page import visible

# Of every drawing, in its own units: about a phone's width, so that its text stays readable there.
WIDTH = 340
INK, QUIET, FAINT, BAR, WORSE = "#26323a", "#5a6870", "#d5dce0", "#3a7d9c", "#b0301c"


def element(name: str, *inside: str, **attributes: float | str) -> Markup:
    """Write an element: what is inside is text or markup, numbers get two digits, ``text_anchor`` a hyphen."""
    words = "".join(
        f' {key.replace("_", "-")}="{escape(visible(value)) if isinstance(value, str) else f"{round(value, 2):g}"}"'
        for key, value in attributes.items()
    )
    return Markup(f"<{name}{words}>{''.join(escape(visible(part)) for part in inside)}</{name}>")  # noqa: S704


def svg(height: float, label: str, parts: Sequence[str]) -> Markup:
    """Put a drawing together: ``WIDTH`` wide, ``label`` for those who cannot see it."""
    return element("svg", *parts, viewBox=f"0 0 {WIDTH} {height:g}", role="img", aria_label=label)


def text(
    x: float, y: float, text: str, anchor: str = "start", size: float = 11, fill: str = INK, **more: str
) -> Markup:
    """Write a line of text; ``anchor`` says what of it is at x: ``start``, ``middle`` or ``end``."""
    return element("text", text, x=x, y=y, text_anchor=anchor, font_size=size, fill=fill, **more)


def cut(text: str, length: int) -> str:
    """Return a text of at most ``length`` letters, the last an ellipsis where some are missing."""
    return text if len(text) <= length else text[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"


def titled(title: str) -> tuple[Markup, ...]:
    """What an element says when it is pointed at, to be put inside it; nothing for an empty text."""
    return (element("title", title),) if title else ()


def rect(
    x: float, y: float, width: float, height: float, fill: str, title: str = "", **more: float | str
) -> Markup:
    """Draw a filled rectangle."""
    return element("rect", *titled(title), x=x, y=y, width=width, height=height, fill=fill, **more)


def line(x1: float, y1: float, x2: float, y2: float, stroke: str, **more: float | str) -> Markup:
    """Draw a straight line."""
    return element("path", d=f"M{x1:.1f} {y1:.1f} L{x2:.1f} {y2:.1f}", stroke=stroke, **more)


def circle(x: float, y: float, radius: float, title: str = "", **more: float | str) -> Markup:
    """Draw a circle."""
    return element("circle", *titled(title), cx=x, cy=y, r=radius, **more)
