"""Tables as people have them: pandas, R, spreadsheets and scripts wrote them."""

import io
import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.table import read_rows
from unmask.datagen.dataset.manifest import (
    RowReader,
    iterate_manifest,
    read_attribute_names,
    read_manifest,
    write_manifest,
)
from unmask.datagen.dataset.manifest_row import ManifestRow
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.pictures.picture import encode_jpg
from unmask.datagen.sources.celeba import read_tables
from unmask.datagen.sources.open_source import open_source

ATTRIBUTES = pd.DataFrame(
    {
        "image_id": ["000001.jpg", "000002.jpg", "000003.jpg"],
        "5_o_Clock_Shadow": [-1, 1, -1],
        "Smiling": [1, 1, -1],
    }
)
TRUTH = {"000001": (0, 1), "000002": (1, 1), "000003": (0, 0)}
INDEXED = ATTRIBUTES.set_index("image_id")
BITS = (INDEXED + 1) // 2
LEVELS = ATTRIBUTES.assign(split=["train", "val", "test"]).set_index(["split", "image_id"])
NAMELESS = LEVELS.rename_axis([None, None])


def csv(table, **options):
    return table.to_csv(**options)


ATTRIBUTE_TABLES = {
    "as published": csv(ATTRIBUTES, index=False),
    "numbered": csv(ATTRIBUTES),
    "name in the index": csv(INDEXED),
    "no name for the index": csv(INDEXED.rename_axis(None)),
    "reset_index without a name": csv(INDEXED.rename_axis(None).reset_index(), index=False),
    "reset_index of a numbered one": csv(ATTRIBUTES.reset_index(), index=False),
    "numbered twice": csv(pd.read_csv(io.StringIO(csv(ATTRIBUTES)))),
    "name in a later column": csv(ATTRIBUTES[["5_o_Clock_Shadow", "image_id", "Smiling"]], index=False),
    "quoted": csv(ATTRIBUTES, index=False, quoting=1),
    "semicolons": csv(ATTRIBUTES, index=False, sep=";"),
    "tabs, no name for the index": csv(INDEXED.rename_axis(None), sep="\t"),
    "decimal commas": csv(INDEXED.astype(float), sep=";", decimal=","),
    "bars": csv(ATTRIBUTES, index=False, sep="|"),
    "printed": ATTRIBUTES.to_string(),
    "joined with other lists": csv(ATTRIBUTES.assign(partition=[0, 1, 2], identity=[2880, 7, 8])),
    "a number for the name": csv(ATTRIBUTES.rename(columns={"image_id": "0"}), index=False),
    "official, CR": "3\r5_o_Clock_Shadow,Smiling\r000001.jpg,-1,1\r000002.jpg,1,1\r000003.jpg,-1,-1\r",
    "tabs": csv(ATTRIBUTES, index=False, sep="\t"),
    "blanks": csv(ATTRIBUTES, index=False, sep=" "),
    "byte order mark": "\ufeff" + csv(ATTRIBUTES, index=False),
    "CRLF": csv(ATTRIBUTES, index=False, lineterminator="\r\n"),
    "CR": csv(ATTRIBUTES, index=False, lineterminator="\r"),
    "0 and 1": csv(BITS),
    "True and False": csv(BITS.astype(bool)),
    "TRUE and FALSE": csv(BITS.astype(bool)).upper().replace("JPG", "jpg"),
    "floats": csv(INDEXED.astype(float)),
    "floats of 0 and 1": csv(BITS.astype(float)),
    "folders": csv(ATTRIBUTES.assign(image_id="img_align_celeba/" + ATTRIBUTES["image_id"])),
    "folders of Windows": csv(ATTRIBUTES.assign(image_id="C:\\celeba\\" + ATTRIBUTES["image_id"])),
    "names without extension": csv(ATTRIBUTES.assign(image_id=list(TRUTH))),
    "R": '"image_id" "5_o_Clock_Shadow" "Smiling"\n"1" "000001.jpg" -1 1\n"2" "000002.jpg" 1 1\n'
    '"3" "000003.jpg" -1 -1\n',
    "empty lines": csv(ATTRIBUTES, index=False).replace("\n", "\n\n"),
    "separator at the end": csv(ATTRIBUTES, index=False).replace("\n", ",\n"),
    "blanks after commas": csv(ATTRIBUTES, index=False).replace(",", ", "),
    "blanks before quotes": csv(ATTRIBUTES.astype(str), index=False, quoting=1).replace('","', '", "'),
    "the separator told": "sep=;\r\n" + csv(ATTRIBUTES, index=False, sep=";", lineterminator="\r\n"),
    "an index of two levels": csv(LEVELS),
    "of two levels without names": csv(NAMELESS),
    "reset_index of two levels": csv(LEVELS.reset_index()),
    "reset_index of two without names": csv(NAMELESS.reset_index(), index=False),
    "numbered, of two without names": csv(NAMELESS.reset_index()),
    "a name for the numbers": csv(ATTRIBUTES, index_label="idx"),
    "blanks around names": csv(ATTRIBUTES.rename(columns=" {} ".format), index=False),
    "official": "3\n5_o_Clock_Shadow Smiling \n000001.jpg -1  1\n000002.jpg  1  1\n000003.jpg -1 -1\n",
}


