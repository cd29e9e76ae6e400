from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from lwtrain.fronts import free_space
from lwtrain.fronts.free_space import free_disk, free_memory

AVAILABLE = 1000


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A process in a control group within another, neither of which has a limit yet."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=AVAILABLE))
    monkeypatch.setattr(free_space, "CGROUPS", tmp_path)
    monkeypatch.setattr(free_space, "MEMBERSHIP", tmp_path / "membership")
    (tmp_path / "membership").write_text("4:memory:/old\n0::/outer/inner\n")
    (tmp_path / "outer" / "inner").mkdir(parents=True)
    return tmp_path / "outer" / "inner"


def limit(group: Path, limit: str, used: int, cached: int) -> None:
    (group / "memory.max").write_text(f"{limit}\n")
    (group / "memory.current").write_text(f"{used}\n")
    (group / "memory.stat").write_text(f"anon 7\nfile 9\ninactive_file {cached}\nactive_file 5\n")


def test_without_limits_the_machines_memory_is_free(group: Path) -> None:
    assert free_memory() == AVAILABLE
    limit(group, "max", 10**9, 0)
    assert free_memory() == AVAILABLE


@pytest.mark.parametrize(
    ("most", "used", "cached", "free"),
    [(800, 300, 0, 500), (800, 300, 100, 600), (2000, 300, 0, 1000), (100, 300, 0, 0)],
)
def test_a_containers_limit_counts_and_its_cache_does_not(
    group: Path, most: int, used: int, cached: int, free: int
) -> None:
    limit(group, str(most), used, cached)
    assert free_memory() == free


def test_the_limits_of_outer_groups_count_too(group: Path) -> None:
    limit(group, "900", 100, 0)
    limit(group.parent, "500", 100, 0)
    assert free_memory() == 400


def test_a_group_that_the_container_does_not_see_is_looked_for_at_the_top(group: Path) -> None:
    free_space.MEMBERSHIP.write_text("0::/\n")
    limit(free_space.CGROUPS, "300", 100, 0)
    assert free_memory() == 200


def test_systems_without_control_groups_have_no_such_limit(group: Path) -> None:
    free_space.MEMBERSHIP.unlink()
    assert free_memory() == AVAILABLE


def test_a_disk_has_what_is_free_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_space, "_lies_in_memory", lambda folder: False)
    assert 0 < free_disk(tmp_path) <= psutil.disk_usage(str(tmp_path)).total
    assert free_disk(tmp_path / "missing") == 0


@pytest.mark.parametrize(("kind", "counts"), [("ext4", True), ("tmpfs", False), ("ramfs", False)])
def test_a_disk_in_memory_is_none(kind: str, counts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = [
        SimpleNamespace(mountpoint="/", fstype="ext4" if not counts else "tmpfs"),
        SimpleNamespace(mountpoint=str(tmp_path.resolve()), fstype=kind),
    ]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: mounts)
    (tmp_path / "run").mkdir()
    assert (free_disk(tmp_path / "run") > 0) == counts
