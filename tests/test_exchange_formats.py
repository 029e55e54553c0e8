"""Every format of an export, read by the tool that it is for."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from exchange_support import EXTRA, exported, iou, read_map, read_rgb
from skimage.draw import polygon2mask

from unmask.datagen.dataset.manifest import iterate_manifest, read_attribute_names, write_manifest
from unmask.datagen.dataset.manifest_row import ManifestRow
from unmask.datagen.exchange.kinds import KINDS
from unmask.datagen.exchange.options import FORMATS

SPLITS = ("train", "val", "test")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # of pycocotools' decode


@pytest.fixture(scope="module")
def dataset(built_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn faces with layers, two of the six in each split."""
    out = Path(shutil.copytree(built_once, tmp_path_factory.mktemp("splits") / "out"))
    path = out / "manifest.csv"
    splits = dict(zip((f"{number:06d}.jpg" for number in range(1, 7)), SPLITS * 2, strict=True))
    rows = [replace(row, split=splits[row.source]) for row in iterate_manifest(path)]
    write_manifest(path, rows, read_attribute_names(path))
    return out


@pytest.fixture(scope="module")
def rows(dataset: Path) -> dict[str, ManifestRow]:
    return {row.key: row for row in iterate_manifest(dataset / "manifest.csv")}


