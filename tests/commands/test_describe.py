"""The command, from what is typed to what is printed."""

import pytest

from lwtrain import cli

SMALL = [
    "model=vgg8b",
    "model.width=0.125",
    "dataset=fake",
    "dataset.image_size=16",
    "dataset.num_images=150",
    "precision=32",
]


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    cli.main(["describe", *SMALL, *words])
    return capsys.readouterr().out


def test_layers_schedule_and_memory_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "encoder=c", "schedule.epochs=2", "schedule.waves=2")
    assert out.startswith("model=vgg8b, dataset=fake (3x16x16), ")
    rows = [line.split("│")[1].split()[0] for line in out.splitlines() if line.startswith("│")]
    assert rows == [*(f"layer_{number}" for number in range(6)), "head", "all"]
    assert "schedule=wave: 14 epochs of " in out
    assert "head    ························████························████" in out
    assert "memory: about " in out
    assert "front=memory: " in out


def test_end_to_end_a_step_is_not_a_layers_own(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "schedule=backprop", "schedule.epochs=1")
    assert "a step takes" not in out
    assert "▓ trains end to end" in out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["model=vgg31"], "model=vgg31: did you mean 'vgg19'?"),
        (["--config-dir", "nowhere"], "--config-dir=nowhere: there is no such folder"),
        (["model=vgg11,vgg13"], "model=vgg11,vgg13: "),
        (["dataset=cifar10", "dataset.image_size=2"], "dataset.image_size=2: vgg11 pools 5 times, choose 32 or more"),
    ],
)
def test_mistakes_are_explained(words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["describe", *words])
    assert end.value.code == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(complaint)
    assert (len(printed.err.splitlines()), printed.out) == (1, "")
