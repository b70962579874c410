"""Read large CSV files with pyarrow where that is installed: the same cells, many times faster."""

from __future__ import annotations

import mmap
import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from handgrad.datasets.cells import MISSING, Cells, is_missing, to_number
from handgrad.datasets.source import Source
from handgrad.datasets.tables import Layout
from handgrad.datasets.targets import Wanted

__all__ = ["read_columns"]

_PART = 1 << 20  # bytes at a time
_LARGE = 1 << 22  # bytes; a smaller file is read before pyarrow is loaded


def read_columns(
    source: Source,
    layout: Layout,
    sample: Sequence[Sequence[str]],
    delimiter: str,
    wanted: Wanted,
) -> Mapping[int, Cells] | None:
    """Return the cells of the columns that are read; None where our own reader has to read them.

    That is so where the file is small, pyarrow is not there, or something is not plain: a quote
    within a field, a field too many, a text among the numbers of a column. The first rows,
    `sample`, say which columns hold numbers; a target that may be a class is read as text.
    """
    if source.size < _LARGE:
        return None
    quotes = _quotes(source, layout.header, delimiter)
    if quotes is None:
        return None
    try:
        import pyarrow as pa
        from pyarrow import csv
    except ImportError:
        return None
    width = len(sample[0])
    names = [str(place) for place in range(width)]
    decimal, target = wanted.decimal, layout.target
    kinds = {}
    for place in layout.read:
        texts = [row[place] for row in sample if len(row) == width]
        numbers = len(texts) == len(sample) and _all_numbers(texts, decimal)
        if place == target and _may_be_classes(texts, wanted):
            numbers = False
        kinds[names[place]] = pa.float64() if numbers else pa.dictionary(pa.int32(), pa.string())
    try:
        table = csv.read_csv(
            source.path,
            csv.ReadOptions(column_names=names, skip_rows_after_names=int(layout.header)),
            csv.ParseOptions(
                delimiter=delimiter,
                quote_char='"' if quotes else False,
                newlines_in_values=quotes,
            ),
            csv.ConvertOptions(
                column_types=kinds,
                include_columns=list(kinds),
                null_values=_spellings(),
                decimal_point=decimal,
            ),
        )
    except pa.ArrowException:  # our own reader says what is wrong, and on which line
        return None
    cells: dict[int, Cells] = {}
    empty = np.ones(table.num_rows, dtype=bool)
    for place in layout.read:
        column = table.column(names[place])
        cells[place] = each = _cells(column, decimal, place == target)
        if (
            pa.types.is_floating(column.type)
            and column.null_count < (~np.isfinite(each.numbers)).sum()
        ):
            return None  # -nan and inf are no numbers, and not missing
        empty &= each.missing()
    return None if empty.any() else cells  # rows of separators alone are no rows


def _quotes(source: Source, header: bool, delimiter: str) -> bool | None:
    """Return whether there are quotes behind the header; None where one is within a field, or open.

    What pyarrow makes of such a one is not what Python's reader does, which refuses it.
    """
    ends = rb'[^"\r\n' + re.escape(delimiter.encode()) + rb"]"
    with (
        source.path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        start = max(data.find(b"\n"), 0) if header else 0
        parts = (data[i : i + _PART] for i in range(start, len(data), _PART))
        count = sum(part.count(b'"') for part in parts if b'"' in part)  # to look is faster
        if count % 2 or (count and re.compile(ends + b'"' + ends).search(data, start)):
            return None
        return count > 0


def _may_be_classes(texts: Sequence[str], wanted: Wanted) -> bool:
    """Return whether a target may be a class, and its texts names."""
    if wanted.classes is not None:
        return wanted.classes is not False
    numbers = [to_number(text, wanted.decimal) for text in texts]
    return all(number is None or number.is_integer() for number in numbers)


def _all_numbers(texts: Sequence[str], decimal: str) -> bool:
    """Return whether there are numbers, and nothing else but missing cells."""
    present = [text for text in texts if not is_missing(text.strip())]
    return bool(present) and all(to_number(text, decimal) is not None for text in present)


def _spellings() -> list[str]:
    """Return all that stands for no value, in small and capital letters."""
    pairs = (product(*((letter, letter.upper()) for letter in text)) for text in MISSING)
    return sorted({"".join(letters) for spelled in pairs for letters in spelled})


def _cells(column: Any, decimal: str, keep_codes: bool) -> Cells:
    """Return the cells of a column of pyarrow's."""
    combined = column.combine_chunks()
    if hasattr(combined, "dictionary"):
        codes = combined.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        return Cells.of_codes(combined.dictionary.to_pylist(), codes, decimal, keep_codes)
    return Cells(combined.to_numpy(zero_copy_only=False))
