import errno
import os
from pathlib import Path

import numpy as np
import pytest

from unmask.datagen.common.errors import UserError
from unmask.model.training.log_file import LogFile, read_log

COLUMNS = ("step", "loss", "note")


@pytest.fixture
def log(tmp_path: Path) -> LogFile:
    made = LogFile(tmp_path / "log.csv", COLUMNS)
    for step in (10, 20, 30):
        made.append({"step": step, "loss": step / 3})
    return made


def test_rows_are_in_the_file_at_once_under_one_header(log: LogFile):
    assert log.path.read_text() == "step,loss,note\n10,3.33333333,\n20,6.66666667,\n30,10,\n"
    LogFile(log.path, COLUMNS).append({"step": 40, "note": "a, b"})
    assert log.path.read_text().endswith('\n40,,"a, b"\n')
    assert log.path.read_text().count("step") == 1


def test_a_float32_loss_is_read_back_exactly(tmp_path: Path):
    log = LogFile(tmp_path / "log.csv", COLUMNS)
    values = np.random.default_rng(1).random(50, dtype=np.float32) * np.float32(1e-3)
    for step, value in enumerate(values):
        log.append({"step": step, "loss": float(value)})
    assert [np.float32(row["loss"]) for row in log.read()] == list(values)


def test_cells_come_back_as_what_they_were(tmp_path: Path):
    log = LogFile(tmp_path / "log.csv", ("step", "a", "b", "c", "d"))
    log.append({"step": 1, "a": 0.5, "b": None, "c": "text", "d": float("nan")})
    (row,) = log.read()
    assert row["d"] != row["d"]
    assert {**row, "d": 0} == {"step": 1, "a": 0.5, "b": None, "c": "text", "d": 0}


def test_a_resumed_run_drops_the_rows_after_its_checkpoint(log: LogFile):
    log.truncate_after(20)
    assert [row["step"] for row in log.read()] == [10, 20]
    log.truncate_after(0)
    assert log.path.read_text() == "step,loss,note\n"


@pytest.mark.parametrize("kept", range(7))
def test_a_row_torn_anywhere_by_a_kill_is_dropped_and_the_table_goes_on(log: LogFile, kept: int):
    whole = log.path.read_bytes()
    last = whole[: whole.rstrip().rfind(b"\n") + 1]
    log.path.write_bytes(whole[: len(last) + kept][: len(whole) - 1])
    log.truncate_after(30)
    assert [row["step"] for row in log.read()] == [10, 20]
    log.append({"step": 30, "loss": 30 / 3})
    assert log.path.read_bytes() == whole


@pytest.mark.parametrize("torn", ["", "st", "step,loss,note"])
def test_a_kill_in_the_header_leaves_a_table_that_can_begin(tmp_path: Path, torn: str):
    log = LogFile(tmp_path / "log.csv", COLUMNS)
    log.path.write_text(torn)
    log.truncate_after(0)
    log.append({"step": 1})
    assert [row["step"] for row in log.read()] == [1]


def test_nulls_after_a_power_cut_are_dropped(log: LogFile):
    with log.path.open("ab") as file:
        file.write(b"\0" * 40 + b"\n50,1,\n")
    log.truncate_after(1000)
    assert [row["step"] for row in log.read()] == [10, 20, 30]


def test_cutting_back_leaves_a_whole_table_untouched_and_makes_no_file(log: LogFile, tmp_path: Path):
    before = log.path.stat()
    log.truncate_after(30)
    assert log.path.stat().st_ino == before.st_ino
    LogFile(tmp_path / "new.csv", COLUMNS).truncate_after(5)
    assert not (tmp_path / "new.csv").exists()


def test_a_table_with_other_columns_is_refused(log: LogFile):
    other = LogFile(log.path, ("step", "psnr"))
    with pytest.raises(UserError, match=r"log\.csv: its columns are not those of this training"):
        other.truncate_after(5)


def test_a_log_is_read_without_knowing_its_columns(log: LogFile, tmp_path: Path):
    assert read_log(log.path) == log.read()
    assert read_log(tmp_path / "none.csv") == []
    (tmp_path / "other.csv").write_text("name,age\nx,1\n")
    with pytest.raises(UserError, match=r"other\.csv: not written by this toolkit"):
        read_log(tmp_path / "other.csv")


@pytest.mark.parametrize("row", [{"step": 1, "lose": 2.0}, {"loss": 2.0}])
def test_a_row_that_does_not_fit_the_columns_is_a_bug_and_says_so(log: LogFile, row: dict[str, float]):
    with pytest.raises(ValueError, match=r"row of log\.csv"):
        log.append(row)


@pytest.mark.parametrize("columns", [(), ("loss",), ("step", "loss", "loss")])
def test_columns_without_step_in_front_or_twice_are_refused(tmp_path: Path, columns: tuple[str, ...]):
    with pytest.raises(ValueError, match="beginning with 'step'"):
        LogFile(tmp_path / "log.csv", columns)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_said_in_one_line(tmp_path: Path):
    (tmp_path / "log.csv").symlink_to("/dev/full")
    with pytest.raises(UserError) as caught:
        LogFile(tmp_path / "log.csv", COLUMNS).append({"step": 1})
    assert str(caught.value) == f"run {tmp_path}: cannot write log.csv ({os.strerror(errno.ENOSPC)})"
