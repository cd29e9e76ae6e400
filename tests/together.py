"""Starts several processes of a worker, as torch's launcher does for users."""

import os
import socket
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
OF_OTHER_TESTS = "PL_GLOBAL_SEED"  # in the environment, left by a test that seeded; Lightning's processes would take it


def free_port() -> int:
    """Give a port of this machine that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run_together(worker: str, processes: int, folder: Path) -> None:
    """Let so many processes run `tests/WORKER FOLDER` to its end."""
    launcher = ["-m", "torch.distributed.run", f"--nproc-per-node={processes}", f"--master-port={free_port()}"]
    paths = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    inherited = {name: value for name, value in os.environ.items() if name != OF_OTHER_TESTS}
    environment = inherited | {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    command = [sys.executable, *launcher, str(HERE / worker), str(folder)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert run.returncode == 0, run.stderr[-5000:]
