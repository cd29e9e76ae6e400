"""What a sheet is given to show, in place of a file that nobody looks at."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from torch import Tensor

from lwtrain.pictures.drawing import Sheet


class Row(NamedTuple):
    """One call of `Sheet.pictures`; the sheet may break it where it has no more columns."""

    columns: int
    images: Tensor
    captions: list[str]
    label: str


def catch_rows(monkeypatch: pytest.MonkeyPatch) -> list[Row]:
    """Give a list that fills with what sheets are to show; they stay empty."""
    rows: list[Row] = []

    def catch(
        sheet: Sheet, images: Tensor, captions: Sequence[str] = (), *, label: str = "", colours: Sequence[str] = ()
    ) -> None:
        assert len(colours) in (0, len(images))
        rows.append(Row(sheet.columns, images, list(captions), label))

    monkeypatch.setattr(Sheet, "pictures", catch)
    return rows
