"""Let torchvision's PyPI wheel be imported beside a torch build that it was not compiled for.

The wheel's compiled operators link against the CUDA build of torch. Beside a CPU build they do not load, and then
`import torchvision` (and with it `pytorch_lightning` and `torchmetrics`) ends in `RuntimeError: operator
torchvision::nms does not exist`, because the Python part describes operators that were never declared. lwtrain uses
none of them: data sets, transforms and models are plain Python. So where the operators are missing, this declares
their schemas before torchvision's first import; calling one still fails, with a clear message from torch.
"""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_declarations: list[Any] = []  # torch forgets a declaration when its Library object dies


class _BeforeTorchvision(MetaPathFinder):
    """Runs `declare_missing` when torchvision is imported for the first time, then steps aside."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name == "torchvision":
            sys.meta_path.remove(self)
            spec = importlib.util.find_spec("torchvision")
            if spec is not None and spec.origin is not None:
                declare_missing(Path(spec.origin).parent)
        return None


def cure_on_import() -> None:
    """Arrange for `declare_missing` to run before torchvision's first import; costs nothing until then."""
    if "torchvision" not in sys.modules and not any(isinstance(finder, _BeforeTorchvision) for finder in sys.meta_path):
        sys.meta_path.insert(0, _BeforeTorchvision())


def declare_missing(package: Path) -> list[str]:
    """Declare the schemas of torchvision's operators that its compiled library fails to bring.

    Args:
        package: The folder of the installed torchvision.

    Returns:
        The names declared; empty where the compiled library loads, so that nothing is shadowed.
    """
    import torch

    for library in package.glob("_C*.so"):
        try:
            torch.ops.load_library(library)
        except OSError:
            break
    else:
        return []
    fragment = torch.library.Library("torchvision", "FRAGMENT")
    for schema in _SCHEMAS.values():
        fragment.define(schema)
    _declarations.append(fragment)
    return list(_SCHEMAS)
