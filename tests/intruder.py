"""Files that run code where they are unpickled, or read as more than plain values."""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch


class Intruder:
    """Writes a file where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


def malicious_files(trace: Path) -> dict[str, bytes]:
    """Give files of several kinds, each of which makes `trace` appear if a reader trusts it."""
    intruder = Intruder(trace)
    evil = {"state_dict": {}, "config": intruder, "seed": intruder}
    zipped, legacy, array = io.BytesIO(), io.BytesIO(), io.BytesIO()
    torch.save(evil, zipped)
    torch.save(evil, legacy, _use_new_zipfile_serialization=False)
    np.save(array, np.array([intruder], dtype=object), allow_pickle=True)
    call = f"os.mkdir ['{trace}']"
    return {
        "text pickle": pickle.dumps(evil, protocol=0),
        "pickle": pickle.dumps(evil),
        "torch.save": zipped.getvalue(),
        "torch.save of old": legacy.getvalue(),
        "numpy": array.getvalue(),
        "YAML": f"!!python/object/apply:{call}\n".encode(),
        "YAML in a mapping": f"config:\n  seed: !!python/object/apply:{call}\n".encode(),
    }
