"""Builds in shards: the bytes of a build into a folder, whoever makes them and however often they are stopped."""

import gzip
import io
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import unmask
from unmask.cli.data import main
from unmask.datagen.common.errors import UnreadablePictureError, UserError
from unmask.datagen.common.object_store import ObjectStore, as_url, is_url
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.options import BuildOptions
from unmask.datagen.exchange import shard_build, shard_worker
from unmask.datagen.exchange.shard_build import build_shards, split_up
from unmask.datagen.exchange.shard_options import ShardOptions, UnpackOptions
from unmask.datagen.exchange.unpack import unpack
from unmask.datagen.sources.open_source import open_source
from unmask.datagen.sources.source import SourceFace

fsspec = pytest.importorskip("fsspec", reason="the extra 'cloud' is not installed")

Options = Callable[..., BuildOptions]


@pytest.fixture
def bucket() -> Iterator[str]:
    """An empty place in a store of this process."""
    url = "memory://bucket/masked"
    yield url
    memory = fsspec.filesystem("memory")
    if memory.exists("/bucket"):
        memory.rm("/bucket", recursive=True)


@pytest.fixture
def in_shards(options: Options, bucket: str) -> Callable[..., ShardOptions]:
    def make(shards: int = 2, out: str = bucket, **changes: object) -> ShardOptions:
        return ShardOptions(options(out=Path(out), **changes), shards)

    return make


def contents(url: str, but: tuple[str, ...] = ("build.json",)) -> dict[str, bytes]:
    store = ObjectStore(url)
    return {name: store.read(name) for name in store.sizes() if name not in but}


def test_unpacked_shards_are_the_folder_of_a_build_to_the_byte(options, in_shards, tmp_path, tree, bucket):
    report = build_shards(in_shards(variants=2, layers=True))
    assert (report.pictures, report.resumed, report.counts["ok"]) == (6, 0, 12)
    assert str(report.out) == "memory:/bucket/masked"
    unpack(UnpackOptions(bucket, tmp_path / "unpacked"))
    build(options(out=tmp_path / "folder", variants=2, layers=True))
    assert tree(tmp_path / "unpacked") == tree(tmp_path / "folder")
    manifest = ObjectStore(bucket).read("manifest.csv")
    assert manifest == (tmp_path / "folder" / "manifest.csv").read_bytes()


def test_shards_have_one_split_each_and_samples_as_webdataset_reads_them(in_shards, bucket):
    build_shards(in_shards(layers=True))
    store = ObjectStore(bucket)
    table = store.read("shards.csv").decode().splitlines()
    names = [name for name in store.sizes() if name.startswith("data/")]
    assert [line.split(",")[0] for line in table[1:]] == sorted(
        (Path(name).stem for name in names), key=lambda name: ("train", "val", "test").index(name[:-7])
    )
    with tarfile.open(fileobj=io.BytesIO(store.read(names[-1]))) as tar:
        members = tar.getnames()
    key = members[0].partition(".")[0]
    parts = ("masked.png", "map.png", "clean.jpg", "layers.png", "json")
    assert members[:5] == [f"{key}.{part}" for part in parts]


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_itself_reads_them(in_shards, tmp_path):
    wds = pytest.importorskip("webdataset", reason="the extra 'interchange' is not installed")
    build_shards(in_shards(out=str(tmp_path / "out")))
    shards = sorted(map(str, (tmp_path / "out/data").glob("*.tar")))
    samples = list(wds.WebDataset(shards, shardshuffle=False).decode("rgb8"))
    assert len(samples) == 6
    for sample in samples:
        assert sample["masked.png"].shape == sample["clean.jpg"].shape == (218, 178, 3)
        assert sample["json"]["split"] in ("train", "val", "test")


def test_workers_and_executors_change_no_byte(in_shards, tmp_path, bucket):
    build_shards(in_shards())
    once = contents(bucket)
    build_shards(in_shards(out=str(tmp_path / "two"), workers=2))
    with ThreadPoolExecutor(2) as pool:
        build_shards(in_shards(out=str(tmp_path / "threads")), executor=pool)
    assert contents(str(tmp_path / "two")) == once == contents(str(tmp_path / "threads"))


def test_the_same_command_makes_only_what_is_not_there(in_shards, bucket, monkeypatch):
    build_shards(in_shards())
    whole, store = contents(bucket), ObjectStore(bucket)
    part = next(name for name in store.sizes() if name.startswith("parts/"))
    store.remove([part, "manifest.csv"])
    made: list[str] = []

    def noting(order: shard_worker.ShardOrder, name: str, tasks: tuple) -> shard_worker.ShardResult:
        made.append(name)
        return shard_worker.make_shard(order, name, tasks)

    monkeypatch.setattr(shard_build, "make_shard", noting)
    report = build_shards(in_shards())
    assert made == [Path(part).name.partition(".")[0]]
    assert report.resumed == 6 - report.pictures + report.resumed and report.resumed >= 4
    assert contents(bucket) == whole


