"""Frames whose columns and dtypes are named beforehand, so that an empty one has them too. pandas comes in on use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

Columns = Mapping[str, str]
"""Names in order, each with its pandas dtype."""


def make_frame(columns: Columns, rows: Iterable[Sequence[object]]) -> pd.DataFrame:
    """A frame of rows that have a value for each column; of no rows, an empty one with the same dtypes."""
    import pandas as pd

    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    series = {
        name: pd.Series(list(column), dtype=dtype)
        for (name, dtype), column in zip(columns.items(), values, strict=True)
    }
    return pd.DataFrame(series)
