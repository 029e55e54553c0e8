"""Ctrl-C once and twice, and SIGTERM: one line, no process left, soon."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from unmask.cli import data, running
from unmask.datagen.faces import predictor

ENDS_IN_S = 60  # 5 s on a machine that does nothing else
TRACKER_ENDS_IN_S = 10
START = "import sys; from unmask.cli import {module}; sys.exit({module}.main())"


def processes_of(group: int) -> list[str]:
    """Command lines of the group's processes that have not ended."""
    shown = subprocess.run(["ps", "-eo", "pgid,stat,args"], capture_output=True, text=True, check=True)
    lines = [line.split(None, 2) for line in shown.stdout.splitlines()[1:]]
    return [args for pgid, state, args in lines if int(pgid) == group and not state.startswith("Z")]


def left_of(group: int) -> list[str]:
    """What is left of the group; Python's tracker of semaphores ends when it sees that the command has ended."""
    last = time.monotonic() + TRACKER_ENDS_IN_S
    while (left := processes_of(group)) and time.monotonic() < last:
        assert all("resource_tracker" in args for args in left), left
        time.sleep(0.05)
    return left


def stopped(module: str, arguments: list[str], ready: Path, signals: list[signal.Signals]) -> tuple[int, str]:
    """Start a command, send it the signals once ``ready`` is there, and see that nothing of it is left."""
    code = START.format(module=module)
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        began = time.monotonic()
        while not ready.exists() and time.monotonic() - began < ENDS_IN_S:
            time.sleep(0.05)
        time.sleep(0.5)
        for number in signals:
            os.killpg(process.pid, number)
            time.sleep(0.3)
        _, error = process.communicate(timeout=ENDS_IN_S)
        assert left_of(process.pid) == []
        return process.returncode, error
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_ends_a_build_with_its_workers_and_one_line(tmp_path: Path, times: int):
    out = tmp_path / "out"
    arguments = ["build", "demo", str(out), "--variants", "200", "--workers", "2"]
    code, error = stopped("data", arguments, out / ".journal.jsonl", [signal.SIGINT] * times)
    assert code == 130
    assert error.splitlines()[-1] == "stopped; the same command resumes"
    assert "Traceback" not in error, error
    assert data.main([*arguments[:3], "--variants", "1", "--limit", "2", "--existing", "overwrite"]) == 0


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_twice_ends_a_verify_with_its_workers(built_once: Path):
    arguments = ["verify", str(built_once), "--replay", "-1", "--workers", "2"]
    stopped("data", arguments, built_once, [signal.SIGINT] * 2)  # it may have been done, or hardly begun


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_sigterm_ends_a_build_as_ctrl_c_does(tmp_path: Path):
    out = tmp_path / "out"
    arguments = ["build", "demo", str(out), "--variants", "200", "--workers", "1"]
    code, error = stopped("data", arguments, out / ".journal.jsonl", [signal.SIGTERM])
    assert code == 128 + signal.SIGTERM
    assert error.splitlines()[-1] == "stopped; the same command resumes"


def test_want_of_memory_is_one_line_with_the_flags_to_lower(
    built_once: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("unmask.datagen.dataset.verify.inspect_dataset", full)
    assert data.main(["verify", str(built_once)]) == running.EXIT_USER_ERROR
    assert capsys.readouterr().err == "error: out of memory; lower --workers\n"


def test_what_the_system_refuses_is_one_line_and_a_bug_is_not(
    built_once: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    errors: list[Exception] = [PermissionError(13, "Permission denied", "some/file"), RuntimeError("a bug")]

    def refuse(*_: object, **__: object) -> None:
        raise errors.pop(0)

    monkeypatch.setattr("unmask.datagen.dataset.verify.inspect_dataset", refuse)
    assert data.main(["verify", str(built_once)]) == running.EXIT_USER_ERROR
    assert capsys.readouterr().err == "error: some/file: Permission denied\n"
    with pytest.raises(RuntimeError, match="a bug"):
        data.main(["verify", str(built_once)])


def test_want_of_memory_for_the_landmark_model_says_nothing_about_its_file(monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    monkeypatch.setattr(predictor.np, "memmap", full)
    with pytest.raises(OSError, match="Cannot allocate memory"):
        predictor.PointPredictor("model.dat")


def test_leaving_while_threads_work_gives_semaphores_back_without_a_word():
    code = (
        "import multiprocessing, threading, time\n"
        "from unmask.cli import running\n"
        "queue = multiprocessing.get_context('spawn').Queue()\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "running._leave(130)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=ENDS_IN_S)
    assert (done.returncode, done.stderr) == (130, "")
