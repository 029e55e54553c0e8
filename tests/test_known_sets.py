"""Data sets besides CelebA, known by their folders and the names of their pictures."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.datagen.common.errors import UnreadablePictureError, UserError
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.dataset.options import BuildOptions
from unmask.datagen.dataset.pack import pack
from unmask.datagen.dataset.pack_options import PackOptions
from unmask.datagen.dataset.verify import verify
from unmask.datagen.drawn_faces.demo import draw_demo_face, write_demo
from unmask.datagen.faces.parsing import mapped_stems, maps_sha256, read_parsing
from unmask.datagen.faces.parsing_labels import LABEL_NAMES
from unmask.datagen.pictures.picture import encode_jpg, encode_png
from unmask.datagen.sources.known_sets import recognise
from unmask.datagen.sources.open_source import open_source

JPG = encode_jpg(np.full((64, 64, 3), 90, np.uint8))


def fill(root: Path, *names: str, content: bytes = JPG) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def chosen(face: object, names: tuple[str, ...]) -> set[str]:
    return {name for name, bit in zip(names, face.attributes, strict=True) if bit}


# ---- UTKFace, LFW, FFHQ, CelebA-HQ --------------------------------------------------------------------------


def test_utkface_tells_sex_age_and_race_by_its_names(tmp_path):
    names = ["26_0_1_20170116184031.jpg.chip.jpg", "1_1_2_20161219140627985.jpg.chip.jpg", "90_1_4_2017.jpg"]
    source = open_source(str(fill(tmp_path, *names)))
    assert source.kind == "utkface"
    assert source.notes == ("UTKFace, by its names: sex, age and race are attributes",)
    told = {face.name.partition("_")[0]: chosen(face, source.attribute_names) for face in source.faces}
    assert told == {
        "26": {"Male", "Age_18_39", "Black"},
        "1": {"Age_0_17", "Asian"},
        "90": {"Age_60_Up", "Other_Race"},
    }
    assert not any(face.aligned or face.identity or face.split for face in source.faces)


def test_every_age_is_in_one_group():
    names = [f"{age}_0_0_2017.jpg" for age in range(117)]
    known = recognise(names)
    ages = [number for number, name in enumerate(known.tables.attribute_names) if name.startswith("Age")]
    assert all(sum(known.tables.attributes[name[:-4]][number] for number in ages) == 1 for name in names)


def test_a_few_names_that_lack_a_part_do_not_hide_utkface():
    names = [f"{age}_1_0_2017.jpg" for age in range(1, 60)]
    known = recognise([*names, "61_1_20170109150557335.jpg.chip.jpg"])
    assert known.kind == "utkface"
    assert len(known.tables.attributes) == 59


def test_lfw_has_its_people(tmp_path):
    names = ["lfw/Aaron_Peirsol/Aaron_Peirsol_0001.jpg", "lfw/Aaron_Peirsol/Aaron_Peirsol_0002.jpg"]
    source = open_source(str(fill(tmp_path, *names, "lfw/Zoe_Ball/Zoe_Ball_0001.jpg")))
    assert (source.kind, source.notes) == ("lfw", ("LFW, by its folders: 2 people",))
    assert [face.identity for face in source.faces] == ["Aaron_Peirsol", "Aaron_Peirsol", "Zoe_Ball"]


def test_people_with_names_are_numbers_in_a_packed_list_and_stay_apart(tmp_path):
    names = [f"Ann_{n % 2}/Ann_{n % 2}_{n:04d}.jpg" for n in range(3)]
    for number, name in enumerate(names):
        fill(tmp_path / "lfw", name, content=encode_jpg(draw_demo_face(number).image_rgb))
    pack(PackOptions(str(tmp_path / "lfw"), tmp_path / "out"))
    who = {face.name[-8:]: face.identity for face in open_source(str(tmp_path / "out")).faces}
    assert all(number.isdecimal() for number in who.values())
    assert len(set(who.values())) == min(2, len(who))


@pytest.mark.parametrize("folder", ["", "images1024x1024", "thumbnails128x128"])
def test_ffhq_has_its_splits(tmp_path, folder):
    names = ["00000/00000.png", "59000/59999.png", "60000/60000.png", "69000/69999.png"]
    fill(tmp_path / folder, *names)
    source = open_source(str(tmp_path))
    assert (source.kind, [face.name for face in source.faces]) == ("ffhq", names)
    assert [face.split for face in source.faces] == ["train", "train", "val", "val"]
    assert "60000 are train" in source.notes[0]


def test_ffhq_in_two_sizes_is_a_question(tmp_path):
    fill(tmp_path, "images1024x1024/00000/00000.png", "thumbnails128x128/00000/00000.png")
    with pytest.raises(UserError, match="holds images1024x1024 and thumbnails128x128: name one of them"):
        open_source(str(tmp_path))


def test_celeba_hq_in_folders_has_splits_and_sex(tmp_path):
    source = open_source(str(fill(tmp_path, "train/male/000016.jpg", "val/female/000001.jpg")))
    assert (source.kind, source.attribute_names) == ("celeba-hq", ("Male",))
    assert [(face.split, face.attributes) for face in source.faces] == [("train", (1,)), ("val", (0,))]


@pytest.mark.parametrize(
    "names",
    [
        ["holiday/beach.jpg", "holiday/beach_0001.jpg"],
        ["1000/00001.png"],
        ["00000/01000.png"],
        ["12000/00001.png", "00000/00001.png"],
        ["26_3_1_2017.jpg", "26_0_7_2017.jpg"],
        ["train/cat/1.jpg", "val/dog/2.jpg"],
        ["IMG_0001.jpg"],
        ["Ann/Bob_0001.jpg"],
        ["IMG/IMG_0001.jpg", "IMG/IMG_0002.jpg"],
    ],
)
def test_other_folders_are_plain_ones(tmp_path, names):
    source = open_source(str(fill(tmp_path, *names)))
    assert (source.kind, source.notes, source.attribute_names) == ("folder", (), ())


# ---- CelebAMask-HQ ------------------------------------------------------------------------------------------


def mask_hq(root: Path, numbers: tuple[int, ...] = (0, 3, 2000)) -> Path:
    for number in numbers:
        fill(
            root / "CelebA-HQ-img", f"{number}.jpg", content=encode_jpg(draw_demo_face(number % 48).image_rgb)
        )
    rows = "".join(f"{number}.jpg  -1  1\n" for number in numbers)
    (root / "CelebAMask-HQ-attribute-anno.txt").write_text(f"{len(numbers)}\nMale Young\n{rows}")
    (root / "CelebA-HQ-to-CelebA-mapping.txt").write_text(
        "idx    orig_idx    orig_file\n"
        + "".join(f"{number:<8d}{number + 7:<8d}{number + 8:06d}.jpg\n" for number in numbers)
    )
    return root


def parts(root: Path, number: int, shape: tuple[int, int], **rows: slice) -> Path:
    """Write part maps of which each covers some rows, hair in colour and others in grey."""
    folder = root / "CelebAMask-HQ-mask-anno"
    for name, where in rows.items():
        part = np.zeros((*shape, 3), np.uint8)
        part[where] = 255
        fill(
            folder,
            f"{number // 2000}/{number:05d}_{name}.png",
            content=encode_png(part if name == "hair" else np.ascontiguousarray(part[..., 0])),
        )
    return folder


def test_celebamask_hq_brings_attributes_and_says_where_its_maps_are(tmp_path):
    source = open_source(str(mask_hq(tmp_path)))
    parts(tmp_path, 0, (8, 8), skin=slice(0, 4))
    assert (source.kind, source.attribute_names) == ("celebamask-hq", ("Male", "Young"))
    assert [face.name for face in source.faces] == ["0.jpg", "2000.jpg", "3.jpg"]
    assert all(face.attributes == (0, 1) and not face.aligned for face in source.faces)
    assert "--parsing" in open_source(str(tmp_path)).notes[1]
    assert open_source(str(tmp_path / "CelebA-HQ-img")).kind == "celebamask-hq"


def test_celebas_lists_beside_celebamask_hq_give_people_and_splits(tmp_path):
    mask_hq(tmp_path)
    (tmp_path / "list_eval_partition.txt").write_text("000008.jpg 2\n000011.jpg 0\n999999.jpg 1\n")
    (tmp_path / "identity_CelebA.txt").write_text("000008.jpg 12\n002008.jpg 13\n")
    source = open_source(str(tmp_path), split="test")
    (face,) = source.faces
    assert (face.name, face.split, face.identity) == ("0.jpg", "test", "12")
    known = {face.name: (face.split, face.identity) for face in open_source(str(tmp_path)).faces}
    assert known == {"0.jpg": ("test", "12"), "3.jpg": ("train", ""), "2000.jpg": ("", "13")}


def test_a_malformed_mapping_is_named_by_file_and_line(tmp_path):
    mask_hq(tmp_path)
    (tmp_path / "list_eval_partition.txt").write_text("000008.jpg 2\n")
    path = tmp_path / "CelebA-HQ-to-CelebA-mapping.txt"
    path.write_text(path.read_text() + "4 12\n")
    with pytest.raises(UserError, match=r"mapping\.txt: line 5: 2 values"):
        open_source(str(tmp_path))


def test_part_maps_are_merged_and_later_parts_cover_earlier_ones(tmp_path):
    folder = parts(
        tmp_path, 2001, (12, 8), skin=slice(0, 12), hair=slice(0, 6), hat=slice(0, 2), neck=slice(10, 12)
    )
    labels = read_parsing(folder, "2001", (24, 16))
    names = [LABEL_NAMES[label] for label in labels[:, 3]]
    assert names == ["hat"] * 4 + ["hair"] * 8 + ["skin"] * 8 + ["neck"] * 4
    assert np.array_equal(read_parsing(folder, "02001", (24, 16)), labels)
    assert read_parsing(folder, "2002", (24, 16)) is None
    assert read_parsing(folder, "portrait", (24, 16)) is None
    assert mapped_stems(folder) == {"2001", "02001"}


def test_the_hash_of_part_maps_changes_with_any_of_them(tmp_path):
    folder = parts(tmp_path, 0, (8, 8), skin=slice(0, 4), hair=slice(0, 1))
    before = maps_sha256(folder)
    parts(tmp_path, 0, (8, 8), hair=slice(0, 2))
    assert maps_sha256(folder) != before


def test_part_maps_that_do_not_fit_are_unreadable(tmp_path):
    folder = parts(tmp_path, 0, (8, 8), skin=slice(0, 4))
    parts(tmp_path, 0, (9, 8), hair=slice(0, 4))
    with pytest.raises(UnreadablePictureError, match=r"00000_hair\.png is 8x9"):
        read_parsing(folder, "0", (8, 8))
    (folder / "0/00000_hair.png").write_bytes(b"no picture")
    with pytest.raises(UnreadablePictureError, match=r"00000_hair\.png: "):
        read_parsing(folder, "0", (8, 8))


def test_a_build_keeps_hair_of_part_maps_in_front_and_verifies(tmp_path):
    root = mask_hq(tmp_path / "hq", numbers=(0, 1))
    landmarks = tmp_path / "points.csv"
    write_demo(tmp_path / "demo", 2)
    text = (tmp_path / "demo/landmarks.csv").read_text()
    landmarks.write_text(text.replace("000001.jpg", "0.jpg").replace("000002.jpg", "1.jpg"))
    chin = int(draw_demo_face(0).landmarks[8, 1])
    folder = parts(root, 0, (218, 178), skin=slice(0, chin), hair=slice(chin - 14, chin))
    options = BuildOptions(str(root), tmp_path / "out", landmarks=landmarks, parsing=folder)
    report = build(options)
    assert "1 of 2 pictures have a parsing map" in report.notes
    rows = {row.source: row for row in iterate_manifest(tmp_path / "out/manifest.csv")}
    assert {row.status for row in rows.values()} == {"ok"}, [row.reason for row in rows.values()]
    kept = cv2.imread(str(tmp_path / "out" / rows["0.jpg"].map), cv2.IMREAD_UNCHANGED)
    assert not kept[chin - 12 : chin - 2].any()
    assert kept.any()
    assert not verify(tmp_path / "out", replay=2)


def test_numbers_are_not_asked_of_maps_in_parts(tmp_path):
    root = mask_hq(tmp_path / "hq", numbers=(0,))
    folder = parts(root, 0, (8, 8), skin=slice(0, 4))
    with pytest.raises(UserError, match=r"parsing_labels bisenet: the part maps .* have names, no numbers"):
        build(BuildOptions(str(root), tmp_path / "out", parsing=folder, parsing_labels="bisenet"))