@pytest.mark.parametrize("kind", ATTRIBUTE_TABLES)
@pytest.mark.parametrize("extension", [".txt", ".csv"])
def test_attributes_are_the_same_whoever_wrote_the_table(tmp_path, kind, extension):
    path = tmp_path / f"list_attr_celeba{extension}"
    path.write_bytes(ATTRIBUTE_TABLES[kind].encode())
    tables = read_tables({"list_attr_celeba": path})
    names = tables.attribute_names
    columns = [[name.lower() for name in names].index(name.lower()) for name in INDEXED.columns]
    assert len(names) == 2
    assert {
        key: tuple(bits[column] for column in columns) for key, bits in tables.attributes.items()
    } == TRUTH


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", "\t,;")
def test_a_spreadsheets_unicode_text_is_read(tmp_path, encoding, separator):
    path = tmp_path / "list_attr_celeba.txt"
    path.write_bytes(csv(ATTRIBUTES, index=False, sep=separator).encode(encoding))
    assert read_tables({"list_attr_celeba": path}).attributes == TRUTH


def test_a_row_of_gaps_says_nothing_and_half_a_row_is_an_error(tmp_path):
    path = tmp_path / "list_attr_celeba.csv"
    path.write_text("image_id,Male,Smiling\n000001.jpg,1.0,-1.0\n000002.jpg,,\n")
    assert read_tables({"list_attr_celeba": path}).attributes == {"000001": (1, 0)}
    path.write_text("image_id,Male,Smiling\n000001.jpg,1.0,-1.0\n000002.jpg,1.0,\n")
    with pytest.raises(UserError, match=r"list_attr_celeba\.csv: line 3: ''"):
        read_tables({"list_attr_celeba": path})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image_id,Male,Male\n000001.jpg,1,1\n", "two columns are called 'Male'"),
        ("image_id,Male\n000001.jpg,2\n", "line 2: '2' where 1 or -1"),
        ("image_id,Male,Smiling\n000001.jpg,1,0\n000002.jpg,-1,0\n", "line 2: both 0 and -1"),
        ("image_id;Male\n000001.jpg;1;1\n", "line 2: 2 values after the name where 1"),
        ('"\n000001.jpg 1\n', "not a CSV table: .*: '\"'"),
        ("sep=,\nimage_id,Male\n000001.jpg,1\n000002.jpg,2\n", "line 4: '2' where 1 or -1"),
    ],
)
def test_what_is_not_clear_is_said_with_file_and_line(tmp_path, text, words):
    path = tmp_path / "list_attr_celeba.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=words) as caught:
        read_tables({"list_attr_celeba": path})
    assert str(path) in str(caught.value)


