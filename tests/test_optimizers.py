import pytest
import torch
from torch import nn

from lwtrain.optimizers import OptimizerFactory, follow_course, layer_rates, named_groups

NAMES = ["layer_0", "layer_1", "head"]


def make(factory: OptimizerFactory) -> torch.optim.Optimizer:
    torch.manual_seed(0)
    return factory(named_groups(NAMES, [nn.Linear(2, 2) for _ in NAMES]))


def rates(optimizer: torch.optim.Optimizer) -> dict[str, float]:
    return {group["name"]: group["lr"] for group in optimizer.param_groups}


def test_one_rate_falls_by_depth() -> None:
    assert layer_rates(0.1, 0.5, 3) == pytest.approx([0.1, 0.05, 0.025])
    assert layer_rates(0.1, 1.0, 3) == [0.1, 0.1, 0.1]


def test_a_list_gives_every_layer_its_own() -> None:
    published = [8e-4, 7e-4, 6e-4, 5.1e-4, 4.2e-4, 3.3e-4, 2.4e-4, 1.6e-4, 1e-4]
    assert layer_rates(published, 1.0, 9) == published
    assert layer_rates([1.0, 2.0, 4.0], 0.5, 3) == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_list_of_another_length_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match=f"optimizer.lr: {number} rates for 3 layers; give one each, the head's last"):
        layer_rates([0.1] * number, 1.0, 3)


@pytest.mark.parametrize(
    ("name", "settings", "kind"),
    [
        ("adam", {"weight_decay": 0.1}, torch.optim.Adam),
        ("adamw", {"betas": (0.8, 0.9)}, torch.optim.AdamW),
        ("sgd", {"momentum": 0.9, "nesterov": True}, torch.optim.SGD),
    ],
)
def test_settings_reach_torchs_optimizer(
    name: str, settings: dict[str, object], kind: type[torch.optim.Optimizer]
) -> None:
    optimizer = make(OptimizerFactory(name, lr=[0.3, 0.2, 0.1], settings=settings))
    assert type(optimizer) is kind
    assert rates(optimizer) == {"layer_0": 0.3, "layer_1": 0.2, "head": 0.1}
    for group in optimizer.param_groups:
        assert {name: group[name] for name in settings} == settings


def test_every_parameter_is_in_the_group_of_its_layer() -> None:
    layers = [nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))]
    groups = named_groups(["layer_0", "head"], layers)
    assert [group["name"] for group in groups] == ["layer_0", "head"]
    for group, layer in zip(groups, layers, strict=True):
        assert [id(parameter) for parameter in group["params"]] == [id(parameter) for parameter in layer.parameters()]


def test_parameters_without_a_gradient_stay_whatever_the_optimizer_would_do() -> None:
    optimizer = make(OptimizerFactory("adamw", lr=0.1, settings={"weight_decay": 0.5}))
    resting = optimizer.param_groups[0]["params"][0]
    before = resting.detach().clone()
    active = optimizer.param_groups[1]["params"][0]
    active.sum().backward()
    optimizer.step()
    assert torch.equal(resting, before)


def test_a_course_moves_the_named_group_only() -> None:
    optimizer = make(OptimizerFactory("sgd", lr=[0.3, 0.2, 0.1]))
    follow_course(optimizer, {"layer_1": 0.5})
    assert rates(optimizer) == {"layer_0": 0.3, "layer_1": 0.1, "head": 0.1}


def test_a_course_is_counted_from_the_initial_rate() -> None:
    optimizer = make(OptimizerFactory("sgd", lr=[0.3, 0.2, 0.1]))
    for factor in (0.9, 0.5, 0.25):
        follow_course(optimizer, {"head": factor})
    assert rates(optimizer)["head"] == pytest.approx(0.025)


def test_each_group_follows_its_own_layer_and_one_without_a_name_any() -> None:
    optimizer = make(OptimizerFactory("sgd", lr=[0.3, 0.2, 0.1]))
    optimizer.add_param_group({"params": [torch.zeros(1, requires_grad=True)], "lr": 1.0})
    follow_course(optimizer, {"layer_1": 0.5, "head": 0.1})
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.3, 0.1, 0.01, 0.5])
