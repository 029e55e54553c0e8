"""Lists of pairs: LFW's two forms and plain ones are read and written, and damaged ones are one line."""

from pathlib import Path

import pytest

from unmask.datagen.common.errors import ArgumentError
from unmask.model.verification.pairs_file import NamedPair, read_pairs, write_pairs

ADA, LI = "Ada_Byron/Ada_Byron_{:04d}", "Bo_Li/Bo_Li_{:04d}"
FOLDS = "2\t1\nAda_Byron\t1\t4\nAda_Byron\t2\tBo_Li\t11\nBo_Li\t3\t2\nBo_Li\t1\tAda_Byron\t3\n"
PAIRS = [
    NamedPair(ADA.format(1), ADA.format(4), True),
    NamedPair(ADA.format(2), LI.format(11), False),
    NamedPair(LI.format(3), LI.format(2), True),
    NamedPair(LI.format(1), ADA.format(3), False),
]


@pytest.fixture
def write(tmp_path: Path):
    def write_text(text: str) -> Path:
        path = tmp_path / "pairs.txt"
        path.write_bytes(text.encode())
        return path

    return write_text


def test_lfws_list_of_folds_is_read(write):
    found = read_pairs(write(FOLDS))
    assert list(found.pairs) == PAIRS
    assert found.folds == 2


@pytest.mark.parametrize(
    "text",
    [
        "2\n" + FOLDS.partition("\n")[2],  # pairsDevTrain.txt
        FOLDS.partition("\n")[2],  # without a first line
        ("\ufeff2\n" + FOLDS.partition("\n")[2]).replace("\n", "\r\n"),
        ("2\n" + FOLDS.partition("\n")[2]).replace("\t", "  "),
        ("2\n" + FOLDS.partition("\n")[2]).replace("\t", ","),
    ],
)
def test_the_other_head_or_none_and_other_separators_give_the_same_pairs(write, text: str):
    found = read_pairs(write(text))
    assert list(found.pairs) == PAIRS
    assert found.folds is None


def test_plain_lines_are_read(write):
    found = read_pairs(write("a/1.jpg a/2.jpg 1\na/1.jpg b/1.jpg 0\n\nc d True\n"))
    assert found.pairs[1] == NamedPair("a/1.jpg", "b/1.jpg", False)
    assert [pair.same for pair in found.pairs] == [True, False, True]


def test_names_with_blanks_need_tabs(write):
    found = read_pairs(write("a b/1.jpg\ta b/2.jpg\t1\na b/1.jpg\tc/1.jpg\t0\n"))
    assert found.pairs[0].left == "a b/1.jpg"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no pair in it"),
        ("10\t300\nAda\t1\t2\n", "announces 3000 pairs of one person and 3000 of two; it has 1 and 0"),
        (FOLDS.rpartition("Bo_Li\t1")[0], "announces 2 pairs of one person and 2 of two; it has 2 and 1"),
        (FOLDS + "Ada_Byron\tone\ttwo\n", r"line 6 \('Ada_Byron one two'\) is no pair"),
        ("a.jpg b.jpg 1\na.jpg\n", r"line 2 \('a.jpg'\) is no pair"),
        ("a.jpg b.jpg 1\n", "has only pairs of one person"),
        ("\x00\x01\x02\xff", "is no pair"),
    ],
)
def test_a_damaged_list_is_one_line_that_names_it(write, text: str, words: str):
    path = write(text)
    with pytest.raises(ArgumentError, match=words) as caught:
        read_pairs(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_written_is_read_again(tmp_path: Path):
    path = tmp_path / "pairs.txt"
    write_pairs(path, [*PAIRS[::2], *PAIRS[1::2]], [0, 1, 0, 1])
    assert path.read_text() == FOLDS
    with_extensions = [NamedPair(f"lfw/{p.left}.jpg", f"lfw/{p.right}.png", p.same) for p in PAIRS]
    write_pairs(path, with_extensions, [0, 0, 1, 1])
    assert path.read_text() == FOLDS
    plain = [NamedPair("000001.jpg", "000002.jpg", True), NamedPair("000001.jpg", "x y.jpg", False)]
    write_pairs(path, plain, [0, 0])
    assert list(read_pairs(path).pairs) == plain
    write_pairs(path, PAIRS[:3], [0, 0, 0])  # not as many of both kinds: LFW has no form for it
    assert list(read_pairs(path).pairs) == sorted(PAIRS[:3], key=lambda pair: not pair.same)
