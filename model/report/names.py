"""Column names and groups of an evaluation in plain words."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from unmask.model.metrics.table import Score, score_of, score_words

from .attribute_words import attribute_label, attribute_phrase, crossed_label
from .content import System, is_true

_KINDS = {  # kind of group -> (heading, how a sentence begins)
    "attribute": ("Attribute of the face", "faces with"),
    "family": ("Mask family", "mask family"),
    "template": ("Mask template", "mask template"),
    "worn": ("How the mask is worn", "masks worn:"),
    "texture": ("Pattern of the fabric", "fabric pattern"),
    "colour": ("Colour of the mask", "mask colour"),
    "coverage": ("Share of the picture under the mask", "masks that cover"),
    "yaw": ("Turn of the head: yaw", "yaw"),
    "pitch": ("Tilt of the head: pitch", "pitch"),
    "lightness": ("Lightness of visible skin (measured L*)", "skin lightness"),
    "crossing": ("Crossed groups", "faces:"),
    "identity": ("Person", "person"),
    "source": ("Source", "source"),
    "split": ("Split", "split"),
}


@dataclass(frozen=True)
class MetricName:
    """A column of ``metrics.csv`` taken apart.

    Attributes
    ----------
    column : str
    system : str
        The system's name in words; empty where the column names none that is known.
    what : str
        The score and the region in words.
    score : Score
    """

    column: str
    system: str
    what: str
    score: Score

    @property
    def words(self) -> str:
        """Score, region and system: "PSNR in the mask: both modules, predicted maps"."""
        return f"{self.what}: {self.system}" if self.system else self.what

    def worse_words(self, gap: float, *, brief: bool = False) -> str:
        """Say on which side of the rest a group is: "1.30 dB below the rest"."""
        side = "below" if gap < 0 else "above"
        return f"{self.score.write(abs(gap), unit=True, brief=brief)} {side} the rest"


def read_metric(column: str, systems: Iterable[System]) -> MetricName:
    """Take a column name apart; one that follows no rule stands for itself."""
    known = [System("map", "Map Module"), *systems]
    for system in sorted(known, key=lambda item: -len(item.id)):
        if column.startswith(f"{system.id}_"):
            with suppress(KeyError):
                what = score_words(column.removeprefix(f"{system.id}_"))
                return MetricName(column, system.name, what, score_of(column))
    return MetricName(column, "", column, Score(column, better=""))


def write_p(value: float | None) -> str:
    """Write a probability; a tiny one as "<0.001"."""
    return "-" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def plain(text: str) -> str:
    """Return a name from a table without its underscores."""
    return text.removeprefix("attr_").replace("_", " ").strip()


def capital(text: str) -> str:
    """Return a text with a capital first letter and the rest as it is."""
    return text[:1].upper() + text[1:]


def kind_heading(kind: str) -> str:
    """Return the heading of one kind of group."""
    return _KINDS[kind][0] if kind in _KINDS else plain(kind).capitalize()


def group_label(kind: str, name: str, group: str) -> str:
    """Name a group below the heading of its kind: "without a hat", "n95 cup"."""
    if kind == "attribute":
        return attribute_label(name.removeprefix("attr_"), group)
    if kind == "crossing":
        return crossed_label(group)
    return plain(group) if name in ("", kind) else f"{plain(name)}: {plain(group)}"


def group_words(kind: str, name: str, group: str) -> str:
    """Name a group in a sentence: "faces with a hat", "mask family n95 cup"."""
    if kind == "attribute":
        return f"faces {attribute_phrase(name.removeprefix('attr_'), group)}"
    if kind == "crossing":
        return f"faces: {crossed_label(group)}"
    begin = _KINDS.get(kind, _KINDS.get(name, ("", plain(name or kind))))[1]
    return f"{begin} {plain(group)}"


def is_attribute_yes(kind: str, group: str) -> bool:
    """Tell whether a group is the one that has an attribute."""
    return kind == "attribute" and is_true(group)
