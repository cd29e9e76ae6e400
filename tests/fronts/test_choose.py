from pathlib import Path

import pytest

from lwtrain.fronts.choose import Free, choose, fits_device

FOLDER = Path("outputs/run")


@pytest.mark.parametrize(
    ("needed", "memory", "disk", "device", "name"),
    [
        (5, 10, 0, None, "memory"),  # half of the memory, and no more
        (5.1, 10, 100, None, "disk"),
        (5.1, 10, 5.1, None, "disk"),
        (5.1, 10, 5, None, "recompute"),
        (5.1, 10, 0, None, "recompute"),
        (6, 10, 0, 10, "memory"),  # six tenths of the accelerator's
        (6.1, 13, 0, 10, "memory"),  # the host's then
        (6.1, 12, 7, 10, "disk"),
        (6.1, 12, 6, 10, "recompute"),
    ],
)
def test_what_fits_is_chosen_memory_first(
    needed: float, memory: float, disk: float, device: float | None, name: str
) -> None:
    gib = 2**30
    free = Free(int(memory * gib), int(disk * gib), FOLDER, None if device is None else int(device * gib))
    assert choose(int(needed * gib), free)[0] == name


def test_the_reason_holds_the_sizes() -> None:
    gib = 2**30
    in_memory = choose(int(1.4 * gib), Free(int(20.1 * gib), 0, FOLDER))
    assert in_memory == ("memory", "1.4 GiB of 20.1 GiB free")
    on_device = choose(3 * gib, Free(gib, 0, FOLDER, 70 * gib))
    assert on_device == ("memory", "3.0 GiB of 70.0 GiB free on the accelerator")
    on_disk = choose(3 * gib, Free(4 * gib, 9 * gib, FOLDER))
    assert on_disk == (
        "disk",
        "3.0 GiB are more than half of the 4.0 GiB of free memory; 9.0 GiB are free in outputs/run",
    )
    nowhere = choose(3 * gib, Free(4 * gib, gib, FOLDER))
    assert nowhere == (
        "recompute",
        "3.0 GiB are more than half of the 4.0 GiB of free memory, and more than the 1.0 GiB free in outputs/run",
    )


def test_only_an_accelerator_has_memory_of_its_own() -> None:
    assert not fits_device(1, Free(100, 100, FOLDER))
    assert fits_device(6, Free(0, 0, FOLDER, 10))
    assert not fits_device(7, Free(0, 0, FOLDER, 10))
