import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from unmask.datagen.common.errors import UnreadablePictureError, UserError
from unmask.datagen.pictures.picture import decode_picture, encode_jpg
from unmask.datagen.sources.open_source import open_source
from unmask.datagen.sources.source import make_stems

SHARED = Path(__file__).parents[2] / "shared" / "data" / "celeba"
JPG = encode_jpg(np.full((218, 178, 3), 90, np.uint8))
NAMES = ["000001.jpg", "000002.jpg", "000003.jpg", "000004.jpg"]


def fill(folder, *names, content=JPG):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def make_celeba(root, names=NAMES, pictures="img_align_celeba", kind="txt"):
    fill(root / pictures, *names)
    if kind == "txt":
        rows = "".join(f"{name} {1 if number % 2 else -1:2d} -1\n" for number, name in enumerate(names))
        (root / "list_attr_celeba.txt").write_text(f"{len(names)}\nMale Smiling \n{rows}")
        (root / "identity_CelebA.txt").write_text(
            "".join(f"{name} {7 + n}\n" for n, name in enumerate(names))
        )
        (root / "list_eval_partition.txt").write_text(
            "".join(f"{name} {n % 3}\n" for n, name in enumerate(names))
        )
        points = "69  109  106  113   77  142   73  152  108  154"
        (root / "list_landmarks_align_celeba.txt").write_text(
            f"{len(names)}\nlefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y "
            f"rightmouth_x rightmouth_y\n" + "".join(f"{name}  {points}\n" for name in names)
        )
    else:
        rows = "".join(f"{name},{1 if number % 2 else -1},-1\n" for number, name in enumerate(names))
        (root / "list_attr_celeba.csv").write_text(f"image_id,Male,Smiling\n{rows}")
        (root / "list_eval_partition.csv").write_text(
            "image_id,partition\n" + "".join(f"{name},{n % 3}\n" for n, name in enumerate(names))
        )
        (root / "list_landmarks_align_celeba.csv").write_text(
            "image_id,lefteye_x,lefteye_y,righteye_x,righteye_y,nose_x,nose_y,leftmouth_x,leftmouth_y,"
            "rightmouth_x,rightmouth_y\n"
            + "".join(f"{name},69,109,106,113,77,142,73,152,108,154\n" for name in names)
        )
    return root


@pytest.mark.parametrize("kind", ["txt", "csv"])
def test_celeba_brings_its_annotations(tmp_path, kind):
    source = open_source(str(make_celeba(tmp_path, kind=kind)))
    assert source.kind == "celeba"
    assert source.attribute_names == ("Male", "Smiling")
    assert source.notes == ()
    first, second = source.faces[:2]
    assert [face.name for face in source.faces] == NAMES
    assert (first.stem, first.split, first.attributes) == ("000001", "train", (0, 0))
    assert (second.split, second.attributes) == ("val", (1, 0))
    assert first.identity == ("7" if kind == "txt" else "")
    assert first.points5 == (69, 109, 106, 113, 77, 142, 73, 152, 108, 154)
    assert first.aligned
    assert first.read_bytes() == JPG


def test_a_folder_nested_once_more_is_the_picture_folder(tmp_path):
    make_celeba(tmp_path, pictures="img_align_celeba/img_align_celeba", kind="csv")
    source = open_source(str(tmp_path))
    assert [face.name for face in source.faces] == NAMES
    assert source.faces[1].attributes == (1, 0)
    assert source.faces[0].aligned


def test_pictures_beside_the_annotations_are_aligned_by_their_shape(tmp_path):
    source = open_source(str(make_celeba(tmp_path / "a", pictures="")))
    assert source.kind == "celeba"
    assert source.notes == ()
    assert all(face.aligned for face in source.faces)
    make_celeba(tmp_path / "b", pictures="")
    fill(tmp_path / "b", *NAMES, content=encode_jpg(np.zeros((200, 300, 3), np.uint8)))
    assert not any(face.aligned for face in open_source(str(tmp_path / "b")).faces)


def test_the_picture_folder_itself_finds_the_lists_beside_it(tmp_path):
    make_celeba(tmp_path)
    source = open_source(str(tmp_path / "img_align_celeba"))
    assert source.faces[1].attributes == (1, 0)
    assert source.faces[0].aligned


def test_lists_in_anno_and_eval_folders_are_found(tmp_path):
    make_celeba(tmp_path)
    for folder, names in (("Anno", ["list_attr_celeba.txt"]), ("Eval", ["list_eval_partition.txt"])):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / name).rename(tmp_path / folder / name)
    source = open_source(str(tmp_path))
    assert (source.faces[1].attributes, source.faces[1].split) == ((1, 0), "val")


