"""Tables of landmarks as people have them."""

import numpy as np
import pandas as pd
import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.drawn_faces.demo import drawn_landmarks
from unmask.datagen.faces.landmark_table import LandmarkTable
from unmask.datagen.faces.landmarks import quantise

FACES = [quantise(drawn_landmarks(number)) for number in range(3)]


def points_table(first=0, pattern="{axis}{number}", grouped=False, **options):
    keys = [(number, axis) for number in range(68) for axis in (0, 1)]
    keys = sorted(keys, key=lambda key: (key[1], key[0])) if grouped else keys
    columns = [pattern.format(axis="xy"[axis], number=first + number) for number, axis in keys]
    values = [[face[number, axis] for number, axis in keys] for face in FACES]
    table = pd.DataFrame(values, columns=columns)
    table.insert(0, "source", [f"00000{number}.jpg" for number in range(3)])
    return table.to_csv(**{"index": False, **options})


POINT_TABLES = {
    "as documented": points_table(),
    "numbered rows": points_table(index=True),
    "from 1": points_table(1),
    "grouped": points_table(grouped=True),
    "underscores": points_table(pattern="{axis}_{number}", grouped=True),
    "the other way round": points_table(pattern="landmark_{number}_{axis}"),
    "no header": points_table(header=False),
    "no header, numbered": points_table(header=False, index=True),
    "no header, grouped": points_table(header=False, grouped=True),
    "no header, grouped, tabs": points_table(header=False, grouped=True, sep="\t"),
    "semicolons": points_table(sep=";", decimal=","),
    "blanks": points_table(header=False, sep=" "),
    "byte order mark": "\ufeff" + points_table(lineterminator="\r\n"),
    "no extension": points_table().replace(".jpg", ""),
    "numbers without zeros": points_table().replace(".jpg", "").replace("\n00000", "\n"),
    "blanks before quotes": points_table(quoting=1).replace('","', '", "'),
    "the separator told": "sep=;\n" + points_table(sep=";"),
    "CR": points_table(lineterminator="\r"),
    "image_id": points_table().replace("source", "image_id"),
    "name in the index": points_table().replace("source", ""),
}


@pytest.mark.parametrize("kind", POINT_TABLES)
def test_landmarks_are_the_same_whoever_wrote_the_table(tmp_path, kind):
    path = tmp_path / "mine.csv"
    path.write_bytes(POINT_TABLES[kind].encode())
    table = LandmarkTable.read(path)
    for number, face in enumerate(FACES):
        ((_, (found,)),) = table.entries(f"00000{number}.jpg")
        np.testing.assert_array_equal(found.points, face)
    assert table.covers([f"00000{number}.jpg" for number in range(9)]) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.jpg," + ",".join(["40"] * 136) + "\n", "do not look like faces"),
        (points_table().replace("x7,", "x6,", 1), "columns must be"),
        (points_table(header=False) + "b.jpg,1,2\n", "line 4: 3 values where 137"),
    ],
)
def test_landmarks_that_are_not_clear_are_one_line(tmp_path, text, words):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=rf"mine\.csv: .*{words}"):
        LandmarkTable.read(path)


def test_a_name_without_extension_that_may_mean_two_pictures_is_refused(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(points_table().replace(".jpg", ""))
    with pytest.raises(UserError, match=r"'000001' may mean 000001\.jpg or 000001\.png"):
        LandmarkTable.read(path).covers(["000001.jpg", "000001.png", "000002.jpg"])