@pytest.fixture(scope="module")
def coco(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("pycocotools", reason=EXTRA)
    dest = tmp_path_factory.mktemp("exported") / "coco"
    exported(dataset, "coco", dest, layers=True)
    return dest


def test_the_help_and_the_table_know_the_same_formats():
    assert list(FORMATS) == list(KINDS)


def opened(coco: Path, rle: bool) -> dict[str, Any]:
    from pycocotools.coco import COCO

    ending = "_rle" if rle else ""
    return {split: COCO(coco / f"annotations/instances_{split}{ending}.json") for split in SPLITS}


def test_pycocotools_reads_every_picture_and_its_mask(coco: Path, dataset: Path, rows, capsys):
    seen = set()
    for split, read in opened(coco, rle=True).items():
        for image in read.loadImgs(read.getImgIds()):
            row = rows[image["key"]]
            (annotation,) = read.loadAnns(read.getAnnIds(image["id"]))
            map_ = read_map(dataset / row.map) >= 128
            assert np.array_equal(read.annToMask(annotation).astype(bool), map_)
            assert annotation["area"] == map_.sum()
            x, y, width, height = annotation["bbox"]
            assert map_[y : y + height, x : x + width].sum() == map_.sum()
            assert read.loadCats(annotation["category_id"])[0]["name"] == row.family
            assert (image["split"], image["identity"]) == (split, row.identity) == (row.split, row.identity)
            assert annotation["attributes"]["worn"] == row.worn
            assert annotation["attributes"]["coverage"] == row.coverage
            assert annotation["attributes"]["straps"] in ("ear_loops", "head_straps", "ties", "none")
            assert (coco / "images" / split / image["file_name"]).samefile(dataset / row.masked)
            seen.add(row.key)
    assert seen == set(rows)


def test_polygons_of_coco_give_the_maps_back(coco: Path, dataset: Path, rows, capsys):
    for read in opened(coco, rle=False).values():
        for annotation in read.loadAnns(read.getAnnIds()):
            key = read.loadImgs(annotation["image_id"])[0]["key"]
            assert isinstance(annotation["segmentation"], list)
            map_ = read_map(dataset / rows[key].map) >= 128
            assert iou(read.annToMask(annotation).astype(bool), map_) >= 0.98


def test_coco_has_straps_and_shadow_of_a_dataset_that_has_layers(coco: Path, dataset: Path, rows, capsys):
    from pycocotools import mask

    read = opened(coco, rle=True)["train"]
    annotation = read.loadAnns(read.getAnnIds())[0]
    key = read.loadImgs(annotation["image_id"])[0]["key"]
    layers = read_rgb(dataset / f"layers/{key}.png")
    assert np.array_equal(mask.decode(annotation["straps"]), layers[..., 1] > 0)
    assert np.array_equal(mask.decode(annotation["shadow"]), layers[..., 2] > 0)


def test_one_class_is_called_mask(dataset: Path, tmp_path: Path):
    pytest.importorskip("pycocotools", reason=EXTRA)
    report = exported(dataset, "coco", tmp_path / "coco", classes="mask")
    content = json.loads((tmp_path / "coco/annotations/instances_val.json").read_text())
    assert report.classes == ("mask",)
    assert [category["name"] for category in content["categories"]] == ["mask"]


def yolo_polygons(text: str, size: tuple[int, int]) -> list[tuple[int, np.ndarray]]:
    found = []
    for line in text.splitlines():
        number, *values = line.split()
        points = np.array(values, np.float64).reshape(-1, 2)
        assert ((points >= 0) & (points <= 1)).all()
        found.append((int(number), points * size))
    return found


def test_labels_of_yolo_give_the_maps_back(dataset: Path, tmp_path: Path, rows):
    report = exported(dataset, "yolo", tmp_path / "yolo")
    for row in rows.values():
        text = (tmp_path / f"yolo/labels/{row.split}/{row.key}.txt").read_text()
        ((number, points),) = yolo_polygons(text, (row.width, row.height))
        filled = polygon2mask((row.height, row.width), points[:, ::-1] - 0.5)
        assert iou(filled, read_map(dataset / row.map) >= 128) >= 0.98
        assert report.classes[number] == row.family


def test_ultralytics_reads_pictures_classes_and_masks(dataset: Path, tmp_path: Path, rows, monkeypatch):
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    pytest.importorskip("ultralytics", reason="ultralytics is not installed")
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset

    exported(dataset, "yolo", tmp_path / "yolo", copy=True)
    data = check_det_dataset(str(tmp_path / "yolo/data.yaml"), autodownload=False)
    for split in SPLITS:
        read = YOLODataset(
            img_path=data[split], data=data, task="segment", augment=False, imgsz=224, batch_size=1
        )
        assert len(read.labels) == sum(row.split == split for row in rows.values())
        for label in read.labels:
            row = rows[Path(label["im_file"]).stem]
            assert [data["names"][int(number)] for number in label["cls"].ravel()] == [row.family]
            assert len(label["segments"]) == 1
        assert len(read[0]["masks"]) == 1


def test_data_yaml_names_the_splits_and_classes_without_a_path(dataset: Path, tmp_path: Path):
    yaml = pytest.importorskip("yaml")
    report = exported(dataset, "yolo", tmp_path / "yolo")
    read = yaml.safe_load((tmp_path / "yolo/data.yaml").read_text())
    assert [read[split] for split in SPLITS] == ["images/train", "images/val", "images/test"]
    assert read["names"] == dict(enumerate(report.classes))
    assert "path" not in read


def test_yolo_says_so_where_a_split_is_missing(dataset: Path, tmp_path: Path):
    report = exported(dataset, "yolo", tmp_path / "yolo", split="train")
    assert report.notes == ("no triplet of split val: data.yaml names train in its place",)


def test_label_pictures_hold_the_number_of_the_class_where_the_mask_is(dataset: Path, tmp_path: Path, rows):
    exported(dataset, "mmseg", tmp_path / "mmseg")
    classes = (tmp_path / "mmseg/classes.txt").read_text().split()
    assert classes[0] == "background"
    for row in rows.values():
        labels = read_map(tmp_path / f"mmseg/ann_dir/{row.split}/{row.key}.png")
        map_ = read_map(dataset / row.map) >= 128
        assert labels.ndim == 2
        assert np.array_equal(labels == classes.index(row.family), map_)
        assert np.array_equal(labels == 0, ~map_)
        assert (tmp_path / f"mmseg/img_dir/{row.split}/{row.key}.png").is_file()


def test_pairs_are_masked_and_clean_side_by_side(dataset: Path, tmp_path: Path, rows):
    exported(dataset, "pix2pix", tmp_path / "pairs")
    for row in rows.values():
        both = read_rgb(tmp_path / f"pairs/{row.split}/{row.key}.png")
        assert np.array_equal(both[:, : row.width], read_rgb(dataset / row.masked))
        assert np.array_equal(both[:, row.width :], read_rgb(dataset / row.clean))


def test_lmdb_holds_the_files_under_the_keys_of_meta_info(dataset: Path, tmp_path: Path, rows):
    lmdb = pytest.importorskip("lmdb", reason=EXTRA)
    exported(dataset, "lmdb", tmp_path / "lmdb", layers=True)
    seen = []
    for split in SPLITS:
        keys = {}
        for name in ("lq", "gt", "map", "layers"):
            # as BasicSR's FileClient and paired_paths_from_lmdb do
            folder = tmp_path / f"lmdb/{split}/{name}.lmdb"
            lines = (folder / "meta_info.txt").read_text().splitlines()
            keys[name] = [line.split(".")[0] for line in lines]
            shapes = [re.fullmatch(r"\S+\.\w+ \((\d+),(\d+),(\d)\) \d", line) for line in lines]
            with (
                lmdb.open(str(folder), readonly=True, lock=False, readahead=False) as base,
                base.begin() as read,
            ):
                for key, shape in zip(keys[name], shapes, strict=True):
                    row = rows[key]
                    file = {"lq": row.masked, "gt": row.clean, "map": row.map}.get(name, f"layers/{key}.png")
                    data = read.get(key.encode("ascii"))
                    assert data == (dataset / file).read_bytes()
                    assert shape is not None
                    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
                    assert [int(value) for value in shape.groups()] == [*image.shape, 1][:3]
        assert keys["lq"] == keys["gt"] == keys["map"]
        seen += keys["lq"]
    assert sorted(seen) == sorted(rows)


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)  # its own
def test_webdataset_decodes_the_samples_of_all_shards(dataset: Path, tmp_path: Path, rows):
    wds = pytest.importorskip("webdataset", reason=EXTRA)
    exported(dataset, "webdataset", tmp_path / "shards", shard_rows=3)
    seen = []
    for split in SPLITS:
        shards = sorted(map(str, (tmp_path / "shards/data").glob(f"{split}-*.tar")))
        count = sum(row.split == split for row in rows.values())
        assert len(shards) == -(-count // 3)
        for sample in wds.WebDataset(shards, shardshuffle=False, empty_check=False).decode("rgb8"):
            row = rows[sample["__key__"]]
            assert np.array_equal(sample["masked.png"], read_rgb(dataset / row.masked))
            assert np.array_equal(sample["map.png"][..., 0], read_map(dataset / row.map))
            assert sample["clean.jpg"].shape == (row.height, row.width, 3)
            assert (sample["json"]["split"], sample["json"]["identity"]) == (split, row.identity)
            seen.append(row.key)
    assert sorted(seen) == sorted(rows)


@pytest.fixture
def no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HOME", "HF_DATASETS_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.mark.filterwarnings("ignore")  # of the library's own
@pytest.mark.parametrize("format_", ["hf", "parquet"])
def test_datasets_loads_pictures_and_columns_of_every_split(
    format_: str, dataset: Path, tmp_path: Path, rows, no_hub: None
):
    datasets = pytest.importorskip("datasets", reason=EXTRA)
    dest, cache = tmp_path / "out", str(tmp_path / "cache")
    exported(dataset, format_, dest, layers=True, shard_rows=3)
    datasets.disable_progress_bars()
    if format_ == "hf":
        read = datasets.load_dataset("imagefolder", data_dir=str(dest), cache_dir=cache)
    else:
        read = datasets.load_dataset(str(dest), cache_dir=cache)
    assert set(read) == {"train", "validation", "test"}
    seen = []
    for name, part in read.items():
        for item in part:
            row = rows[item["key"]]
            assert row.split == ("val" if name == "validation" else name)
            assert np.array_equal(np.asarray(item["masked"].convert("RGB")), read_rgb(dataset / row.masked))
            assert np.array_equal(np.asarray(item["map"]), read_map(dataset / row.map))
            assert item["clean"].size == (row.width, row.height)
            assert np.asarray(item["layers"]).shape == (row.height, row.width, 3)
            assert (str(item["identity"]), item["family"]) == (row.identity, row.family)
            assert item["attr_Male"] in (0, 1)
            assert item["coverage"] == row.coverage
            seen.append(row.key)
    assert sorted(seen) == sorted(rows)
