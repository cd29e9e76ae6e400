"""Settings of Lightning's Trainer."""

from dataclasses import dataclass
from typing import Literal

from lwtrain.config.ranges import Count, Index, Positive, ShareOrAll


@dataclass(frozen=True)
class TrainerConfig:
    """Settings of Lightning's Trainer by its own names; None leaves the choice to Lightning."""

    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps"] = "auto"
    devices: Literal["auto"] | Count | list[Index] = 1
    num_nodes: Count = 1
    strategy: Literal["auto", "ddp"] = "auto"
    sync_batchnorm: bool = False
    max_epochs: Count | None = None
    max_steps: Count | Literal[-1] = -1
    max_time: str | None = None
    limit_train_batches: Count | ShareOrAll | None = None
    limit_val_batches: Count | ShareOrAll | None = None
    limit_test_batches: Count | ShareOrAll | None = None
    fast_dev_run: bool | Count = False
    num_sanity_val_steps: Index = 0
    check_val_every_n_epoch: Count = 1
    log_every_n_steps: Count = 10
    accumulate_grad_batches: Count = 1
    gradient_clip_val: Positive | None = None
    gradient_clip_algorithm: Literal["norm", "value"] | None = None
    deterministic: bool | Literal["warn"] | None = None
    benchmark: bool | None = None
    detect_anomaly: bool = False
    profiler: Literal["simple", "advanced", "pytorch"] | None = None
    enable_model_summary: bool = False

    @property
    def num_devices(self) -> int | None:
        """How many of a machine's devices are used; None: as many as it has."""
        if self.devices == "auto":
            return None
        return len(self.devices) if isinstance(self.devices, list) else self.devices

    @property
    def several_processes(self) -> bool:
        """Whether more than one process may train."""
        return self.num_devices != 1 or self.num_nodes > 1