def test_a_killed_build_leaves_whole_shards_and_is_resumed(drawn_celeba: Path, tmp_path: Path, capsys):
    command = [sys.executable, "-c", "from unmask.cli.data import main; raise SystemExit(main())", "build"]
    flags = ["--shards", "1", "--workers", "1", "--landmarks", str(drawn_celeba / "landmarks.csv")]
    command += [str(drawn_celeba), str(tmp_path / "out"), *flags, "--variants", "8"]
    killed = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    parts, end = tmp_path / "out" / "parts", time.monotonic() + 60
    while not list(parts.glob("*.gz")) and time.monotonic() < end:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert 1 <= len(list(parts.glob("*.gz"))) < 6
    assert main(command[3:]) == 0
    assert "were there before" in capsys.readouterr().out
    assert main([*command[3:5], str(tmp_path / "once"), *command[6:]]) == 0
    assert contents(str(tmp_path / "out")) == contents(str(tmp_path / "once"))
    assert not list((tmp_path / "out").rglob("*.part"))


def test_a_source_may_be_a_url_with_its_lists(options, drawn_celeba, tmp_path, bucket):
    memory = fsspec.filesystem("memory")
    memory.put(f"{drawn_celeba}/", "/bucket/faces/", recursive=True)
    build(options(source="memory://bucket/faces", out=tmp_path / "url"))
    build(options(out=tmp_path / "folder"))
    for name in ("manifest.csv", "landmarks.csv"):
        assert (tmp_path / "url" / name).read_bytes() == (tmp_path / "folder" / name).read_bytes()


def test_python_builds_shards_too(drawn_celeba, bucket):
    report = unmask.build(drawn_celeba, bucket, shards=4, limit=3)
    assert report.counts["ok"] == 3
    assert ObjectStore(bucket).size("manifest.csv")


def test_shards_are_of_consecutive_pictures_and_pictures_without_split_have_their_own():
    faces = [SourceFace(f"{n}.jpg", str(n), None, split="train" if n < 5 else "") for n in range(8)]
    shards = {shard.name: [face.stem for face in shard.faces] for shard in split_up(faces, 2)}
    assert shards == {
        "train-000000": ["0", "1"],
        "train-000001": ["2", "3"],
        "train-000002": ["4"],
        "all-000000": ["5", "6"],
        "all-000001": ["7"],
    }


def test_a_shard_without_triplets_is_no_file(tmp_path, bucket):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(b"no picture")
    report = build_shards(ShardOptions(BuildOptions(str(tmp_path / "in"), Path(bucket))))
    assert report.counts["unreadable"] == 1
    assert not any(name.startswith("data/") for name in ObjectStore(bucket).sizes())


def test_what_needs_files_says_how_to_get_them(in_shards, tmp_path, capsys):
    out = tmp_path / "out"
    build_shards(in_shards(out=str(out)))
    for command in (["verify", str(out)], ["stats", str(out)], ["preview", str(out)], ["verify", "s3://a/b"]):
        assert main(command) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "in shards, not in files; first make a folder of it: unmask-data unpack " in said
    assert "s3://a/b OUT" in said


