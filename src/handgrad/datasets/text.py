"""Read CSV."""

from __future__ import annotations

import csv
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice, pairwise

import numpy as np

from handgrad.arguments import Array
from handgrad.datasets.arrow import read_columns
from handgrad.datasets.cells import Cells, class_name, is_code, is_missing, to_number
from handgrad.datasets.dataset import Dataset
from handgrad.datasets.source import Source
from handgrad.datasets.tables import Layout, assemble, choose_columns
from handgrad.datasets.targets import Wanted, column
from handgrad.errors import DataError

__all__ = ["read_csv"]

_NUMBERED = 3  # so many features that are called 0, 1, 2, ... are no row of data
_FEW = 2  # columns, of which the numbers of a first row rise by themselves
_ROWS = 4096  # at a time
_BLANK = 100_000  # so many blank lines on end are no data
_LONGEST = 1 << 20  # characters of the first line in which a separator is looked for
_PEEK = 100  # rows that tell which columns hold numbers


def read_csv(source: Source, wanted: Wanted) -> Dataset:
    """Read a table: with pyarrow where that is installed and the file is large."""
    delimiter = wanted.delimiter or _delimiter(source)
    rows = _rows(source, delimiter, wanted.every_row)
    line, first = next(rows, (0, []))
    if not first:
        raise DataError(f"{source} without any rows", "at least one row", "add the data")
    names = [name.strip() for name in first]
    peeked = list(islice(rows, _PEEK))
    header = _is_header(source, line, names, peeked, wanted)
    layout = choose_columns(source, names, header, wanted, f"line {line}, ")
    if header and not peeked:
        raise DataError(f"{source} with a header and no rows", "at least one row", "add the data")
    if not header:
        peeked.insert(0, (line, first))

    sample = [fields for _, fields in peeked]
    fast = read_columns(source, layout, sample, delimiter, wanted)
    if fast is not None:
        try:
            return assemble(source, layout, fast, range(len(fast[layout.places[0]])), wanted)
        except DataError:
            pass  # which is told below, with the lines
    cells, lines = _read(source, chain(peeked, rows), layout, wanted.decimal)
    return assemble(source, layout, cells, lines, wanted)