def official_tree(root):
    """As the official download unpacks: three editions of the pictures below Img, lists in Anno and Eval."""
    make_celeba(root, pictures="Img/img_align_celeba")
    fill(root / "Img/img_align_celeba_png", *(name.replace(".jpg", ".png") for name in NAMES))
    fill(root / "Img/img_celeba", *NAMES)
    for folder in ("Anno", "Eval"):
        (root / folder).mkdir()
    for path in root.glob("*.txt"):
        path.rename(root / ("Eval" if "partition" in path.name else "Anno") / path.name)
    return root


@pytest.mark.parametrize("place", ["", "Img"])
def test_of_the_official_tree_each_face_is_taken_once_and_that_is_said(tmp_path, place):
    source = open_source(str(official_tree(tmp_path) / place))
    assert [face.name for face in source.faces] == NAMES
    assert source.root.endswith("Img/img_align_celeba")
    assert source.notes == (
        "pictures of img_align_celeba; the same faces are in img_align_celeba_png, img_celeba: name one of them "
        "to take it",
    )
    second = source.faces[1]
    assert (second.attributes, second.split, second.identity) == ((1, 0), "val", "8")
    assert second.aligned and second.points5


@pytest.mark.parametrize("name", ["img_align_celeba", "img_align_celeba_png", "img_celeba"])
def test_a_picture_folder_of_the_official_tree_finds_the_lists_two_folders_up(tmp_path, name):
    source = open_source(str(official_tree(tmp_path) / "Img" / name))
    assert source.notes == ()
    second = source.faces[1]
    assert (second.attributes, second.split, second.identity) == ((1, 0), "val", "8")
    assert (second.points5 is None) == (name == "img_celeba")  # they are those of the aligned pictures


def test_lists_two_folders_up_belong_to_the_official_tree_only(tmp_path):
    make_celeba(tmp_path, pictures="holiday/img_align_celeba")
    assert open_source(str(tmp_path / "holiday/img_align_celeba")).attribute_names == ()


def test_a_list_and_a_folder_that_do_not_match_are_counted_in_both_directions(tmp_path):
    make_celeba(tmp_path)
    (tmp_path / "img_align_celeba/000004.jpg").unlink()
    fill(tmp_path / "img_align_celeba", "000009.jpg")
    source = open_source(str(tmp_path))
    assert "list_attr_celeba.txt names 1 picture that is not in the folder" in source.notes
    assert "list_attr_celeba.txt does not name 1 picture that is in the folder" in source.notes
    assert source.faces[-1].attributes == ()
    assert source.faces[-1].split == ""


def test_the_png_edition_uses_the_lists_that_name_jpg(tmp_path):
    make_celeba(tmp_path)
    for name in NAMES:
        path = tmp_path / "img_align_celeba" / name
        path.rename(path.with_suffix(".png"))
    assert open_source(str(tmp_path)).faces[1].attributes == (1, 0)


def test_a_number_of_rows_that_is_not_true_is_a_note(tmp_path):
    make_celeba(tmp_path)
    path = tmp_path / "list_attr_celeba.txt"
    path.write_text(path.read_text().replace("4\n", "202599\n", 1))
    assert "list_attr_celeba.txt announces 202599 rows and has 4" in open_source(str(tmp_path)).notes


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "what"),
    [
        ("list_attr_celeba.txt", "000002.jpg  1 -1", "000002.jpg  1", 4, "1 values after the name where 2"),
        ("list_attr_celeba.txt", "000002.jpg  1 -1", "000002.jpg  1 yes", 4, "'yes'"),
        ("list_attr_celeba.txt", "000003.jpg", "000002.jpg", 5, "twice"),
        ("identity_CelebA.txt", "000003.jpg 9", "000003.jpg", 3, "0 values after the name where 1"),
        ("identity_CelebA.txt", "000003.jpg 9", "000003.jpg nobody", 3, "'nobody'"),
        ("list_eval_partition.txt", "000002.jpg 1", "000002.jpg 5", 2, "'5'"),
        ("list_landmarks_align_celeba.txt", "000001.jpg  69", "000001.jpg  left", 3, "not a number"),
    ],
)
def test_a_malformed_row_is_named_by_file_and_line(tmp_path, file, old, new, line, what):
    path = make_celeba(tmp_path) / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UserError, match=f"{file}: line {line}: .*{what}"):
        open_source(str(tmp_path))


def test_a_list_without_the_names_of_its_attributes_is_an_error(tmp_path):
    make_celeba(tmp_path)
    (tmp_path / "list_attr_celeba.txt").write_text("000001.jpg 1 -1\n")
    with pytest.raises(UserError, match="names of the attributes"):
        open_source(str(tmp_path))


