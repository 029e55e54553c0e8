"""A shell that allows little memory: one line instead of a library's abort or a traceback."""

import os
import subprocess
import sys

import pytest

from unmask.cli import running
from unmask.datagen.common import memory
from unmask.datagen.common.errors import UserError

START = "import sys; from unmask.cli import {module}; sys.exit({module}.main())"


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("run", ["a.png", "--out", "out"]),
        ("eval", ["data", "--map", "shipped", "--out", "out"]),
        ("train", ["map", "out", "--online", "demo", "--images", "8"]),
    ],
)
def test_less_memory_than_a_command_needs_at_all_is_one_line(tmp_path, module, arguments):
    import resource

    done = subprocess.run(
        [sys.executable, "-c", START.format(module=module), *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (600_000_000, 600_000_000)),
    )
    assert done.returncode == running.EXIT_USER_ERROR
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: out of memory: 600 MB are allowed, ")
    assert line.endswith("needed; raise the limit, ulimit -v")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["could not create a primitive", "std::bad_alloc"])
def test_libraries_words_for_want_of_memory_are_known(text):
    assert memory.is_want_of_memory(RuntimeError(text))
    assert not memory.is_want_of_memory(RuntimeError("could not create a picture"))


def test_an_unexpected_error_near_the_limit_is_want_of_memory(monkeypatch):
    error = SystemError("error return without exception set")
    monkeypatch.setattr(memory, "limit_bytes", lambda: None)
    assert running._refusal(error) is None
    memory.check_limit(10**6)
    monkeypatch.setattr(memory, "limit_bytes", lambda: 1 << 60)
    assert running._refusal(error) is None
    monkeypatch.setattr(memory, "limit_bytes", lambda: 1 << 20)
    assert str(running._refusal(error)).startswith("out of memory")
    with pytest.raises(UserError, match="1 MB are allowed, 2 needed"):
        memory.check_limit(2)