def _rows(source: Source, delimiter: str, every: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank, and the line on which it begins.

    Where the first row ends in a separator, the empty fields at the ends are left out. With
    `every`, rows of separators alone are rows too.
    """
    with source.path.open(encoding="utf-8-sig", newline="") as file:
        end = last = 0
        try:
            reader = csv.reader(file, delimiter=delimiter, strict=True, skipinitialspace=True)
            open_end = None
            for row in reader:
                line, end = end + 1, reader.line_num
                if any(map(str.strip, row)) or (every and len(row) > 1 and open_end is not None):
                    last = end
                    if open_end is None:
                        open_end = not row[-1].strip()
                    yield line, row[:-1] if open_end and not row[-1].strip() else row
                elif end - last > _BLANK:
                    raise DataError(
                        f"{source} with more than {_BLANK:,} blank lines after line {last}",
                        "rows of data",
                        "cut the file there, or take out the blank lines",
                    )
        except UnicodeDecodeError as error:
            raise DataError(
                f"{source}, line {_undecodable(source)}: bytes that are not UTF-8",
                "text in UTF-8",
                "save it as CSV UTF-8; or it is not text at all",
            ) from error
        except csv.Error as error:
            raise DataError(
                f"{source}, line {end + 1}: a row that is not well-formed ({error})",
                "fields separated by one character, with quotes around whole fields and closed",
                "mend the quotes on that line; a quote inside quotes is doubled",
            ) from error


def _delimiter(source: Source) -> str:
    """Return what separates the fields of the first line: a tab, a semicolon or a comma."""
    with source.path.open(encoding="utf-8-sig", errors="replace") as file:
        lines = (file.readline(_LONGEST) for _ in range(_BLANK))
        line = next((line for line in lines if line.strip()), "")
    unquoted = re.sub(r'"[^"]*"', "", line)
    return next((mark for mark in "\t;" if mark in unquoted), ",")


def _undecodable(source: Source) -> int:
    """Return the number of the first line that is not UTF-8."""
    data = source.path.read_bytes()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        data = data[: error.start]
    return data.count(b"\n") + 1


def _is_header(
    source: Source,
    line: int,
    names: list[str],
    following: list[tuple[int, list[str]]],
    wanted: Wanted,
) -> bool:
    """Return whether the first row names the columns."""
    target = wanted.target
    if _asked_for(names, wanted):
        return True
    skip = {column(target, len(names)), *(i for i, name in enumerate(names) if name == target)}
    others = [i for i in range(len(names)) if i not in skip]
    if len(others) >= _NUMBERED and all(names[i] == str(i) for i in others):
        return True
    given = [i for i in others if not is_missing(names[i])]
    texts = {i for i in given if to_number(names[i], wanted.decimal) is None}
    second = following[0][1] if following and len(following[0][1]) == len(names) else []
    numbers = {i for i in others if second and to_number(second[i], wanted.decimal) is not None}
    if len(texts) < len(given):
        if place := min(texts & numbers, default=-1) + 1:
            raise DataError(
                f"{source}, line {line}, column {place}: {names[place - 1][:40]!r} beside numbers",
                "a header without numbers, or a row like the next one",
                "mend the field, or give every column a name that is not a number",
            )
        _check_first(source, line, names, following, column(target, len(names)))
        return False
    # Texts alone: a header, unless the target is a number where the next row has texts alone too.
    target_named = all(to_number(names[i]) is None for i in skip if isinstance(i, int))
    return target_named or bool(numbers) or not second


def _asked_for(names: list[str], wanted: Wanted) -> bool:
    """Return whether the first row holds the target's name, or all features', and no indices."""
    asked = [(wanted.target,), wanted.names or ()]
    return any(
        given and {*given} <= {*names} and any(column(name, len(names)) is None for name in given)
        for given in asked
    )


def _check_first(
    source: Source,
    line: int,
    names: list[str],
    following: list[tuple[int, list[str]]],
    target: int | None,
) -> None:
    """Raise where the first row may be a header of numbers that rise, such as years.

    Its target is then a text that stands nowhere else, while the others stand there again.
    """
    if target is None or len(names) <= _FEW or to_number(names[target]) is not None:
        return
    counts = Counter(fields[target].strip() for _, fields in following if len(fields) == len(names))
    numbers = [to_number(name) or 0.0 for i, name in enumerate(names) if i != target]
    rising = all(low < high for low, high in pairwise(numbers))
    if rising and min(counts.values(), default=0) > 1 and names[target] not in counts:
        raise DataError(
            f"{source}, line {line}: {names[target][:40]!r}, which no row below has, and numbers "
            "that rise",
            "a header, or a row like the next ones",
            f"where it is the header, name the target: --target {names[target]}; where it is a "
            "row, put it further down",
        )


def _read(
    source: Source, rows: Iterator[tuple[int, list[str]]], layout: Layout, decimal: str
) -> tuple[Mapping[int, Cells], Sequence[int]]:
    """Return the cells of the columns that are read, and the line of each row."""
    lines = array("q")
    blocks: dict[int, list[Array | list[str]]] = {place: [] for place in layout.read}
    while block := list(islice(rows, _ROWS)):
        for line, fields in block:
            if len(fields) != len(layout.names):
                raise DataError(
                    f"{source}, line {line}: {len(fields)} fields",
                    f"{len(layout.names)} fields, as in the first line",
                    "a separator is missing or too many; quote a field that contains it",
                )
            lines.append(line)
        columns = list(zip(*(fields for _, fields in block), strict=True))
        for place, kept in blocks.items():
            kept.append(_numbers(columns[place], decimal, place == layout.target))
    cells = {
        place: _joined(kept, decimal, place == layout.target) for place, kept in blocks.items()
    }
    return cells, lines


def _numbers(texts: Sequence[str], decimal: str, keep_codes: bool) -> Array | list[str]:
    """Return the numbers that stand in some cells, or the texts where not all hold one."""
    codes = keep_codes and any(is_code(text.strip()) for text in texts)
    if decimal == "." and not codes and "_" not in "".join(texts):
        try:
            numbers = np.array(list(map(float, texts)))
        except ValueError:
            return list(texts)
        if np.isfinite(numbers).all():
            return numbers
    return list(texts)


def _joined(blocks: list[Array | list[str]], decimal: str, keep_codes: bool) -> Cells:
    """Return the cells of all blocks of a column."""
    if all(isinstance(block, np.ndarray) for block in blocks):
        return Cells(np.concatenate(blocks))
    texts = (
        text if isinstance(text, str) else class_name(text)
        for block in blocks
        for text in (block.tolist() if isinstance(block, np.ndarray) else block)
    )
    return Cells.of_texts(texts, decimal, keep_codes)