def test_any_tree_of_pictures_is_a_source(tmp_path):
    names = ["a.jpg", "B.JPEG", "c d/e.f.Png", "c d/zwei/Ünïcode 写真.webp", "x.bmp", "dots.in.name.jpg"]
    names += ["p.jfif", "q.JPE"]
    fill(tmp_path, *names)
    fill(tmp_path, "notes.txt", "table.csv", "c d/movie.mp4", ".hidden.jpg", ".git/x.jpg", "c d/.cache/y.png")
    source = open_source(str(tmp_path))
    assert source.kind == "folder"
    assert [face.name for face in source.faces] == sorted(names)
    assert source.notes == ("3 files that are not pictures were left out",)
    stems = {face.name: face.stem for face in source.faces}
    assert stems["c d/e.f.Png"] == "c d__e.f"
    assert stems["dots.in.name.jpg"] == "dots.in.name"
    assert not any(face.aligned or face.split or face.identity or face.attributes for face in source.faces)
    assert all(face.read_bytes() == JPG for face in source.faces)


def test_clashing_stems_get_a_hash_that_depends_on_the_name_only():
    stems = make_stems(["a.jpg", "a.png", "b/c.jpg", "b__c.jpg"])
    assert stems[0] == "a"
    assert stems[2] == "b__c"
    assert stems[1].startswith("a~")
    assert len(stems[1]) == len("a~") + 8
    assert stems[3].startswith("b__c~")
    assert make_stems(["a.bmp", "a.png"])[1] == stems[1]


def test_stems_that_differ_in_case_only_do_not_share_a_file():
    stems = make_stems(["Face.jpg", "face.jpg"])
    assert len({stem.casefold() for stem in stems}) == 2


def test_loops_and_broken_links_do_no_harm(tmp_path):
    fill(tmp_path, "real/a.jpg")
    (tmp_path / "real/loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "again").symlink_to(tmp_path / "real", target_is_directory=True)
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "nowhere.jpg")
    source = open_source(str(tmp_path))
    assert [face.name for face in source.faces] == ["real/a.jpg"]
    assert source.notes == ("1 file that is a broken link or a device was left out",)


