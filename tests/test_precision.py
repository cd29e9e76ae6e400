import pytest
import torch
from tiny import differing, fit, tensors, tiny_stack

from lwtrain import WaveSchedule, precision
from lwtrain.precision import trainer_precision


@pytest.mark.parametrize("accelerator", ["cpu", "auto", "gpu"])
def test_what_is_set_is_taken(accelerator: str) -> None:
    assert trainer_precision("32", accelerator) == ("32-true", "as set")
    assert trainer_precision("bf16", accelerator) == ("bf16-mixed", "as set")


@pytest.mark.parametrize(
    ("capabilities", "chosen"),
    [
        ({"amx_bf16": True}, "bf16-mixed"),
        ({"avx512_bf16": True}, "bf16-mixed"),
        ({"amx_bf16": False, "avx512_f": True, "avx2": True}, "32-true"),
        ({}, "32-true"),
    ],
)
def test_auto_takes_bfloat16_where_the_cpu_multiplies_it(
    capabilities: dict[str, bool], chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    setting, reason = trainer_precision("auto", "cpu")
    assert setting == chosen
    assert "this CPU" in reason


@pytest.mark.parametrize(("supported", "chosen"), [(True, "bf16-mixed"), (False, "32-true")])
def test_auto_asks_the_gpu_where_there_is_one(supported: bool, chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: supported)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Some GPU")
    monkeypatch.setattr(precision, "_cpu_multiplies_bf16", lambda: not supported)
    setting, reason = trainer_precision("auto", "auto")
    assert setting == chosen
    assert "Some GPU" in reason


def test_other_settings_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^precision=16: choose auto, 32 or bf16$"):
        trainer_precision("16", "cpu")


def test_all_fronts_train_alike_in_bfloat16() -> None:
    runs = [
        fit(WaveSchedule(epochs=2, waves=2, front=name), precision="bf16-mixed")
        for name in ("memory", "disk", "recompute")
    ]
    for other in runs[1:]:
        assert differing(tensors(runs[0].layers), tensors(other.layers)) == []
    assert len(differing(tensors(runs[0].layers), tensors(tiny_stack().layers))) > 0
    assert {parameter.dtype for parameter in runs[0].parameters()} == {torch.float32}
