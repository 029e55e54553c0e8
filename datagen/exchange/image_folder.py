"""Hugging Face's ``imagefolder``: pictures below ``SPLIT``, a line for each in ``SPLIT/metadata.jsonl``, a card."""

from collections import Counter
from typing import BinaryIO, Self

from .dataset_card import NAME, dataset_card
from .rows import ExportRow
from .writer import Writer, compact, parts_of, suffix_of


class ImageFolderWriter(Writer):
    """Writes folders whose pictures become columns; see `Writer`."""

    def __enter__(self) -> Self:
        self._tables: dict[str, BinaryIO] = {}
        self._counts: Counter[str] = Counter()
        self.place.begin([NAME])
        return self

    def names(self, one: ExportRow) -> list[str]:
        """Return the files that `add` makes."""
        return [f"{one.split}/{name}" for name in self._pictures(one).values()]

    def _pictures(self, one: ExportRow) -> dict[str, str]:
        parts = parts_of(one.row, layers=self.options.layers)
        return {what: f"{what}/{one.key}{suffix_of(name)}" for what, name in parts.items()}

    def add(self, one: ExportRow) -> None:
        """Link the pictures and write what is known of them."""
        self._counts[one.split] += 1
        pictures = self._pictures(one)
        for what, source in parts_of(one.row, layers=self.options.layers).items():
            self.place.put_file(source, f"{one.split}/{pictures[what]}")
        # A column `masked_file_name` becomes a column `masked` of pictures.
        line = {f"{what}_file_name": name for what, name in pictures.items()} | self.found.facts(one)
        self._table(one.split).write(compact(line).encode("ascii") + b"\n")

    def _table(self, split: str) -> BinaryIO:
        if split not in self._tables:
            name = f"{split}/metadata.jsonl"
            self.place.begin([name])
            self._tables[split] = self.open_files.enter_context(self.place.writing(name))
        return self._tables[split]

    def finish(self) -> None:
        """Write the card; the Hub sees by the folders' names which files are which split."""
        self.place.put(NAME, lambda: dataset_card(self.found, self._counts))
