from pathlib import Path

import pytest
from small_runs import CLASSIFIER, train_small

from lwtrain.config.loading import load_config
from lwtrain.from_config import assemble_network
from lwtrain.steep_rates import steep_rate

BASE = "dataset=cifar10 encoder=pool schedule=simultaneous model.layer_depth=4 optimizer=sgd"


def told(words: str) -> str | None:
    config = load_config([*BASE.split(), *words.split()])
    return steep_rate(config, assemble_network(config, (3, 32, 32), 10))


def test_a_rate_that_cost_nine_points_is_told_of_with_one_that_did_not() -> None:
    assert told("optimizer.lr=0.05") == (
        "optimizer.lr: 0.05 is much for layer_0, whose classifier reads 4096 numbers; about 0.01 did best in such "
        "cases; optimizer.warm_up=0.25 lets it be about three times as high"
    )


@pytest.mark.parametrize(
    "words",
    [
        "optimizer.lr=0.01",
        "optimizer.lr=0.05 model.width=0.25",
        "optimizer.lr=0.05 optimizer.warm_up=0.25",
        "optimizer.lr=0.05 schedule=backprop",
        "optimizer.lr=0.05 encoder=c",
        "optimizer.lr=[0.01,0.01,0.5]",  # the head has no sidecar
        "optimizer.lr=0.05 model.width=0.25 model.layer_depth=2",
        "optimizer.lr=0.05 encoder.grid=1",
        "optimizer.lr=0.05 optimizer.momentum=0 optimizer.nesterov=false",
        "optimizer.lr=0.05 optimizer=adam",
    ],
)
def test_others_are_not(words: str) -> None:
    assert told(words) is None


@pytest.mark.parametrize(
    "words", ["optimizer.lr=[0.01,0.08,0.01]", "optimizer.lr=0.01 optimizer.lr_decay=8"], ids=["a list", "a factor"]
)
def test_each_layer_has_its_own_rate(words: str) -> None:
    line = told(words)
    assert line is not None
    assert " 0.08 is much for layer_1, whose classifier reads 2048 numbers" in line


def test_a_run_says_so_before_it_begins(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    network = [word for word in CLASSIFIER if not word.startswith("encoder")]
    train_small(tmp_path, *network, "encoder=pool", "optimizer=sgd", "optimizer.lr=1", "trainer.limit_train_batches=1")
    assert [line.split(",")[0] for line in caplog.messages if "optimizer.lr" in line] == [
        "optimizer.lr: 1 is much for layer_1"
    ]
