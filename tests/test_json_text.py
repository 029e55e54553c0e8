import json
import math

import pytest

from unmask.datagen.common.json_text import DEEPEST, NUMBER, Each, Maybe, Needs, Whole, misfit, parse_json
from unmask.datagen.common.line_journal import LineJournal


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "[" * 200 + "]" * 200, '{"a":' * 3000, "9" * 301, "", "nul", b"\xff", b"\xa9{}"]
)
def test_a_text_that_is_no_json_or_too_deep_is_one_kind_of_error(text: str | bytes):
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


def test_what_the_toolkit_writes_is_read_as_it_was():
    content = {"a": [1, 2.5, None, True, "\udc80"], "b": {"c": math.inf}}
    for _ in range(DEEPEST - 3):
        content = {"deeper": content}
    assert parse_json(json.dumps(content)) == content


@pytest.mark.parametrize(
    ("value", "shape", "wrong"),
    [
        ({"a": 1}, Needs({"a": int}), ""),
        ({"b": 1}, Needs({"a": int}), "it.a"),
        ({"b": 1}, {"a": int}, ""),
        ({"a": {"b": ["x", 3]}}, {"a": {"b": [str]}}, "it.a.b[1]"),
        ({"a": True}, {"a": int}, "it.a"),
        ({"a": True}, {"a": bool}, ""),
        ({"a": None}, Needs({}, {"a": Maybe(str)}), ""),
        ({"a": 3}, {"a": Whole(1, 2)}, "it.a"),
        ({"a": 1.0}, {"a": Whole(1, 2)}, "it.a"),
        ({"x": 1, "y": "z"}, Each(NUMBER), "it.y"),
        ([], {}, "it"),
        (None, [str], "it"),
    ],
)
def test_the_first_place_that_does_not_fit_is_named(value: object, shape: object, wrong: str):
    assert misfit(value, shape) == wrong


def test_lines_that_follow_a_torn_one_are_read_as_they_were_written(tmp_path):
    path = tmp_path / "journal"
    path.write_bytes(b'"first"\n"torn by a kill')
    journal = LineJournal(path, lambda line, _: json.loads(line))
    place = journal.append([b'"second, which is longer than the torn one"\n', b'"third"\n'])
    assert journal.read(place) == b'"second, which is longer than the torn one"\n'
    journal.close()
    assert path.read_bytes().splitlines() == [
        b'"first"',
        b'"second, which is longer than the torn one"',
        b'"third"',
    ]
