"""Make a data set of the columns of a table, whatever file they come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from handgrad.arguments import Array
from handgrad.datasets.cells import Cells, has_comma, is_missing
from handgrad.datasets.columns import Column, bad_cells, cells_of, describe
from handgrad.datasets.dataset import Dataset
from handgrad.datasets.preparation import row_slices
from handgrad.datasets.targets import Wanted, column, encode
from handgrad.errors import DataError

__all__ = ["Layout", "assemble", "choose_columns"]

_NAME_THEM = "give the columns a header that names them as in the data that was trained on"
_SEPARATE_THEM = (
    "separate the columns with commas, semicolons or tabs, one file like the other; or say what "
    "separates them with --delimiter"
)
_SHOWN = 20  # names in a message


@dataclass(frozen=True)
class Layout:
    """Which columns of a table are read.

    Parameters
    ----------
    names : list of str
        Of all columns.
    header : bool
        Whether they are called so in the file.
    places : list of int
        Where the features stand.
    target : int, optional
        Where the target stands.
    """

    names: list[str]
    header: bool
    places: list[int]
    target: int | None

    @property
    def read(self) -> list[int]:
        """Where all stands that is read."""
        return self.places if self.target is None else [*self.places, self.target]


def choose_columns(
    source: object, names: list[str], header: bool, wanted: Wanted, where: str = ""
) -> Layout:
    """Return which columns are the features, and which is the target.

    `where` says where the header stands.
    """
    dropped = {_place(source, names, header, name) for name in wanted.drop}
    t = _target(source, names, header, wanted)
    if t in dropped:
        raise DataError(
            f"{names[t]!r} as a column of {source} to be dropped, which is the target",
            "another column",
            "choose another target with --target",
        )
    if wanted.names is None:
        places = [p for p in range(len(names)) if p != t and p not in dropped]
    else:
        chosen = _select(source, names, header, wanted.names, t)
        places = [p for p in chosen if p not in dropped]
    if header:
        _check_names(source, where, names, places if t is None else [*places, t])
    else:
        names = [str(place) for place in range(len(names))]
    if not places or (wanted.names is not None and len(places) != len(wanted.names)):
        raise DataError(
            f"{source} with {len(places)} columns of features",
            f"{'at least one' if wanted.names is None else len(wanted.names)}, beside the target",
            _NAME_THEM if len(places) > 1 and not header else _SEPARATE_THEM,
        )
    return Layout(names, header, places, t)


def assemble(
    source: object,
    layout: Layout,
    cells: Mapping[int, Cells],
    lines: Sequence[int],
    wanted: Wanted,
) -> Dataset:
    """Return the data set that the columns make.

    `cells` are those of each column by its place; `lines` say where each row begins.
    """
    found = [cells[place] for place in layout.places]
    names = wanted.names or [layout.names[place] for place in layout.places]
    if wanted.columns is None:
        columns, notes = _describe(source, names, found, lines)
    else:
        columns, notes = wanted.columns, _compare(source, wanted.columns, found, lines)
    x = _encode_features(columns, found, len(lines))
    feature_names = tuple(name for each in columns for name in each.names)
    if layout.target is None:
        return Dataset(
            x, np.empty(0), feature_names, (), "", str(source), (), columns, tuple(notes)
        )
    name = layout.names[layout.target]
    y, class_names, why = _encode(source, name, cells[layout.target], lines, wanted)
    return Dataset(x, y, feature_names, class_names, name, str(source), (), columns, (*why, *notes))


def _encode_features(columns: Sequence[Column], found: Sequence[Cells], N: int) -> Array:
    """Return the numbers that the columns of features make, (N, D)."""
    x = np.empty((N, sum(len(c.names) for c in columns)))
    numbers: dict[int, Array] = {}
    end = 0
    for each, cells in zip(columns, found, strict=True):
        start, end = end, end + len(each.names)
        if end == start + 1 and cells.codes is None and not each.values:
            numbers[start] = cells.numbers
        else:
            each.encode(cells, x[:, start:end])
    for rows in row_slices(N):  # a whole column alone would go through the memory of all of them
        for place, values in numbers.items():
            x[rows, place] = values[rows]
    return x


def _describe(
    source: object, names: Sequence[str], found: Sequence[Cells], lines: Sequence[int]
) -> tuple[tuple[Column, ...], list[str]]:
    """Return what the columns of features mean, and what is to be said of them."""
    columns: list[Column] = []
    problems: dict[str, str] = {}
    numbering: list[str] = []
    for name, cells in zip(names, found, strict=True):
        made, problem, numbers = describe(name, cells, lines)
        columns.append(made)
        numbering += [numbers] * bool(numbers)
        if problem:
            problems[name] = problem
    if problems:
        raise _wrong(source, problems, found[list(names).index(next(iter(problems)))])
    texts = [f"{c.name} ({len(c.values)})" for c in columns if c.values]
    missing = [
        f"{c.name} ({cells.missing().sum():,})"
        for c, cells in zip(columns, found, strict=True)
        if c.missing
    ]
    notes = [
        (texts, "text, a column of 0 and 1 for each of its values: {}"),
        (missing, "missing cells, the mean of the column and a column that says where: {}"),
        (numbering, "numbers the rows, it seems, which teaches nothing (leave it out: --drop): {}"),
    ]
    return tuple(columns), [text.format(_listed(listed)) for listed, text in notes if listed]


def _compare(
    source: object, columns: Sequence[Column], found: Sequence[Cells], lines: Sequence[int]
) -> list[str]:
    """Return what of the columns is new to a network that was trained with such ones."""
    problems: dict[str, str] = {}
    unknown: list[str] = []
    missing: list[str] = []
    for each, cells in zip(columns, found, strict=True):
        if each.values:
            unknown += [f"{text[:40]!r} in {each.name}" for text in each.unknown(cells)]
        else:
            _, bad = cells.as_numbers()
            if bad.any():
                problems[each.name] = bad_cells(cells, bad, lines)
        if not each.missing and (count := int(cells.missing().sum())):
            missing.append(f"{each.name} ({count:,})")
    if problems:
        names = [each.name for each in columns]
        raise _wrong(source, problems, found[names.index(next(iter(problems)))], drop=False)
    notes = [
        (unknown, "text that no row of the training had counts as none of the known: {}"),
        (
            missing,
            "missing cells, of which the training had none, count as the mean, or no text: {}",
        ),
    ]
    return [text.format(_listed(listed)) for listed, text in notes if listed]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _wrong(source: object, problems: dict[str, str], first: Cells, drop: bool = True) -> DataError:
    """Return the error for columns that are neither numbers nor texts of few values."""
    told = [f"column {name}, {problem}" for name, problem in list(problems.items())[:_SHOWN]]
    mend = "mend the cells" if "bad cell" in told[0] else "make numbers of them"
    if any(map(has_comma, first.words)):
        mend = (
            "write numbers as 1234.5, with nothing between the thousands; or say what stands in "
            "place of the point: --decimal ,"
        )
    if drop:
        mend += f"; or leave them out: --drop {','.join(problems)}"
    return DataError(
        f"{source}: {'; '.join(told)}", "numbers, or texts of few different values", mend
    )


def _place(source: object, names: list[str], header: bool, name: str) -> int:
    """Return where a column stands that is named, or given by its index."""
    place = names.index(name) if header and name in names else column(name, len(names))
    if place is None:
        raise _no_column(source, names, header, f"column {name!r}")
    return place


def _no_column(source: object, names: list[str], header: bool, what: str) -> DataError:
    return DataError(
        f"{what} of {source}",
        f"one of its columns, {', '.join(names[:_SHOWN])}" if header else "the index of a column",
        "give a name from the header, or an index counted from 0",
    )


def _target(source: object, names: list[str], header: bool, wanted: Wanted) -> int | None:
    """Return which column is the target; None where there is none."""
    target, features = wanted.target, wanted.names
    if target is None or (not header and features is not None and len(names) == len(features)):
        return None
    if header and target in names:
        return names.index(str(target))
    t = column(target, len(names))
    if features is not None and (t is None or (header and names[t] in features)):
        return None
    if t is None:
        raise _no_column(source, names, header, f"{target!r} as the target")
    return t


def _select(
    source: object, names: list[str], header: bool, features: Sequence[str], t: int | None
) -> list[int]:
    """Return where the features stand that are wanted."""
    places = {name: place for place, name in enumerate(names)}
    if not header:
        rest = [place for place in range(len(names)) if place != t]
        chosen = [column(name, len(names)) for name in features]
        if len(rest) == len(features) or None in chosen:
            return rest  # whatever they are called where they were trained on
        return [place for place in chosen if place is not None]
    missing = [name for name in features if name not in places]
    if missing:
        raise DataError(
            f"{source} without {', '.join(map(repr, missing[:5]))}",
            f"a column for each of the {len(features)} features that are expected",
            f"name them so in the header, where there are {_listed(names)}",
        )
    return [places[name] for name in features]


def _check_names(source: object, where: str, names: list[str], places: list[int]) -> None:
    """Raise where a column that is read has no name, or two have the same one."""
    counts = Counter(names)
    for place in places:
        name = names[place]
        if not name or counts[name] > 1:
            kind = f"the name {name!r} twice" if name else "a column without a name"
            raise DataError(
                f"{source}, {where}column {place + 1}: {kind}",
                "a name of its own for each column",
                f"name it; or leave it out with --drop {place}, where it only numbers the rows; a "
                "first line that is no header needs one above it",
            )


def _encode(
    source: object, name: str, cells: Cells, lines: Sequence[int], wanted: Wanted
) -> tuple[Array, tuple[str, ...], list[str]]:
    """Return class indices and the classes' names, or numbers and no names; and why."""
    classes = wanted.classes
    numbers, missing = cells.numbers, cells.missing()
    named = np.isnan(numbers) & ~missing
    fractions = classes is None and (numbers[~np.isnan(numbers)] % 1).any()
    code = "" if classes is False or fractions else cells.code
    plain = not missing.any() and not named.any() and not code
    if not isinstance(classes, Sequence) and plain:
        y, class_names, why = encode(numbers, classes, f"{name} in {source}")
        return y, class_names, [f"{name} {why}"] * bool(why)
    if isinstance(classes, Sequence):
        known = list(classes)
        bad = ~np.isin(cells.texts(), known)
        expected = f"one of the classes {', '.join(known)}"
    elif classes is not True and not code and (classes is False or not np.isnan(numbers).all()):
        bad, expected = np.isnan(numbers), "a finite number, as in other rows"
    else:
        known = cells_of(cells)
        commas = {text for text in cells.words if "," in text and has_comma(text)}
        bad = missing | np.isin(cells.texts(), list(commas))
        expected = "the name of a class, or a number"
    if bad.any():
        text = cells.texts()[int(np.argmax(bad))]
        raise DataError(
            f"{source}, {name} as the target: {bad_cells(cells, bad, lines)}",
            expected,
            _mend(text, isinstance(classes, Sequence)),
        )
    index = {known_name: k for k, known_name in enumerate(known)}
    y = np.array([index[text] for text in cells.texts()], dtype=np.int64)
    told = f"{name} holds {code}, so each is taken for a class (--task numbers: for a number)"
    return y, tuple(known), [told] * (bool(code) and classes is None)


def _mend(text: str, known: bool) -> str:
    """Return what to do about a target that is none; where its classes are `known` already."""
    if is_missing(text):
        return "leave those rows out, or fill in what is missing"
    if has_comma(text):
        return (
            "write numbers as 1234.5, with nothing between the thousands; or say what stands in "
            "place of the point: --decimal ,"
        )
    if known:
        return "leave the rows of other classes out, or train with them"
    return (
        "mend the cells or leave those rows out; where names and numbers are all names of "
        "classes: --task classes"
    )
