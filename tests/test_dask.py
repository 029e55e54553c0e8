import gc
from pathlib import Path

import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset import build as build_module
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.plan import plan_build
from unmask.datagen.exchange.shard_build import build_shards
from unmask.datagen.exchange.shard_options import ShardOptions

distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")


@pytest.fixture(scope="module")
def cluster():
    """A real scheduler and two worker processes on the loopback interface."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as running:
        yield running


def test_a_cluster_gives_the_bytes_of_one_process(options, tmp_path: Path, tree, cluster):
    address = cluster.scheduler_address
    assert address.startswith("tcp://127.0.0.1")
    report = build(options(out=tmp_path / "cluster", variants=3, layers=True, dask=address))
    build(options(out=tmp_path / "one", variants=3, layers=True))
    assert report.counts["ok"] == 18
    assert tree(tmp_path / "cluster") == tree(tmp_path / "one")


def test_shards_of_a_cluster_are_those_of_one_process(options, tmp_path: Path, cluster):
    shards = {}
    for name, dask in (("cluster", cluster.scheduler_address), ("one", None)):
        report = build_shards(ShardOptions(options(out=tmp_path / name, dask=dask), 2))
        assert report.counts["ok"] == 6
        files = [
            path for path in (tmp_path / name).rglob("*") if path.is_file() and path.name != "build.json"
        ]
        shards[name] = {path.relative_to(tmp_path / name): path.read_bytes() for path in files}
    assert shards["cluster"] == shards["one"]


def test_relative_folders_are_those_of_the_caller(options, drawn_celeba: Path, tmp_path: Path, tree, cluster):
    (tmp_path / "in").symlink_to(drawn_celeba)
    (tmp_path / "here").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "here")
        chosen = options(source="../in", out=Path("out"), dask=cluster.scheduler_address)
        assert build(chosen).counts["ok"] == 6
    build(options(out=tmp_path / "one"))
    for table in ("manifest.csv", "landmarks.csv"):
        assert (tmp_path / "here" / "out" / table).read_bytes() == (tmp_path / "one" / table).read_bytes()


def test_pictures_that_only_this_machine_sees_are_one_line(options):
    plan = plan_build(options(dask="tcp://127.0.0.1:1"))
    with pytest.raises(UserError, match=r"dask: a worker cannot read 000001\.jpg"):
        build_module.check_sight(plan, ["000001.jpg"])
    build_module.check_sight(plan, [])


def test_what_a_person_can_mend_arrives_from_a_cluster_as_one_line(options, tmp_path: Path, cluster):
    chosen = options(dask=cluster.scheduler_address)
    build(chosen)
    (chosen.out / "masked").rename(tmp_path / "elsewhere")
    (chosen.out / "masked").write_text("a file where a folder belongs")
    with pytest.raises(UserError, match=r"out .*cannot write"):
        build(chosen)


def test_any_executor_does_the_work(options, tmp_path: Path, tree):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        build(options(out=tmp_path / "threads"), executor=pool)
    build(options(out=tmp_path / "one"))
    assert tree(tmp_path / "threads") == tree(tmp_path / "one")


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:1", "127.0.0.1:1", "tcp://127.0.0.1", "tcp://host:port"]
)
def test_an_address_where_nobody_answers_is_one_line_and_nothing_else(options, capfd, address: str):
    with pytest.raises(UserError, match=f"dask {address}: no scheduler answers there"):
        build(options(dask=address))
    gc.collect()
    assert capfd.readouterr().err == ""