def test_a_dry_run_says_what_would_be_made_and_writes_nothing(drawn_celeba, bucket, capsys):
    assert main(["build", str(drawn_celeba), bucket, "--shards", "4", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert f"{bucket} (new)" in said and "dry run: nothing was written" in said
    assert ObjectStore(bucket).sizes() == {}


# ---- what is wrong is one line -----------------------------------------------------------------------------


def refusal(options: ShardOptions) -> str:
    with pytest.raises(UserError) as caught:
        build_shards(options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_bucket_that_refuses_is_one_line_before_any_work(
    in_shards, bucket, monkeypatch, capsys, drawn_celeba
):
    memory = type(fsspec.filesystem("memory"))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(memory, "pipe_file", refuse)
    assert refusal(in_shards()) == f"out {bucket}: cannot write build.json: Access Denied"
    monkeypatch.setattr(memory, "cat_file", refuse)
    assert main(["build", str(drawn_celeba), bucket, "--workers", "1"]) == 2
    assert capsys.readouterr().err == f"error: OUT {bucket}: build.json cannot be read: Access Denied\n"


def test_other_files_another_configuration_and_existing_fail_are_refused(
    in_shards, bucket, options, tmp_path
):
    store = ObjectStore(bucket)
    store.write("thesis.doc", b"mine")
    assert "has files (thesis.doc) but no build.json" in refusal(in_shards())
    store.remove(["thesis.doc"])
    build_shards(in_shards())
    assert "`shards` was 2, now 3" in refusal(in_shards(3)).replace("shards was", "`shards` was")
    assert "`seed` was 1, now 2" in str(UserError(refusal(in_shards(seed=2)))).replace(
        "seed was", "`seed` was"
    )
    assert "list of pictures" in refusal(in_shards(limit=5))
    assert "holds a dataset, and" in refusal(in_shards(existing="fail"))
    build_shards(in_shards(3, existing="overwrite", limit=5))
    assert ObjectStore(bucket).read("shards.csv").count(b"\n") == 1 + len(split_names(bucket))


def split_names(url: str) -> list[str]:
    return [name for name in ObjectStore(url).sizes() if name.startswith("data/")]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shards": 0}, "shards 0: expected at least 1"),
        ({"shards": 200_000}, "shards 200000: at most 100000"),
        ({"workers": 2}, "other processes do not see it; give workers 1"),
        ({"out": "nostore://a/b"}, "out nostore://a/b: cannot be opened: Protocol not known: nostore"),
        ({"source": "memory://nowhere/at/all"}, "source memory://nowhere/at/all: no jpg, jpeg"),
        ({"source": "nostore://a"}, "source nostore://a: cannot be opened"),
    ],
)
def test_requests_that_cannot_be_met_are_one_line(in_shards, changes, words):
    assert words in refusal(in_shards(**changes)).replace("`", "")


def test_a_url_without_shards_is_refused_by_a_build_into_a_folder(options):
    with pytest.raises(UserError, match=r"out s3://bucket/x: only a build in shards goes to a URL"):
        build(options(out=Path("s3://bucket/x")))


def test_a_shard_that_was_removed_or_changed_is_not_called_finished(in_shards, bucket):
    build_shards(in_shards())
    store = ObjectStore(bucket)
    store.write(split_names(bucket)[0], b"half")
    words = refusal(in_shards())
    assert f"{split_names(bucket)[0]} is not what was put there; remove parts/" in words
    store.remove([part for part in store.sizes() if part in words])
    build_shards(in_shards())


def test_a_picture_that_the_store_refuses_stops_the_build_and_one_that_is_gone_is_a_row(
    options, drawn_celeba, bucket, tmp_path, monkeypatch
):
    memory = fsspec.filesystem("memory")
    memory.put(f"{drawn_celeba}/img_align_celeba/", "/bucket/faces/", recursive=True)
    whole = open_source("memory://bucket/faces")
    memory.rm("/bucket/faces/000001.jpg")
    with pytest.raises(UnreadablePictureError, match="not there any more"):
        whole.faces[0].read_bytes()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(type(memory), "cat_file", refuse)
    with pytest.raises(UserError, match=r"source memory://bucket/faces: .*Access Denied"):
        whole.faces[1].read_bytes()


@pytest.mark.parametrize("name", ["../../x", "train-1", "/etc/x-000000"])
def test_a_table_of_shards_leads_nowhere_else(in_shards, bucket, tmp_path, name):
    build_shards(in_shards())
    store = ObjectStore(bucket)
    table = store.read("shards.csv").replace(b"train-000000", name.encode(), 1)
    store.write("shards.csv", table)
    with pytest.raises(UserError, match="is no name of a shard"):
        unpack(UnpackOptions(bucket, tmp_path / "out"))


def test_damaged_parts_and_shards_are_one_line(in_shards, bucket, tmp_path):
    build_shards(in_shards())
    store = ObjectStore(bucket)
    shard = next(name for name in store.sizes() if name.startswith("data/"))
    store.write(shard, store.read(shard)[:-600])
    with pytest.raises(UserError, match=r"\.tar: is not what its build put there"):
        unpack(UnpackOptions(bucket, tmp_path / "a"))
    part = next(name for name in store.sizes() if name.startswith("parts/"))
    for damage in (b"no gzip", gzip.compress(b"[]"), gzip.compress(b'{"shard": "x"}')):
        store.write(part, damage)
        assert f"{part}: damaged" in refusal(in_shards())


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("memory://bucket/none", "no dataset in shards there"),
        ("{folder}", "its build.json is not of a dataset in shards"),
    ],
)
def test_what_is_no_dataset_in_shards_is_not_unpacked(built_once, tmp_path, url, words):
    with pytest.raises(UserError, match=words):
        unpack(UnpackOptions(url.format(folder=built_once), tmp_path / "out"))


@pytest.mark.parametrize("url", ["{0}", "file://{0}"])
@pytest.mark.parametrize("below", [".", "x", "data/x"])
def test_shards_are_not_unpacked_into_their_own_folder(in_shards, tmp_path, tree, url, below):
    shards = tmp_path / "shards"
    build_shards(in_shards(out=str(shards), limit=1))
    before = tree(shards)
    with pytest.raises(UserError, match=r"^out .*: lies inside `data` .*; name a folder elsewhere"):
        unpack(UnpackOptions(url.format(shards), shards / below))
    assert tree(shards) == before


def test_an_unfinished_build_is_not_unpacked(in_shards, bucket, tmp_path):
    build_shards(in_shards())
    store = ObjectStore(bucket)
    store.write("build.json", store.read("build.json").replace(b'"complete"', b'"running"'))
    with pytest.raises(UserError, match="did not finish; the same build command resumes"):
        unpack(UnpackOptions(bucket, tmp_path / "out"))


def test_urls_survive_being_paths():
    assert as_url(Path("s3://bucket/a")) == "s3://bucket/a" == as_url("s3://bucket/a")
    assert is_url("gs://b") and is_url(Path("memory://b"))
    assert not any(map(is_url, ("out", "/a/b:/c", "C:/data", "./s3://x", "demo")))