def test_a_linked_picture_and_a_linked_folder_count(tmp_path):
    fill(tmp_path / "elsewhere", "a.jpg")
    (tmp_path / "source").mkdir()
    (tmp_path / "source/link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "source/b.jpg").symlink_to(tmp_path / "elsewhere/a.jpg")
    assert [face.name for face in open_source(str(tmp_path / "source")).faces] == ["b.jpg", "link/a.jpg"]


def test_a_name_that_is_not_utf8_is_a_picture_like_any_other(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.jpg")).write_bytes(JPG)
    except OSError:
        pytest.skip("this file system wants UTF-8")
    (face,) = open_source(str(tmp_path)).faces
    assert face.read_bytes() == JPG


def test_split_and_limit_choose_in_this_order(tmp_path):
    make_celeba(tmp_path)
    spec = str(tmp_path)
    assert [face.name for face in open_source(spec, split="train").faces] == ["000001.jpg", "000004.jpg"]
    assert [face.name for face in open_source(spec, split="train", limit=1).faces] == ["000001.jpg"]
    assert len(open_source(spec, split="all").faces) == 4
    assert len(open_source(spec, limit=3).faces) == 3


def test_stems_do_not_depend_on_what_is_chosen(tmp_path):
    make_celeba(tmp_path)
    fill(tmp_path / "img_align_celeba", "000002.bmp")
    everything = {face.name: face.stem for face in open_source(str(tmp_path)).faces}
    chosen = open_source(str(tmp_path), split="val").faces
    assert {face.name: everything[face.name] for face in chosen} == {face.name: face.stem for face in chosen}


def test_what_a_person_can_mend_is_one_line_that_names_it(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    fill(tmp_path / "texts", "a.txt", "b.txt")
    fill(tmp_path / "plain", "a.jpg")
    make_celeba(tmp_path / "celeba", names=NAMES[:1])
    cases = [
        ({"spec": str(tmp_path / "nowhere")}, "nowhere.*no such folder"),
        ({"spec": str(tmp_path / "plain/a.jpg")}, "a.jpg: not a folder, nor a zip"),
        ({"spec": str(empty)}, "empty: no jpg, jpeg, png, webp or bmp picture"),
        ({"spec": str(tmp_path / "texts")}, "2 files that are not pictures"),
        ({"spec": str(tmp_path / "plain"), "split": "test"}, "split test: .*list_eval_partition"),
        ({"spec": str(tmp_path / "plain"), "split": "half"}, "split half"),
        ({"spec": str(tmp_path / "celeba"), "split": "test"}, "split test: no picture"),
        ({"spec": str(tmp_path / "plain"), "limit": 0}, "limit 0"),
        ({"spec": str(tmp_path / "plain"), "limit": -3}, "limit -3"),
    ]
    for arguments, words in cases:
        with pytest.raises(UserError, match=words) as caught:
            open_source(**arguments)
        assert "\n" not in str(caught.value)


def test_the_demo_needs_no_file_and_knows_its_landmarks():
    source = open_source("demo")
    assert source.kind == "demo"
    assert len(source.attribute_names) == 40
    assert [face.name for face in source.faces] == sorted(face.name for face in source.faces)
    drawn, portrait = source.faces[0], source.faces[-1]
    assert drawn.path is None
    assert drawn.aligned
    assert len(drawn.attributes) == 40
    picture = decode_picture(drawn.read_bytes())
    assert picture.image_rgb.shape == (218, 178, 3)
    assert drawn.read_bytes() == drawn.read_bytes()
    (landmarks,) = drawn.known_landmarks()
    assert landmarks.source == "drawn"
    np.testing.assert_array_equal(landmarks.points * 4, np.rint(landmarks.points * 4))
    assert portrait.known_landmarks() is None
    assert not portrait.aligned
    assert decode_picture(portrait.read_bytes()).image_rgb.shape == (512, 512, 3)
    assert {face.split for face in source.faces} >= {"train", "val", "test"}


def test_a_written_demo_opens_as_celeba_and_equals_the_embedded_one(tmp_path):
    from unmask.datagen.drawn_faces.demo import write_demo

    write_demo(tmp_path, 3)
    written, embedded = open_source(str(tmp_path)), open_source("demo")
    assert written.attribute_names == embedded.attribute_names
    assert written.notes == ()
    for one, other in zip(written.faces, embedded.faces, strict=False):
        assert (one.name, one.stem, one.split, one.identity, one.attributes) == (
            other.name,
            other.stem,
            other.split,
            other.identity,
            other.attributes,
        )
        assert one.read_bytes() == other.read_bytes()
        assert one.aligned


def test_source_faces_are_small_and_travel():
    for face in open_source("demo", limit=2).faces:
        packed = pickle.dumps(face)
        assert pickle.loads(packed) == face
        assert len(packed) < 1000


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not there")
def test_the_shared_celeba_opens_without_a_note():
    source = open_source(str(SHARED))
    assert (source.kind, len(source.faces), source.notes) == ("celeba", 23105, ())
    assert all(face.split and face.identity and len(face.attributes) == 40 for face in source.faces)


def test_long_stems_are_cut_and_stay_apart():
    names = [f"{'é' * 150}/{n}.jpg" for n in range(3)]
    stems = make_stems(names)
    assert len(set(stems)) == 3
    assert all(190 <= len(stem.encode()) <= 200 for stem in stems)
    assert make_stems(names[2:]) == stems[2:]


@pytest.mark.parametrize("head", ["", "3\n", "image_id identity\n", "name person\n"])
def test_a_first_row_without_extension_is_no_header(tmp_path, head):
    make_celeba(tmp_path)
    rows = "".join(f"{name[:-4]} {number}\n" for number, name in enumerate(NAMES, 5))
    (tmp_path / "identity_CelebA.txt").write_text(head + rows)
    source = open_source(str(tmp_path))
    assert [face.identity for face in source.faces] == [str(5 + n) for n in range(len(NAMES))]


def test_a_picture_that_has_gone_is_unreadable(tmp_path):
    fill(tmp_path, "a.jpg")
    face = open_source(str(tmp_path)).faces[0]
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(UnreadablePictureError, match="cannot be read: No such file"):
        face.read_bytes()


def test_attributes_are_the_same_however_their_columns_are_set(tmp_path):
    bits = np.random.Generator(np.random.PCG64(3)).random((len(NAMES), 5)) < 0.5
    rows = [[f"{2 * int(bit) - 1}" for bit in row] for row in bits]
    ways = {
        "official": lambda values: " ".join(f"{value:>2}" for value in values),
        "close": " ".join,
        "tabs": "\t".join,
        "zeros": lambda values: " ".join(values).replace("-1", "0"),
    }
    for way, join in ways.items():
        root = make_celeba(tmp_path / way)
        lines = [f"{name} {join(values)}\n" for name, values in zip(NAMES, rows, strict=True)]
        (root / "list_attr_celeba.txt").write_text("A B C D E\n" + "".join(lines))
        assert np.array_equal([face.attributes for face in open_source(str(root)).faces], bits), way
