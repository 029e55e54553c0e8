"""Files as chance damages them, and the guard that every reader has to pass; see test_fuzz_data.py."""

import json
import math
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from unmask.datagen.common.errors import UnreadablePictureError, UserError

# `make test` tries a few fixed examples of each file, `make fuzz` as many new ones as one likes.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
CPU_S, WALL_S = 5, 60  # a loaded machine takes long without being at fault; a pipe waits without working

_QUIET = list(HealthCheck)  # fixtures of a function, and few but slow examples, are what is wanted here
few = settings(
    max_examples=EXAMPLES or 30,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=_QUIET,
    phases=(Phase.explicit, Phase.generate, Phase.shrink) if EXAMPLES else (Phase.explicit, Phase.generate),
)

DEEP = "[" * 20_000 + "]" * 20_000
_DEEP_HERE = "nested without end"

NUMBERS = st.one_of(
    st.sampled_from([0, 1, -1, 16, 17, 255, 2**31, 2**63, 10**40, 0.5, -0.0, 1e308, math.nan, math.inf]),
    st.integers(-300, 300),
)
TEXTS = st.one_of(
    st.sampled_from(
        ["", " ", "../up", "/tmp", "a\0b", "nan", "inf", "1e999", "-1", "\udc80", "é", "x" * 300]
    ),
    st.text(max_size=6),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda part: st.one_of(st.lists(part, max_size=3), st.dictionaries(TEXTS, part, max_size=3)),
    max_leaves=5,
)
# What separates, quotes and numbers in any of the toolkit's formats.
_TOKENS = st.sampled_from(
    [b"", b"\0", b'"', b",", b"\n", b"\r", b";", b"\xff", b"\xef\xbb\xbf", b"nan", b"inf", b"-1", b"0", b"1e999",
     b"999999999999999999999", b"{", b"}", b"[", b"]", b"=", b"#", b"../", b"/", b"'", b" ", b"\t", b"-",
     b"x" * 300]
)  # fmt: skip


@st.composite
def damaged_bytes(draw: st.DrawFn, whole: bytes) -> bytes:
    """The bytes with one to three of their parts cut out, doubled, or replaced; seldom any bytes at all."""
    if not draw(st.integers(0, 7)):
        return draw(st.binary(max_size=200))
    data = whole
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        length = draw(st.sampled_from([0, 0, 1, 1, 4, 20, len(data)]))
        put = draw(st.one_of(_TOKENS, st.binary(max_size=4), st.just(data[start : start + length] * 2)))
        data = data[:start] + put + data[start + length :]
    return data


@st.composite
def damaged_csv(draw: st.DrawFn, whole: bytes) -> bytes:
    """A table with one or two cells replaced, in most cases; else `damaged_bytes`."""
    if not draw(st.integers(0, 3)):
        return draw(damaged_bytes(whole))
    lines = [line.split(b",") for line in whole.split(b"\n")]
    for _ in range(draw(st.integers(1, 2))):
        line = lines[draw(st.integers(0, len(lines) - 1))]
        cell = draw(st.one_of(_TOKENS, TEXTS.map(lambda text: text.encode("utf-8", "surrogateescape"))))
        line[draw(st.integers(0, len(line) - 1))] = cell
    return b"\n".join(b",".join(line) for line in lines)


@st.composite
def damaged_json(draw: st.DrawFn, whole: Any) -> bytes:
    """A JSON document in which one or two values are others, missing or new; seldom any JSON or any bytes."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(damaged_bytes(json.dumps(whole).encode()))
    if kind == 1:
        return draw(
            st.sampled_from([DEEP.encode(), b'{"a":' * 9000, b"", b"null", b"[]", b"{}", b"9" * 5000])
        )
    document = draw(VALUES) if kind == 2 else json.loads(json.dumps(whole))
    for _ in range(draw(st.integers(1, 2))):
        document = _changed(draw, document)
    return json.dumps(document).replace(f'"{_DEEP_HERE}"', DEEP).encode()


def _changed(draw: st.DrawFn, value: Any) -> Any:
    """A value with one of its parts, or itself, replaced."""
    inside = value if isinstance(value, dict | list) and value else None
    if inside is None or not draw(st.integers(0, 4)):
        return draw(st.one_of(VALUES, VALUES, st.just(_DEEP_HERE)))
    keys: Any = list(inside) if isinstance(inside, dict) else range(len(inside))
    key = draw(st.sampled_from(keys))
    if not draw(st.integers(0, 9)):
        del inside[key]
    else:
        inside[key] = _changed(draw, inside[key])
    return inside


class HangError(Exception):
    """Something took longer than it may."""


@contextmanager
def in_time() -> Iterator[None]:
    """Raise HangError in the block once it has worked for 5 s or lasted for a minute."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise HangError(f"signal {number}")

    kept = {number: signal.signal(number, stop) for number in (signal.SIGALRM, signal.SIGPROF)}
    signal.setitimer(signal.ITIMER_REAL, WALL_S)
    signal.setitimer(signal.ITIMER_PROF, CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        for number, handler in kept.items():
            signal.signal(number, handler)


def survives(*calls: Callable[[], object]) -> None:
    """See that each call ends in time with a result, or with one line that a person can use."""
    for call in calls:
        try:
            with in_time(), warnings.catch_warnings():
                warnings.simplefilter("error")
                call()
        except (UserError, UnreadablePictureError) as error:
            assert str(error).strip()
            assert "\n" not in str(error).strip()


def names_below(folder: Path) -> set[str]:
    """Every name below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
