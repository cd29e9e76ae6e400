"""How much memory and how much disk there is to have."""

import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def free_memory() -> int:
    """Give the bytes of memory that this process can have: the machine's, or what its container or limit still allows.

    The limit is that of addresses (`ulimit -v`, `RLIMIT_AS`).
    """
    return min([psutil.virtual_memory().available, *_left_in_cgroups(), *_left_of_addresses()])


def free_disk(folder: Path) -> int:
    """Give the bytes that are free in a folder; none where its files lie in memory, too, or it does not exist."""
    if not folder.is_dir() or _lies_in_memory(folder):
        return 0
    return shutil.disk_usage(folder).free


def _left_in_cgroups() -> Iterator[int]:
    """Give what is left in each control group (version 2) that limits this process."""
    groups = [line[len("0::/") :] for line in _lines(MEMBERSHIP) if line.startswith("0::/")]
    for group in groups:
        own = CGROUPS / group
        for folder in (own, *own.parents):
            if not folder.is_relative_to(CGROUPS):
                break
            limit, used = "".join(_lines(folder / "memory.max")), "".join(_lines(folder / "memory.current"))
            if limit.isdigit() and used.isdigit():
                cached = [int(line.split()[1]) for line in _lines(folder / "memory.stat") if "inactive_file" in line]
                yield max(0, int(limit) - int(used) + sum(cached[:1]))  # the kernel gives its cache back


def _left_of_addresses() -> Iterator[int]:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        yield max(0, limit - psutil.Process().memory_info().vms)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:  # other systems, other versions
        return []


def _lies_in_memory(folder: Path) -> bool:
    kinds = {Path(part.mountpoint): part.fstype for part in psutil.disk_partitions(all=True)}
    resolved = folder.resolve()
    mount = next((place for place in (resolved, *resolved.parents) if place in kinds), None)
    return mount is not None and kinds[mount] in ("tmpfs", "ramfs")
