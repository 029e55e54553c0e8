"""A build into S3, as a local stand-in of it answers: runs where `s3fs` (extra `cloud`) and `moto[server]` are."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from unmask.cli.data import main
from unmask.datagen.common.errors import UserError
from unmask.datagen.common.object_store import ObjectStore
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.options import BuildOptions
from unmask.datagen.exchange.shard_build import build_shards
from unmask.datagen.exchange.shard_options import ShardOptions, UnpackOptions
from unmask.datagen.exchange.unpack import unpack

s3fs = pytest.importorskip("s3fs", reason="the extra 'cloud' is not installed")
moto = pytest.importorskip("moto.server", reason="moto[server], a stand-in of S3, is not installed")

# of botocore and of the stand-in, not of ours
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


_numbers = count(1)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of its own for each test, found as a user's is: by the environment."""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    name = f"bucket-{next(_numbers)}"
    s3fs.S3FileSystem().mkdir(name)
    yield f"s3://{name}/masked"
    s3fs.S3FileSystem.clear_instance_cache()


def test_workers_put_shards_into_a_bucket_that_become_the_folder_of_a_build(
    options: Callable[..., BuildOptions], bucket: str, tmp_path: Path, tree
):
    chosen = ShardOptions(options(out=Path(bucket), workers=2), 2)
    assert build_shards(chosen).counts["ok"] == 6
    store = ObjectStore(bucket)
    part = next(name for name in store.sizes() if name.startswith("parts/"))
    store.remove([part])
    again = build_shards(chosen)
    assert 4 <= again.resumed < 6
    unpack(UnpackOptions(bucket, tmp_path / "unpacked"))
    build(options(out=tmp_path / "folder"))
    assert tree(tmp_path / "unpacked") == tree(tmp_path / "folder")


def test_a_cluster_reads_from_and_writes_to_buckets(options, drawn_celeba: Path, bucket: str, tmp_path: Path):
    distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    faces = bucket.replace("masked", "faces")
    s3fs.S3FileSystem().put(f"{drawn_celeba}/", f"{faces}/", recursive=True)
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        chosen = options(source=faces, out=Path(bucket), dask=cluster.scheduler_address)
        assert build_shards(ShardOptions(chosen, 2)).counts["ok"] == 6
    build(options(out=tmp_path / "folder"))
    assert ObjectStore(bucket).read("manifest.csv") == (tmp_path / "folder/manifest.csv").read_bytes()


def test_pictures_are_read_from_a_bucket(options, drawn_celeba: Path, bucket: str, tmp_path: Path):
    s3fs.S3FileSystem().put(f"{drawn_celeba}/", bucket.replace("masked", "faces/"), recursive=True)
    build(options(source=bucket.replace("masked", "faces"), out=tmp_path / "url", workers=2))
    build(options(out=tmp_path / "folder"))
    manifests = [(tmp_path / name / "manifest.csv").read_bytes() for name in ("url", "folder")]
    assert manifests[0] == manifests[1]


def test_a_bucket_that_is_not_there_is_one_line(options, bucket: str, capsys):
    with pytest.raises(UserError, match=r"^out s3://no-such-bucket/x: ") as caught:
        build_shards(ShardOptions(options(out=Path("s3://no-such-bucket/x"))))
    assert "bucket does not exist" in str(caught.value)
    assert main(["build", "demo", "s3://no-such-bucket/x", "--limit", "2"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_keys_that_are_missing_are_one_line(options, bucket: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(UserError, match=r"out s3://.*redentials"):
        build_shards(ShardOptions(options(out=Path(bucket))))
