"""Every format of an export, read by the tool that it is for: ``python benchmarks/read_exports.py DATASET``.

Prints seconds and size of each, what the reader counts, and how near masks that went through polygons are to the
dataset's maps. A reader that is not installed is left out with a word; `pip install ultralytics` for YOLO's.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.dataset.manifest_row import ManifestRow
from unmask.datagen.exchange.export import export
from unmask.datagen.exchange.options import SPLITS, ExportOptions
from unmask.datagen.pictures.open_picture import open_file

Rows = dict[str, ManifestRow]


def main() -> None:
    """Export, read, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path)
    parser.add_argument("formats", nargs="*", default=list(READERS), help="default: all")
    arguments = parser.parse_args()
    rows = {
        row.key: row for row in iterate_manifest(arguments.dataset / "manifest.csv") if row.status == "ok"
    }
    print(f"{'format':<12}{'write s':>8}{'own MB':>8}{'files':>7}{'read s':>8}  read")
    for format_ in arguments.formats:
        needs, read = READERS[format_]
        with tempfile.TemporaryDirectory(dir=arguments.dataset.absolute().parent) as folder:
            dest = Path(folder) / format_
            report = export(ExportOptions(arguments.dataset, format_, dest))
            files = [path for path in dest.rglob("*") if path.is_file()]
            # what is linked to the dataset takes no room
            own = sum(path.stat().st_size for path in files if path.stat().st_nlink == 1) / 1e6
            begin = time.perf_counter()
            told = read(dest, arguments.dataset, rows) if find_spec(needs) else f"{needs} is not installed"
            seconds = time.perf_counter() - begin
        print(f"{format_:<12}{report.seconds:8.1f}{own:8.1f}{len(files):7}{seconds:8.1f}  {told}", flush=True)


def _splits(dest: Path, pattern: str) -> list[str]:
    return [split for split in SPLITS if list(dest.glob(pattern.format(split)))]


def _iou(one: Any, other: Any) -> float:
    return float((one & other).sum() / (one | other).sum())


def _told(count: int, overlaps: list[float]) -> str:
    return f"{count} masks, IoU with the maps {np.mean(overlaps):.4f}, least {min(overlaps):.4f}"


def _true(data: Path, row: ManifestRow) -> Any:
    return open_file(data / row.map)[..., 0] >= 128


def read_coco(dest: Path, data: Path, rows: Rows) -> str:
    """Decode all masks of both forms with pycocotools."""
    from pycocotools.coco import COCO

    overlaps: dict[str, list[float]] = {"": [], "_rle": []}
    for form, found in overlaps.items():
        for split in _splits(dest, "annotations/instances_{}.json"):
            coco = COCO(str(dest / f"annotations/instances_{split}{form}.json"))
            for annotation in coco.loadAnns(coco.getAnnIds()):
                key = coco.loadImgs(annotation["image_id"])[0]["key"]
                found.append(_iou(np.asarray(coco.annToMask(annotation)) > 0, _true(data, rows[key])))
    exact = sum(value == 1 for value in overlaps["_rle"])
    return f"{_told(len(overlaps['']), overlaps[''])}; RLE: {exact} of {len(overlaps['_rle'])} exact"


def read_yolo(dest: Path, data: Path, rows: Rows) -> str:
    """Read pictures and labels with ultralytics' own dataset class, masks as it draws them for training."""
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset, polygons2masks

    described = check_det_dataset(str(dest / "data.yaml"), autodownload=False)
    overlaps = []
    for split in _splits(dest, "images/{}"):
        read = YOLODataset(
            img_path=str(dest / "images" / split), data=described, task="segment", augment=False
        )
        for label in read.labels:
            row = rows[Path(label["im_file"]).stem]
            size = (row.height, row.width)
            segments = [segment * np.array(size[::-1]) for segment in label["segments"]]
            flat = [segment.reshape(-1) for segment in segments]
            overlaps.append(_iou(polygons2masks(size, flat, 1, 1).max(axis=0) > 0, _true(data, row)))
    return f"{_told(len(overlaps), overlaps)} (as ultralytics fills them)"


def read_mmseg(dest: Path, data: Path, rows: Rows) -> str:
    """Compare labels with maps; MMSegmentation reads them with the same function, `cv2.imdecode`."""
    same = 0
    for path in sorted(dest.glob("ann_dir/*/*.png")):
        labels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        same += bool(((labels > 0) == _true(data, rows[path.stem])).all())
    return f"{same} label pictures that are the maps to the pixel"


def read_pix2pix(dest: Path, data: Path, rows: Rows) -> str:
    """Cut the pairs in two, as pix2pix' aligned dataset does."""
    same = 0
    for path in sorted(dest.glob("*/*.png")):
        pair, row = open_file(path), rows[path.stem]
        masked, clean = pair[:, : pair.shape[1] // 2], pair[:, pair.shape[1] // 2 :]
        same += np.array_equal(masked, open_file(data / row.masked)) and np.array_equal(
            clean, open_file(data / row.clean)
        )
    return f"{same} pairs that are the pictures to the pixel"


def read_lmdb(dest: Path, data: Path, rows: Rows) -> str:
    """Read values by the keys of meta_info.txt, as BasicSR's file client does."""
    import lmdb

    same = 0
    for split in _splits(dest, "{}/lq.lmdb"):
        for name, column in (("lq", "masked"), ("gt", "clean"), ("map", "map")):
            folder = dest / split / f"{name}.lmdb"
            keys = [line.split(".")[0] for line in (folder / "meta_info.txt").read_text().splitlines()]
            with lmdb.open(str(folder), readonly=True, lock=False) as base, base.begin() as reading:
                for key in keys:
                    wanted = (data / getattr(rows[key], column)).read_bytes()
                    same += reading.get(key.encode("ascii")) == wanted
    return f"{same} values that are the files"


def read_webdataset(dest: Path, data: Path, rows: Rows) -> str:
    """Decode every sample."""
    import webdataset

    count = 0
    for shard in sorted(dest.glob("data/*.tar")):
        for sample in webdataset.WebDataset(str(shard), shardshuffle=False).decode("rgb8"):
            row = rows[sample["__key__"]]
            count += sample["masked.png"].shape == (row.height, row.width, 3)
    return f"{count} samples decoded"


def _count(dataset: Any) -> str:
    count = sum(item["map"].size == item["clean"].size for part in dataset.values() for item in part)
    return f"{count} triplets decoded; {len(next(iter(dataset.values())).column_names)} columns"


def read_hf(dest: Path, data: Path, rows: Rows) -> str:
    """Load with `datasets` and decode every picture."""
    del data, rows
    import datasets

    return _count(
        datasets.load_dataset("imagefolder", data_dir=str(dest), cache_dir=str(dest.parent / "cache"))
    )


def read_parquet(dest: Path, data: Path, rows: Rows) -> str:
    """Load with `datasets` and decode every picture."""
    del data, rows
    import datasets

    return _count(datasets.load_dataset(str(dest), cache_dir=str(dest.parent / "cache")))


READERS: dict[str, tuple[str, Callable[[Path, Path, Rows], str]]] = {
    "coco": ("pycocotools", read_coco),
    "yolo": ("ultralytics", read_yolo),
    "mmseg": ("cv2", read_mmseg),
    "pix2pix": ("cv2", read_pix2pix),
    "lmdb": ("lmdb", read_lmdb),
    "webdataset": ("webdataset", read_webdataset),
    "hf": ("datasets", read_hf),
    "parquet": ("datasets", read_parquet),
}

if __name__ == "__main__":
    main()
