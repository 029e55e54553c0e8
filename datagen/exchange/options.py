"""What an export is asked to do, and the formats that there are."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from unmask.datagen.common.checks import check_at_least, check_choice
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.common.options import FolderOptions
from unmask.datagen.sources.splits import SPLITS

FORMATS = {
    "coco": "COCO: annotations as polygons and as RLE (pycocotools, Detectron2, MMDetection)",
    "yolo": "YOLO-seg: a text file of polygons for each picture, and data.yaml (ultralytics)",
    "mmseg": "pictures and maps of class numbers (MMSegmentation)",
    "pix2pix": "masked and clean picture side by side (pix2pix)",
    "lmdb": "an LMDB each of masked pictures, clean ones and maps (BasicSR)",
    "webdataset": "tar shards (WebDataset)",
    "hf": "pictures and metadata.jsonl (Hugging Face datasets, imagefolder)",
    "parquet": "parquet files with the pictures in them (Hugging Face Hub)",
    "mirror": "the source's own folders and names below masked, map and clean (face recognition)",
}
CLASSES = ("family", "mask")
_LAYERED = ("coco", "lmdb", "webdataset", "hf", "parquet", "mirror")
_CLASSED = ("coco", "yolo", "mmseg")
MOST_ROWS = 1_000_000  # of a shard


@dataclass(frozen=True)
class ExportOptions(FolderOptions):
    """Everything `unmask.datagen.exchange.export.export` is told; one field per flag of ``unmask-data export``.

    Attributes
    ----------
    data : Path
        Folder of the dataset.
    format : str
        One of `FORMATS`.
    dest : Path
        Folder that is made.
    split : str or None
        Only ``train``, ``val`` or ``test``; ``all`` is as None.
    limit : int or None
        Only the first so many triplets.
    classes : str
        ``family``: a class for each mask family; ``mask``: one class.
    layers : bool
        Also straps and shadow, of a dataset that has layers.
    copy : bool
        Copy pictures that nothing changes, instead of linking to the dataset's own.
    shard_rows : int
        Triplets in each shard of ``webdataset`` and each file of ``parquet``.
    """

    data: Path
    format: str
    dest: Path
    split: str | None = None
    limit: int | None = None
    classes: str = "family"
    layers: bool = False
    copy: bool = False
    shard_rows: int = 1000

    def check(self) -> None:
        """Raise ArgumentError naming the first one whose value makes no sense."""
        if self.format not in FORMATS:
            near = difflib.get_close_matches(self.format.lower(), FORMATS, n=2, cutoff=0.5)
            meant = f"did you mean {' or '.join(near)}? " if near else ""
            raise ArgumentError("format", f"{self.format}: {meant}there are {', '.join(FORMATS)}")
        self.check_folder()
        check_choice("split", self.split or "all", (*SPLITS, "all"))
        check_choice("classes", self.classes, CLASSES)
        check_at_least("limit", self.limit, 1)
        check_at_least("shard_rows", self.shard_rows, 1)
        if self.shard_rows > MOST_ROWS:
            raise ArgumentError("shard_rows", f"{self.shard_rows}: at most {MOST_ROWS}")
        if self.layers and self.format not in _LAYERED:
            raise ArgumentError(
                "layers", f": {self.format} has no place for them; {', '.join(_LAYERED)} have"
            )
        if self.classes != "family" and self.format not in _CLASSED:
            raise ArgumentError(
                "classes", f"{self.classes}: {self.format} has no classes; {', '.join(_CLASSED)} have"
            )
