"""Read CSV."""

from __future__ import annotations

import csv
import math
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from handgrad.arguments import Array
from handgrad.datasets.dataset import Dataset
from handgrad.datasets.targets import Classes, Features, Target, class_name, column, encode
from handgrad.errors import DataError

__all__ = ["read_csv"]

_MISSING = {"", "?", "na", "n/a", "nan", "null"}  # what stands, in small letters, for no value
_NUMBERED = 3  # so many features that are called 0, 1, 2, ... are no row of data


def read_csv(path: Path, target: Target, features: Features, classes: Classes) -> Dataset:
    """Read a table of numbers, with numbers or names in the target's column.

    The parameters are those of `read`.
    """
    rows = _rows(path)
    line, first = next(rows, (0, []))
    if not first:
        raise DataError(f"{path} without any rows", "at least one row", "add the data")
    names = [name.strip() for name in first]
    header = _is_header(path, line, names, target)
    t = _target(path, names, header, target, features)
    if header and features is not None:
        places = _select(path, names, features)
    else:
        places = [place for place in range(len(names)) if place != t]
    if header:
        _check_names(path, line, names, places if t is None else [*places, t])
    else:
        names = [str(place) for place in range(len(names))]
        rows = chain([(line, first)], rows)
    if not places or (features is not None and len(places) != len(features)):
        raise DataError(
            f"{path} with {len(places)} columns of features",
            f"{'at least one' if features is None else len(features)}, beside the target",
            "separate the columns with commas, semicolons or tabs, one file like the other",
        )

    numbers, texts, lines = array("d"), [], array("q")
    for line, fields in rows:
        if len(fields) != len(names):
            raise DataError(
                f"{path}, line {line}: {len(fields)} fields",
                f"{len(names)} fields, as in the first line",
                "a separator is missing or too many; quote a field that contains it",
            )
        given = [fields[place] for place in places]
        numbers.extend(_numbers(path, line, given, places))
        lines.append(line)
        if t is not None:
            texts.append(fields[t].strip())
    if not lines:
        raise DataError(f"{path} with a header and no rows", "at least one row", "add the data")

    x = np.frombuffer(numbers).reshape(len(lines), len(places))
    feature_names = tuple(names[place] for place in places) if features is None else tuple(features)
    if t is None:
        return Dataset(x, np.empty(0), feature_names, description=str(path))
    y, class_names = _encode(path, names[t], texts, lines, classes)
    return Dataset(x, y, feature_names, class_names, names[t], str(path))


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank, and the line on which it begins.

    Where the first row ends in a separator, the empty fields at the ends are left out.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        end = 0
        try:
            first = next((line for line in file if line.strip()), "")
            file.seek(0)
            reader = csv.reader(
                file, delimiter=_delimiter(first), strict=True, skipinitialspace=True
            )
            open_end = None
            for row in reader:
                line, end = end + 1, reader.line_num
                if any(map(str.strip, row)):
                    if open_end is None:
                        open_end = not row[-1].strip()
                    yield line, row[:-1] if open_end and not row[-1].strip() else row
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path}, line {_undecodable(path)}: bytes that are not UTF-8",
                "text in UTF-8",
                "save it as CSV UTF-8; or it is not text at all",
            ) from error
        except csv.Error as error:
            raise DataError(
                f"{path}, line {end + 1}: a row that is not well-formed ({error})",
                "fields separated by one character, with quotes around whole fields and closed",
                "mend the quotes on that line; a quote inside quotes is doubled",
            ) from error


def _delimiter(line: str) -> str:
    """Return what separates the fields of a line: a tab, a semicolon or a comma."""
    unquoted = re.sub(r'"[^"]*"', "", line)
    return next((mark for mark in "\t;" if mark in unquoted), ",")


def _undecodable(path: Path) -> int:
    """Return the number of the first line that is not UTF-8."""
    data = path.read_bytes()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        data = data[: error.start]
    return data.count(b"\n") + 1


def _number(text: str) -> float | None:
    """Return the number that a field holds; None where it is not a finite one."""
    try:
        number = float(text)
    except ValueError:
        return None
    # To Python 1_000 is a number; in a table it is more likely a name.
    return number if math.isfinite(number) and "_" not in text else None


def _numbers(path: Path, line: int, fields: list[str], places: Sequence[int]) -> list[float]:
    """Return the numbers in the fields of one row."""
    try:
        numbers = list(map(float, fields))
    except ValueError:
        numbers = [math.nan]
    if not math.isfinite(sum(numbers)) or "_" in "".join(fields):
        for field, place in zip(fields, places, strict=True):
            if _number(field) is None:
                raise DataError(
                    f"{path}, line {line}, column {place + 1}: {field[:40]!r}",
                    "a finite number",
                    _mend(field),
                )
    return numbers


