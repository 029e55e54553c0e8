import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")

import httpx
from serve_support import masked_portrait

from unmask.cli.serve import main
from unmask.model.serve.options import ServeOptions
from unmask.model.serve.serve import address, listen


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    return line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "70000"], "--port 70000"),
        (["--preset", "best"], "--preset best"),
        (["--max-megapixels", "1000"], "--max-megapixels 1000: at most 200"),
        (["--max-mb", "0"], "--max-mb 0"),
        (["--data", "none"], "--data none: no such folder"),
        (["--host", "no.such.host.invalid", "--port", "0"], "--host no.such.host.invalid: no such address"),
        (["--keep", __file__], "no such folder"),
        (["--keep", "/proc/none", "--port", "0"], "--keep /proc/none: cannot write"),
        (["--precision", "fp8"], "--precision fp8"),
        (["--preset", "fidelity", "--edit-weights", "x"], "--preset and --edit-weights"),
        (["--port", "0", "--edit-weights", "none"], "none"),
    ],
)
def test_what_cannot_be_served_is_one_line_before_any_work(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
):
    assert words in refused(capsys, *arguments)


def test_a_folder_that_is_no_dataset_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert f"--data {tmp_path}: no manifest.csv" in refused(capsys, "--port", "0", "--data", str(tmp_path))


def test_a_port_that_is_taken_is_named(capsys: pytest.CaptureFixture[str]):
    with listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        assert f"--port {port}: in use already" in refused(capsys, "--port", port)


def test_a_missing_library_is_one_line_that_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert "uvicorn is not installed here; pip install 'unmask[serve]'" in refused(capsys)


def test_a_server_listens_on_this_machine_alone_unless_told_otherwise():
    assert ServeOptions().host == "127.0.0.1"
    with listen(ServeOptions().host, 0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
        port = listener.getsockname()[1]
        assert address("127.0.0.1", listener) == f"http://127.0.0.1:{port}/"
        assert address("0.0.0.0", listener) == f"http://localhost:{port}/"
        assert address("::1", listener) == f"http://[::1]:{port}/"


def test_ctrl_c_ends_the_server_at_once_also_while_it_works():
    photograph = masked_portrait()
    code = "import sys; from unmask.cli.serve import main; sys.exit(main())"
    with subprocess.Popen(
        [sys.executable, "-c", code, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None and server.stderr is not None
        found = re.fullmatch(
            r"unmask: (http://127\.0\.0\.1:\d+/) \(Ctrl-C ends it\)\n", server.stdout.readline()
        )
        assert found
        assert httpx.get(f"{found[1]}api/about", timeout=30).status_code == 200
        answers: list[int] = []
        asking = threading.Thread(target=ask, args=(found[1], photograph, answers))
        asking.start()
        time.sleep(0.5)  # the networks are being made warm: the photograph waits
        start = time.monotonic()
        server.send_signal(signal.SIGINT)
        assert server.wait(10) == 130
        spent = time.monotonic() - start
        asking.join(5)
        assert server.stderr.read() == "stopped; the same command begins again\n"
    assert answers in ([503], [200])
    assert spent < 4  # two seconds, and a machine that does other things as well


def ask(url: str, photograph: bytes, answers: list[int]) -> None:
    answers.append(httpx.post(f"{url}api/unmask", files={"image": photograph}, timeout=30).status_code)


def test_two_servers_cannot_have_one_port():
    with listen("127.0.0.1", 0) as first, socket.socket() as second, pytest.raises(OSError, match="in use"):
        second.bind(first.getsockname())
