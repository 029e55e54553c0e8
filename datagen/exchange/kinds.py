"""The formats of an export: which class writes each, and what it needs besides the toolkit."""

from dataclasses import dataclass

from .coco import CocoWriter
from .image_folder import ImageFolderWriter
from .labels import LabelWriter
from .lmdb_folder import LmdbWriter
from .mirror import MirrorWriter
from .parquet import ParquetWriter
from .shards import ShardWriter
from .side_by_side import SideBySideWriter
from .writer import Writer
from .yolo import YoloWriter


@dataclass(frozen=True)
class ExportKind:
    """One format.

    Attributes
    ----------
    writer : type of Writer
    needs : str
        Module of the extra ``interchange`` that writes it; "" where none is needed.
    clean : bool
        Whether it is about the clean pictures, so that a dataset without them has nothing for it.
    """

    writer: type[Writer]
    needs: str = ""
    clean: bool = False


KINDS = {
    "coco": ExportKind(CocoWriter, "pycocotools"),
    "yolo": ExportKind(YoloWriter),
    "mmseg": ExportKind(LabelWriter),
    "pix2pix": ExportKind(SideBySideWriter, clean=True),
    "lmdb": ExportKind(LmdbWriter, "lmdb", clean=True),
    "webdataset": ExportKind(ShardWriter),
    "hf": ExportKind(ImageFolderWriter),
    "parquet": ExportKind(ParquetWriter, "pyarrow"),
    "mirror": ExportKind(MirrorWriter),
}