def _mend(field: str) -> str:
    """Return what to do about a field that is not a finite number."""
    if field.strip().lower() in _MISSING:
        return "leave the row out, or fill in what is missing"
    if _has_comma(field):
        return "write numbers as 1234.5: a point, no comma, nothing between the thousands"
    return (
        "only the target may hold names: leave the column out, or give it numbers, such as a "
        "column of 0 and 1 for each name"
    )


def _has_comma(field: str) -> bool:
    """Return whether a field is a number but for the commas in it, or what parts thousands."""
    return _number(re.sub(r"[,'\u2019\s]", "", field)) is not None


def _is_header(path: Path, line: int, names: list[str], target: Target) -> bool:
    """Return whether the first row names the columns."""
    skip = {column(target, len(names)), *(i for i, name in enumerate(names) if name == target)}
    others = [i for i in range(len(names)) if i not in skip]
    if len(others) >= _NUMBERED and all(names[i] == str(i) for i in others):
        return True
    numeric = [_number(names[i]) is not None for i in others]
    if any(numeric) and not all(numeric):
        place = others[numeric.index(False)]
        raise DataError(
            f"{path}, line {line}, column {place + 1}: {names[place][:40]!r} beside numbers",
            "a header without numbers, or a row of numbers in which only the target holds names",
            "mend the field, or give every column a name that is not a number",
        )
    return not any(numeric)


def _target(
    path: Path, names: list[str], header: bool, target: Target, features: Features
) -> int | None:
    """Return which column is the target; None where there is none."""
    if target is None or (not header and features is not None and len(names) == len(features)):
        return None
    if header and target in names:
        return names.index(str(target))
    t = column(target, len(names))
    if features is not None and (t is None or (header and names[t] in features)):
        return None
    if t is None:
        raise DataError(
            f"{target!r} as the target of {path}",
            f"one of its columns, {', '.join(names[:20])}" if header else "the index of a column",
            "give a name from the header, or an index counted from 0",
        )
    return t


def _select(path: Path, names: list[str], features: Sequence[str]) -> list[int]:
    """Return where the features stand that a trained model expects."""
    places = {name: place for place, name in enumerate(names)}
    missing = [name for name in features if name not in places]
    if missing:
        raise DataError(
            f"{path} without {', '.join(map(repr, missing[:5]))}",
            f"a column for each of the {len(features)} features that are expected",
            "name the columns in the header as in the data that was trained on",
        )
    return [places[name] for name in features]


def _check_names(path: Path, line: int, names: list[str], places: list[int]) -> None:
    """Raise where a column that is read has no name, or two have the same one."""
    counts = Counter(names)
    for place in places:
        name = names[place]
        if not name or counts[name] > 1:
            kind = f"the name {name!r} twice" if name else "a column without a name"
            raise DataError(
                f"{path}, line {line}, column {place + 1}: {kind}",
                "a name of its own for each column",
                "name it; or drop it, where it only numbers the rows (pandas: index=False)",
            )


def _encode(
    path: Path, name: str, texts: list[str], lines: Sequence[int], classes: Classes
) -> tuple[Array, tuple[str, ...]]:
    """Return class indices and the classes' names, or numbers and no names."""
    numbers = [_number(text) for text in texts]
    known = classes if isinstance(classes, Sequence) else ()
    if known:
        pairs = zip(texts, numbers, strict=True)
        texts = [t if t in known or n is None else class_name(n) for t, n in pairs]
        wrong = [text not in known for text in texts]
        expected = f"one of the classes {', '.join(known)}"
    elif None not in numbers:
        return encode(np.array(numbers), classes, f"{name} in {path}")
    elif classes is False or (classes is None and any(n is not None for n in numbers)):
        wrong, expected = [n is None for n in numbers], "a finite number, as in other rows"
    else:
        known = sorted(set(texts))
        wrong = [text.lower() in _MISSING or ("," in text and _has_comma(text)) for text in texts]
        expected = "the name of a class, or a number"
    if any(wrong):
        text = texts[i := wrong.index(True)]
        raise DataError(
            f"{path}, line {lines[i]}: {text[:40]!r} as {name}",
            expected,
            _mend(text)
            if text.lower() in _MISSING or _has_comma(text)
            else "mend the field or leave the row out; where names and numbers are all names of "
            "classes, choose a loss for classes",
        )
    index = {known_name: k for k, known_name in enumerate(known)}
    return np.array([index[text] for text in texts], dtype=np.int64), tuple(known)
