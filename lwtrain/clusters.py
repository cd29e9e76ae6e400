"""What the schedulers of clusters mean for a run: who queues it again, and at which signal."""

import os

from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment


def is_job_of_submitit() -> bool:
    """Whether submitit runs this process.

    At SIGUSR2 it ends the process and queues it again. It passes over SIGTERM, which some clusters send before that: a
    run that had ended by then would not be queued again.
    """
    return bool(os.environ.get("SUBMITIT_EXECUTOR"))


def slurm_without_requeue() -> list[SLURMEnvironment]:
    """Give Lightning's plugin for a job of SLURM, if this is one, such that Lightning does not queue the job again.

    It would at SIGUSR1, with a checkpoint of the middle of an epoch, from which no run goes on bit for bit. Where
    torchrun starts the processes, Lightning heeds that first, and so does this.
    """
    if TorchElasticEnvironment.detect() or not SLURMEnvironment.detect():
        return []
    return [SLURMEnvironment(auto_requeue=False)]
