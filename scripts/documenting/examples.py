"""Has examples in docstrings shown as code: there they stand under `Example:`, and griffe looks for `Examples:`."""

import re
from typing import Any

from griffe import Extension, Object


class Examples(Extension):
    """Writes the plural where griffe reads a docstring; the code is left as it is."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Look at one function, class or module."""
        if obj.docstring:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