PARTS = {
    "numbers": "000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n",
    "words": "image_id,partition\n000001.jpg,train\n000002.jpg,val\n000003.jpg,test\n",
    "other words": "image_id,split\n000001.jpg,Training\n000002.jpg,validation\n000003.jpg,TEST\n",
    "words without header": "000001.jpg,train\n000002.jpg,val\n000003.jpg,test\n",
    "no header, no extension": "000001 train\n000002 val\n000003 test\n",
    "numbered, no header": "0,000001.jpg,0\n1,000002.jpg,1\n2,000003.jpg,2\n",
    "numbered header": ",0,1\n0,000001.jpg,0\n1,000002.jpg,1\n2,000003.jpg,2\n",
    "numbers for names": "0,1\n000001.jpg,0\n000002.jpg,1\n000003.jpg,2\n",
    "floats": "image_id;partition\n000001.jpg;0.0\n000002.jpg;1.0\n000003.jpg;2.0\n",
    "more columns": "image_id,identity,partition\n000001.jpg,2880,0\n000002.jpg,7,1\n000003.jpg,8,2\n",
}


@pytest.mark.parametrize("kind", PARTS)
def test_the_partition_may_be_numbers_or_words(tmp_path, kind):
    path = tmp_path / "list_eval_partition.txt"
    path.write_text(PARTS[kind])
    splits = read_tables({"list_eval_partition": path}).splits
    assert splits == {"000001": "train", "000002": "val", "000003": "test"}


def test_identities_and_points_are_found_among_other_columns(tmp_path):
    people, points = tmp_path / "identity_CelebA.txt", tmp_path / "list_landmarks_align_celeba.csv"
    people.write_text(",image_id,identity,age\n0,000001.jpg,2880.0,3\n")
    points.write_text(
        "image_id;lefteye_x;righteye_x;nose_x;leftmouth_x;rightmouth_x;"
        "lefteye_y;righteye_y;nose_y;leftmouth_y;rightmouth_y\n000001.jpg;69,5;106;77;73;108;109;113;142;152;154\n"
    )
    tables = read_tables({"identity_CelebA": people, "list_landmarks_align_celeba": points})
    assert tables.identities == {"000001": "2880"}
    assert tables.points5 == {"000001": (69.5, 109, 106, 113, 77, 142, 73, 152, 108, 154)}


# ---- manifests ---------------------------------------------------------------------------------------------


OK = ManifestRow(
    "a_00", "a.jpg", "0f" * 32, 0, "train", "2880", masked="masked/a_00.png", map="map/a_00.png",
    clean="clean/a.jpg", width=178, height=218, faces=1, family="surgical", coverage=0.25, yaw=-12.5,
    support=(1, 2, 30, 40), recipe='{"version":1,"faces":[]}', attributes=(1, 0),
)  # fmt: skip
FAILED = ManifestRow("b_00", "b.jpg", "1f" * 32, 0, status="no_face", reason="no face")


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "manifest.csv"
    write_manifest(path, [OK, FAILED, replace(OK, key="c_00")], ["Male", "Smiling"])
    return path


def write_shuffled(table, path):
    table[list(reversed(table.columns))].assign(score=0.5).to_csv(path, index=False)


@pytest.mark.parametrize(
    "write",
    [
        lambda table, path: table.to_csv(path, index=False),
        lambda table, path: table.to_csv(path),
        lambda table, path: table.reset_index().to_csv(path, index=False, sep=";"),
        lambda table, path: table.to_csv(path, index=False, sep=";", decimal=","),
        lambda table, path: table.to_csv(path, index=False, sep="\t", lineterminator="\r\n"),
        lambda table, path: table.to_csv(path, index=False, encoding="utf-8-sig", quoting=1),
        lambda table, path: table.to_csv(path, index=False, encoding="utf-16", sep="\t"),
        lambda table, path: table.to_csv(path, index=False, lineterminator="\r"),
        lambda table, path: table.to_csv(
            path, index=False, lineterminator="\r", quoting=1, sep=";", decimal=","
        ),
        lambda table, path: table.rename(columns=" {} ".format).to_csv(path, index=False),
        lambda table, path: table.set_index(["split", "key"]).reset_index().to_csv(path),
        lambda table, path: path.write_text("sep=;\n" + table.to_csv(index=False, sep=";")),
        write_shuffled,
    ],
)
def test_a_manifest_written_by_pandas_has_the_same_rows(manifest, write):
    rows = list(iterate_manifest(manifest))
    write(pd.read_csv(manifest), manifest)
    assert sorted(read_attribute_names(manifest)) == ["Male", "Smiling"]
    found = list(iterate_manifest(manifest))
    backwards = read_attribute_names(manifest) == ("Smiling", "Male")
    wanted = [replace(row, attributes=row.attributes[::-1]) if backwards else row for row in rows]
    assert found == wanted
    reader = RowReader(manifest)
    assert [reader.read(number) for number in range(3)] == wanted
    table = read_manifest(manifest)
    assert table["width"].dtype == "Int64"
    assert table["width"].tolist() == [178, pd.NA, 178]
    assert table["identity"].tolist() == ["2880", "", "2880"]
    assert table["attr_Male"].tolist() == [1, pd.NA, 1]


