"""Which number format a run computes in: `precision=auto` takes bfloat16 where the hardware multiplies it fast."""

from typing import Literal

import torch

TrainerPrecision = Literal["32-true", "bf16-mixed"]


def trainer_precision(setting: str, accelerator: str) -> tuple[TrainerPrecision, str]:
    """Turn `precision=` into the Trainer's word for it, and a reason to show.

    Args:
        setting: "auto", "32" or "bf16".
        accelerator: The Trainer's setting: "auto", "cpu", "gpu", ...

    Raises:
        ValueError: If the setting is none of these.
    """
    if setting == "32":
        return "32-true", "as set"
    if setting == "bf16":
        return "bf16-mixed", "as set"
    if setting != "auto":
        raise ValueError(f"precision={setting}: choose auto, 32 or bf16")
    if accelerator != "cpu" and torch.cuda.is_available():
        fast, where = torch.cuda.is_bf16_supported(including_emulation=False), torch.cuda.get_device_name()
    else:
        fast, where = _cpu_multiplies_bf16(), "this CPU"
    return ("bf16-mixed", f"{where} computes bfloat16") if fast else ("32-true", f"{where} has no fast bfloat16")


def _cpu_multiplies_bf16() -> bool:
    """Whether the CPU has instructions for bfloat16 products; False where torch cannot tell."""
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))
