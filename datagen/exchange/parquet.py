"""Parquet as the Hugging Face Hub has it: ``data/SPLIT-NNNNN.parquet`` with the pictures in it, and a card."""

from collections import Counter
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from .dataset_card import NAME, dataset_card
from .rows import ExportRow
from .writer import Writer, compact, parts_of

_GROUP_ROWS = 100  # that are in memory, and that a reader takes at a time
_INTEGERS = ("width", "height", "faces")
_SHARES = ("coverage", "lower_face_coverage", "yaw", "pitch", "roll")


class ParquetWriter(Writer):
    """Writes files of which each picture is a cell; see `Writer`."""

    def __enter__(self) -> Self:
        self._arrow: Any = import_module("pyarrow")
        self._parquet: Any = import_module("pyarrow.parquet")
        self._files: dict[str, tuple[str, ExitStack, Any]] = {}
        self._waiting: dict[str, list[dict[str, Any]]] = {}
        self._schema: Any = None
        self._counts: Counter[str] = Counter()
        self.place.begin([NAME])
        return self

    def names(self, one: ExportRow) -> list[str]:
        """Return the file where it begins with this triplet."""
        return [] if one.number % self.options.shard_rows else [self._file(one)]

    def _file(self, one: ExportRow) -> str:
        return f"data/{one.split}-{one.number // self.options.shard_rows:05d}.parquet"

    def add(self, one: ExportRow) -> None:
        """Write a triplet, a few at a time; one whose file was finished before is passed over."""
        self._counts[one.split] += 1
        if not self._is_open(one):
            return
        # The name beside the bytes is where the Hub's viewer takes the kind of a picture from.
        pictures = {
            what: {"bytes": self.place.read(name), "path": f"{one.key}{Path(name).suffix}"}
            for what, name in parts_of(one.row, layers=self.options.layers).items()
        }
        waiting = self._waiting.setdefault(one.split, [])
        waiting.append(pictures | self.found.facts(one))
        if len(waiting) >= _GROUP_ROWS:
            self._write(one.split)

    def _is_open(self, one: ExportRow) -> bool:
        """Whether the file of a triplet is being written; it is opened where it is another one than before."""
        name = self._file(one)
        current = self._files.get(one.split)
        if current is None or current[0] != name:
            if current is not None:
                self._write(one.split)
                current[1].close()
            stack, writer = self.open_files.enter_context(ExitStack()), None
            if not self.place.has(name):
                schema = self._schema or self._make_schema(one)
                file = stack.enter_context(self.place.writing(name))
                writer = stack.enter_context(self._parquet.ParquetWriter(file, schema, compression="snappy"))
            self._files[one.split] = (name, stack, writer)
        return self._files[one.split][2] is not None

    def _write(self, split: str) -> None:
        rows, writer = self._waiting.pop(split, []), self._files[split][2]
        if rows:
            writer.write_table(self._arrow.Table.from_pylist(rows, schema=self._schema))

    def _make_schema(self, one: ExportRow) -> Any:
        """Columns and their types, and in the metadata what makes `datasets` decode the pictures."""
        arrow = self._arrow
        picture = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
        parts = parts_of(one.row, layers=self.options.layers)
        kinds = {what: (picture, {"_type": "Image"}) for what in parts}
        for name in self.found.facts(one):
            kind = "int32" if name in _INTEGERS else "float64" if name in _SHARES else "string"
            kind = "int8" if name.startswith("attr_") else kind
            kinds[name] = (getattr(arrow, kind)(), {"dtype": kind, "_type": "Value"})
        features = {"info": {"features": {name: feature for name, (_, feature) in kinds.items()}}}
        schema = arrow.schema([(name, kind) for name, (kind, _) in kinds.items()])
        self._schema = schema.with_metadata({"huggingface": compact(features)})
        return self._schema

    def finish(self) -> None:
        """Write what waits, and the card that says which files are which split."""
        for split in list(self._waiting):
            self._write(split)
        self.place.put(NAME, lambda: dataset_card(self.found, self._counts, "data/{split}-*.parquet"))
