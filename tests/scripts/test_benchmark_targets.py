"""What counts as reached."""

import pytest
from measured import ROWS, results, sample

from benchmarking.sample import Sample
from benchmarking.targets import Target, all_targets


def targets(*samples: Sample) -> dict[str, Target]:
    return {target.says: target for target in all_targets(results(*samples))}


@pytest.mark.parametrize(
    ("bound", "figure", "reached"),
    [
        ("at least", 2.0, True),
        ("at least", 1.99, False),
        ("at most", 2.0, True),
        ("at most", 2.01, False),
        ("below", 1.99, True),
        ("below", 2.0, False),
        ("below", None, None),
    ],
)
def test_the_limit_itself_counts_unless_it_is_to_be_undercut(bound: str, figure: float | None, reached: bool) -> None:
    assert Target("", bound, 2.0, figure).reached is reached


def test_every_target_is_about_rows_that_exist() -> None:
    assert all(target.figure is not None for target in targets(*(sample(name) for name in ROWS)).values())


def test_nothing_is_reached_that_was_not_measured() -> None:
    assert {target.verdict for target in targets().values()} == {"not measured"}


def test_published_training_is_to_be_left_behind_by_speed() -> None:
    words = "vgg_a: layer-images/s of waves with sidecar c, over the published"
    wave, published = (f"speed/vgg_a/{name}" for name in ("wave-c-memory", "published-c"))
    slower = 1000 / 256  # the published row reads fewer images
    reached = targets(sample(wave), sample(published, seconds=10.5 / slower))[words]
    missed = targets(sample(wave), sample(published, seconds=9.5 / slower))[words]
    assert (reached.verdict, missed.verdict) == ("reached", "missed")
    assert reached.figure == pytest.approx(10.5)


def test_backpropagation_is_compared_with_both_in_plain_torch_and_in_lwtrain() -> None:
    measured = targets(
        sample("speed/vgg11/wave-pool-memory", seconds=1.0),
        sample("speed/vgg11/backprop-bf16", seconds=1.25),
        sample("speed/vgg11/lwtrain-backprop", seconds=0.8),
    )
    plain = measured["vgg11: time of a wave with sidecar pool, over backprop in bf16"]
    strict = measured["vgg11: time of a wave with sidecar pool, over lwtrain's backprop in bf16"]
    assert (plain.figure, plain.verdict) == (pytest.approx(0.8), "reached")
    assert (strict.figure, strict.verdict) == (pytest.approx(1.25), "missed")


@pytest.mark.parametrize(("of_64_layers", "verdict"), [(109.0, "reached"), (111.0, "missed")])
def test_memory_is_flat_if_it_stays_within_a_tenth_from_8_to_64_layers(of_64_layers: float, verdict: str) -> None:
    memory = {4: 50.0, 8: 100.0, 16: 105.0, 32: 102.0, 64: of_64_layers}  # 4 layers may take less
    samples = [sample(f"depth/{depth}/wave-pool-disk", peak_mib=mib) for depth, mib in memory.items()]
    flat = targets(*samples)["8 to 64 layers: most memory of wave over its least"]
    assert (flat.figure, flat.verdict) == (pytest.approx(of_64_layers / 100), verdict)


def test_a_line_with_gaps_is_not_called_flat() -> None:
    samples = [sample(f"depth/{depth}/wave-pool-disk") for depth in (8, 16, 64)]
    assert targets(*samples)["8 to 64 layers: most memory of wave over its least"].figure is None


def test_checkpointing_is_to_be_beaten_in_memory_and_in_time() -> None:
    measured = targets(
        sample("depth/64/simultaneous-pool-recompute", peak_mib=50, seconds=2.0),
        sample("depth/64/segment-checkpointing", peak_mib=80, seconds=1.0),
    )
    memory = measured["64 layers: memory of simultaneous over segment-checkpointing"]
    time = measured["64 layers: time of simultaneous over segment-checkpointing"]
    assert (memory.figure, memory.verdict) == (50 / 80, "reached")
    assert (time.figure, time.verdict) == (2.0, "missed")