def test_a_person_that_pandas_rounded_is_the_same(manifest):
    pd.read_csv(manifest).to_csv(manifest, index=False, float_format="%.2f")
    assert b",2880.00," in manifest.read_bytes()
    assert [row.identity for row in iterate_manifest(manifest)] == ["2880", "", "2880"]


def test_a_filtered_manifest_is_read(manifest):
    table = pd.read_csv(manifest)
    table[table["status"] == "no_face"].to_csv(manifest, index=False)
    assert list(iterate_manifest(manifest)) == [FAILED]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text.replace(",178,", ",178.5,", 1), "line 2: width: '178.5' where a whole number"),
        (lambda text: text.replace(",1,0\n", ",1,\n", 1), "line 2: ''"),
        (lambda text: text.replace("attr_Male", "attr_Smiling"), "two columns are called 'attr_Smiling'"),
        (lambda text: text.replace("template,", "key,", 1), "column 'key' is there twice"),
    ],
)
def test_what_a_manifest_cannot_say_is_one_line(manifest, damage, words):
    manifest.write_text(damage(manifest.read_text()))
    with pytest.raises(UserError, match=words):
        list(iterate_manifest(manifest))


def test_rows_longer_than_the_csv_modules_limit_are_read_everywhere(manifest):
    long = replace(OK, recipe='{"a":"' + "x" * 300_000 + '"}')
    write_manifest(manifest, [long, FAILED], ["Male", "Smiling"])
    assert list(iterate_manifest(manifest)) == [long, FAILED]
    assert RowReader(manifest).read(0).recipe == long.recipe
    assert len(read_manifest(manifest)["recipe"][0]) == len(long.recipe)
    assert max(len(cell) for _, cells in read_rows(manifest) for cell in cells) > 300_000


# ---- the whole way -----------------------------------------------------------------------------------------


def test_a_source_knows_its_pictures_by_pandas_lists(tmp_path):
    pictures = tmp_path / "img_align_celeba"
    pictures.mkdir()
    for name in ATTRIBUTES["image_id"]:
        (pictures / name).write_bytes(encode_jpg(np.full((218, 178, 3), 90, np.uint8)))
    (tmp_path / "list_attr_celeba.csv").write_text(ATTRIBUTE_TABLES["no name for the index"])
    (tmp_path / "list_eval_partition.csv").write_text(PARTS["words"])
    source = open_source(str(tmp_path), split="val")
    assert source.attribute_names == ("5_o_Clock_Shadow", "Smiling")
    assert [(face.name, face.attributes) for face in source.faces] == [("000002.jpg", (1, 1))]
    assert source.notes == ()


def test_pictures_that_pandas_took_for_numbers_are_known(tmp_path):
    pictures = tmp_path / "img_align_celeba"
    pictures.mkdir()
    for name in ATTRIBUTES["image_id"]:
        (pictures / name).write_bytes(encode_jpg(np.full((218, 178, 3), 90, np.uint8)))
    numbers = ATTRIBUTES.assign(image_id=[1, 2, 3])
    (tmp_path / "list_attr_celeba.csv").write_text(csv(numbers, index=False))
    (tmp_path / "list_eval_partition.csv").write_text("image_id,partition\n1,0\n2,1\n3,2\n")
    source = open_source(str(tmp_path))
    assert {face.name[:-4]: face.attributes for face in source.faces} == TRUTH
    assert [face.split for face in source.faces] == ["train", "val", "test"]
    assert source.notes == ()


def test_a_pipe_for_a_table_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "table.csv")
    with pytest.raises(UserError, match="not a regular file"):
        next(read_rows(tmp_path / "table.csv"))


def test_a_recipe_with_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes("\ufeff[front]\nkeep = 0.5\n".encode())
    assert "0.5" in load_recipe_config(str(path), ()).text
