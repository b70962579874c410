"""The readers of a user's own files: what they accept, what they say, and that nothing escapes."""

import gzip
import io
import os
import pickle
import struct
import subprocess
import sys
import threading
import time
import zipfile

import numpy as np
import openpyxl
import pandas
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import handgrad.datasets.arrow
import handgrad.datasets.source
import handgrad.datasets.text
from handgrad.datasets import Column, Dataset, from_rows, read
from handgrad.errors import DataError, HandgradError

TABLE = np.array([[5.5, 3.0, 0], [4.25, 1.0, 1], [1.0, 2.0, 1], [0.5, -1.0, 0]])
CSV = "length,width,kind\n5.5,3,rose\n4.25,1,iris\n1,2,iris\n0.5,-1,rose\n"


def write(folder, name, content):
    path = folder / name
    if isinstance(content, str):
        content = content.encode()
    path.write_bytes(content)
    return path


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(save=np.savez, **arrays):
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def idx(array, code=0x08):
    array = np.asarray(array)
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.tobytes()


# CSV


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n"])
def test_csv_however_it_is_separated(tmp_path, separator, end, start):
    data = read(write(tmp_path, "a.csv", start + CSV.replace(",", separator).replace("\n", end)))
    np.testing.assert_array_equal(data.x, TABLE[:, :2])
    np.testing.assert_array_equal(data.y, [1, 0, 0, 1])
    assert data.class_names == ("iris", "rose")
    assert data.feature_names == ("length", "width")
    assert data.target_name == "kind"
    assert data.image == ()


@pytest.mark.parametrize("target", ["kind", 0, "0", -3])
def test_the_target_by_name_and_by_index(tmp_path, target):
    text = "kind,a,b\nx,1,2\ny,3,4\n"
    data = read(write(tmp_path, "a.csv", text), target)
    np.testing.assert_array_equal(data.x, [[1, 2], [3, 4]])
    assert data.class_names == ("x", "y")
    data = read(write(tmp_path, "b.csv", text[9:]), target if target != "kind" else 0)
    np.testing.assert_array_equal(data.x, [[1, 2], [3, 4]])
    assert (data.feature_names, data.target_name) == (("1", "2"), "0")


def test_quoted_fields_keep_separators_and_lines(tmp_path):
    text = '"a, b",c,kind\n"1",2,"one, ""two""\nthree"\n3,4,z\n'
    data = read(write(tmp_path, "a.csv", text))
    assert data.feature_names == ("a, b", "c")
    assert data.class_names == ('one, "two"\nthree', "z")


def test_no_target_means_that_all_columns_are_features(tmp_path):
    data = read(write(tmp_path, "a.csv", "a,b\n1,2\n3,4\n"), None)
    np.testing.assert_array_equal(data.x, [[1, 2], [3, 4]])
    assert (data.y.shape, data.target_name, data.class_names) == ((0,), "", ())


def test_numbers_whose_sum_is_not_finite_are_finite_numbers(tmp_path):
    data = read(write(tmp_path, "a.csv", "1e308,1e308,0.5\n"))
    np.testing.assert_array_equal(data.x, [[1e308, 1e308]])


@pytest.mark.parametrize(
    ("targets", "classes", "names"),
    [
        ("0 1 1 0", None, ("0", "1")),
        ("10 9 10 9", None, ("9", "10")),  # sorted as numbers
        ("1.0 2.0 2.0 1.0", None, ("1", "2")),
        ("1 2 3 4", None, ()),  # one of each
        ("0.5 1 1 0.5", None, ()),
        ("0.5 1 1 0.5", True, ("0.5", "1")),
        ("0 1 1 0", False, ()),
        ("b a a b", None, ("a", "b")),
        ("b 1 1 b", True, ("1", "b")),
        ("b a a b", ("c", "b", "a"), ("c", "b", "a")),
        ("1.0 2 2 1", ("2", "1"), ("2", "1")),
    ],
)
def test_classes_and_numbers(tmp_path, targets, classes, names):
    given_targets = targets.split()
    rows = "".join(f"{i},{field}\n" for i, field in enumerate(given_targets))
    data = read(write(tmp_path, "a.csv", rows), classes=classes)
    assert data.class_names == names
    if names:
        assert data.y.dtype == np.int64
        back = [names[k] for k in data.y]
        assert all(a == b or float(a) == float(b) for a, b in zip(back, given_targets, strict=True))
    else:
        assert data.y.dtype == np.float64
        np.testing.assert_array_equal(data.y, [float(field) for field in given_targets])


def test_a_trained_models_features_are_found_by_name(tmp_path):
    expected = {"target": "kind", "features": ("width", "length"), "classes": ("rose", "iris")}
    data = read(write(tmp_path, "a.csv", CSV), **expected)
    np.testing.assert_array_equal(data.x, TABLE[:, [1, 0]])
    np.testing.assert_array_equal(data.y, [0, 1, 1, 0])
    unknown = read(write(tmp_path, "b.csv", "note,length,width\n1,5,6\n"), **expected)
    np.testing.assert_array_equal(unknown.x, [[6, 5]])
    assert unknown.y.size == 0
    for target in (-1, "kind"):
        bare = read(write(tmp_path, "c.csv", "5,6\n"), target, features=("length", "width"))
        assert (bare.x.tolist(), bare.y.size) == ([[5, 6]], 0)
    with_target = read(write(tmp_path, "d.csv", "5,6,rose\n"), features=("length", "width"))
    assert (with_target.x.tolist(), with_target.class_names) == ([[5, 6]], ("rose",))
    none = read(write(tmp_path, "e.csv", "length,width\n5,6\n"), features=("length", "width"))
    assert (none.x.tolist(), none.y.size) == ([[5, 6]], 0)


@pytest.mark.parametrize(
    "content",
    [
        "a,b,k,\n5,6,rose,\n7,8,iris,\n",
        "a,b,k,\n5,6,rose\n7,8,iris,\n",
        "5;6;rose;\r\n7;8;iris;\r\n",
        "a,b,k\n5,6,rose\n,,\n7,8,iris\n , ,\n",
    ],
)
def test_what_a_spreadsheet_leaves_at_the_ends_is_left_out(tmp_path, content):
    data = read(write(tmp_path, "a.csv", content))
    assert data.x.tolist() == [[5, 6], [7, 8]]
    assert data.class_names == ("iris", "rose")


@pytest.mark.parametrize(
    ("head", "header"),
    [("0,1,2,kind", True), ("0,1,2,3", True), ("0,1,2", False), ("2019,2020,2021,3", False)],
)
def test_numbered_columns_are_a_header(tmp_path, head, header):
    fields = ",".join("5" for _ in head.split(","))
    data = read(write(tmp_path, "a.csv", f"{head}\n{fields}\n"))
    assert len(data) == 1 + (not header)
    assert data.target_name == (head.split(",")[-1] if header else str(len(head.split(",")) - 1))


def test_a_wide_table_is_read_in_time_that_grows_with_its_width(tmp_path):
    names = [f"f{i}" for i in range(30_000)]
    path = write(tmp_path, "a.csv", ",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")
    data = read(path, "f0", features=names[:0:-1])
    assert data.x.shape == (1, 29_999)
    assert data.feature_names[0] == names[-1]


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        ("a,b,k\n1,2,x\n1,oops,y\n", {}, r"column b, 1 bad cell: 'oops' on line 3.*--drop b"),
        ("d,b,k\n2024-01-01,2,x\n", {}, r"column d, dates, such as '2024-01-01'.*--drop d"),
        ("a,b,k\n1,?,x\n", {}, "column b, no value at all.*--drop b"),
        ("a;b;k\n1,5;2;x\n", {}, r"column a, 1 bad cell: '1,5' on line 2.*--decimal ,"),
        ('a,b,k\n1,"2,000",x\n', {}, r"column b, .*'2,000' on line 2.*between the thousands"),
        ("a;k\n1;3,5\n2;4,5\n", {}, r"k as the target: 2 bad cells: '3,5' on line 2.*--decimal ,"),
        ("a;k\n1;3,5\n2;4\n", {}, r"k as the target: 1 bad cell: '3,5' on line 2.*--decimal ,"),
        ("a;k\n1;3.5\n2;4\n", {"decimal": ","}, r"1 bad cell: '3.5' on line 2"),
        ("a,k\n1,x\n2,NA\n", {}, r"k as the target: 1 bad cell: 'NA' on line 3.*fill in"),
        (
            "a,k\n1,1\n" + "2,?\n" * 5,
            {},
            r"k as the target: 5 missing cells, on lines 3, 4, 5, \.\.\.",
        ),
        ("a,k\n1,1\n2,?\n", {}, r"k as the target: 1 missing cell, on line 3.*fill in"),
        ("a,b,\n1,2,x\n", {}, r"line 2: 3 fields.*2 fields"),
        ("a,b,b\n1,2,x\n", {}, r"'b' twice"),
        ("a,b,k\n1,-inf,x\n", {}, r"column b, 1 bad cell: '-inf' on line 2"),
        ("a,b,k\n1,1_000,x\n", {}, r"column b, 1 bad cell: '1_000' on line 2"),
        ("a,b,k\n1,2,x\n\n1,2\n", {}, r"line 4: 2 fields"),
        ("a,b,k\n1,2,x,9\n", {}, r"line 2: 4 fields"),
        ('a,b,k\n1,2,"x\ny"\n1,z,x\n', {}, r"column b, 1 bad cell: 'z' on line 4"),
        ('a,b,k\n1,2,"x\n3,4,y\n', {}, r"line 2: a row that is not well-formed"),
        ('a,b,k\n1,2,"x"y\n', {}, r"line 2: a row that is not well-formed"),
        ("1,x,k\n1,2,x\n", {}, r"line 1, column 2: 'x' beside numbers"),
        (",a,k\n0,1,x\n", {}, r"line 1, column 1: a column without a name.*--drop 0"),
        ("a,a,k\n0,1,x\n", {}, r"'a' twice"),
        ("a,b,k\n", {}, "header and no rows"),
        ("a,b,k\n1,2,x\n", {"target": "kind"}, r"'kind' as the target.*a, b, k"),
        ("1,2,3\n", {"target": 3}, "3 as the target.*index"),
        ("1 2 x\n", {}, "separate the columns with commas"),
        ("1\n2\n", {}, "0 columns of features"),
        ("1,x\n2,\n", {}, r"1 as the target: 1 missing cell, on line 2"),
        ("1,3\n2,x\n", {}, r"1 as the target: 1 bad cell: 'x' on line 2.*finite number"),
        ("1,3\n2,nan\n", {}, r"1 as the target: 1 missing cell, on line 2"),
        ("1,b\n2,b\n", {"classes": False}, r"2 bad cells: 'b' on line 1.*--task classes"),
        ("1,b\n2,d\n", {"classes": ("a", "b")}, r"1 bad cell: 'd' on line 2.*classes a, b"),
        ("1,3\n2,4\n", {"classes": ("3", "5")}, r"1 bad cell: '4' on line 2.*classes 3, 5"),
        ("a,k\n1,b\n", {"features": ("a", "z")}, r"without 'z'.*2 features"),
        ("1,2,3,4\n", {"features": ("a", "z")}, "3 columns of features.*2, beside"),
        (b"a,b,k\n1,2,x\n1,\xff,y\n", {}, "line 3: bytes that are not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), {}, "neither UTF-8 text nor in a binary format"),
        ("a,b,k\nx,1,2\ny,oops,3\nz,7,?\nz,?,4\n", {}, r"column b, 1 bad cell: 'oops' on line 3"),
        ("a,d,k\n1,1.2.2024,3\nx,2.2.2024,3\n2,,1\n", {}, r"column a, 1.*'x'.*; column d, dates"),
        ("a,k\n" + "".join(f"name{i},{i}\n" for i in range(60)), {}, "60 different texts in 60"),
        ("a,b,k\n1,2,x\n", {"drop": ["k"]}, "'k' as a column of .* to be dropped.*the target"),
        ("a,b,k\n1,2,x\n", {"drop": ["c"]}, "column 'c' of.*a, b, k"),
        ("a,b,k\n1,2,x\n", {"drop": ["a", "0", "b"]}, "0 columns of features"),
        ("", {}, "empty"),
        ('""\n', {}, "without any rows"),
        ("\x1f\n", {}, "without any rows"),
        (" \n\n", {}, "empty"),
    ],
)
def test_what_is_wrong_in_a_csv_is_named(tmp_path, content, arguments, words):
    path = write(tmp_path, "table.csv", content)
    with pytest.raises(DataError, match=f"(?s)table.csv.*{words}|{words}.*table.csv|{words}"):
        read(path, **arguments)


def test_a_field_beyond_all_measure_is_named(tmp_path):
    with pytest.raises(DataError, match="line 2: a row that is not well-formed"):
        read(write(tmp_path, "a.csv", "a,b\n1," + "9" * 200_000 + "\n"))


def test_bytes_that_are_not_text_far_from_the_start_are_found(tmp_path):
    content = b"a,b\n" + b"1,2\n" * 5000 + b"1,\xfe\n"
    with pytest.raises(DataError, match="line 5002"):
        read(write(tmp_path, "a.csv", content))


# NPY and NPZ


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["f8", "f4", ">f8", "i2"])
def test_npy_with_the_target_in_a_column(tmp_path, order, dtype):
    table = np.asarray(TABLE * 4, dtype=dtype, order=order)
    path = write(tmp_path, "a.npy", npy(table))
    data = read(path)
    np.testing.assert_array_equal(data.x, TABLE[:, :2] * 4)
    np.testing.assert_array_equal(data.y, [0, 1, 1, 0])
    assert data.class_names == ("0", "4")
    assert data.x.dtype.isnative
    middle = read(path, "1", classes=False)
    np.testing.assert_array_equal(middle.x, TABLE[:, [0, 2]] * 4)
    np.testing.assert_array_equal(middle.y, TABLE[:, 1] * 4)
    assert (middle.feature_names, middle.target_name) == (("0", "2"), "1")


@pytest.mark.parametrize(("target", "offset"), [(-1, 0), (0, 8), (None, 0)])
def test_npy_stays_on_the_disk(tmp_path, target, offset):
    data = read(write(tmp_path, "a.npy", npy(TABLE)), target)
    base = data.x
    while not isinstance(base, np.memmap):
        base = base.base
    assert data.x.strides == (24, 8)
    np.testing.assert_array_equal(data.x[0, 0], TABLE[0, offset // 8])


def test_npy_without_targets_and_of_images(tmp_path):
    images = np.arange(2 * 3 * 5.0).reshape(2, 3, 5)
    data = read(write(tmp_path, "a.npy", npy(images)), None)
    np.testing.assert_array_equal(data.x, images.reshape(2, 15))
    assert data.image == (3, 5)
    bare = read(write(tmp_path, "b.npy", npy(TABLE)), features=("a", "b", "c"))
    np.testing.assert_array_equal(bare.x, TABLE)
    assert bare.feature_names == ("a", "b", "c")
    with_target = read(write(tmp_path, "c.npy", npy(TABLE)), features=("a", "b"), classes=True)
    np.testing.assert_array_equal(with_target.y, [0, 1, 1, 0])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    ("names", "target"),
    [("x y", -1), ("X Y", -1), ("data target", -1), ("x_train y_train", -1), ("a b", "b")],
)
def test_npz_with_named_arrays(tmp_path, save, names, target):
    x, y = names.split()
    images = np.asfortranarray(np.arange(24.0).reshape(4, 2, 3))
    content = npz(save, **{x: images, y: np.array([[3], [5], [5], [3]])})
    data = read(write(tmp_path, "a.npz", content), target)
    np.testing.assert_array_equal(data.x, images.reshape(4, 6))
    assert data.image == (2, 3)
    np.testing.assert_array_equal(data.y, [0, 1, 1, 0])
    assert (data.class_names, data.target_name) == (("3", "5"), y)
    assert read(tmp_path / "a.npz", data.target_name).class_names == ("3", "5")


def test_npz_with_one_array_is_a_table(tmp_path):
    data = read(write(tmp_path, "a.npz", npz(table=TABLE)))
    np.testing.assert_array_equal(data.x, TABLE[:, :2])


def test_npz_without_targets(tmp_path):
    path = write(tmp_path, "a.npz", npz(x=TABLE, other=np.ones(2)))
    assert read(path, None).y.size == 0
    assert read(path, "y", features=("a", "b", "c")).feature_names == ("a", "b", "c")


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


def header(shape, descr="<f8", version=1):
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    ("name", "content", "arguments", "words"),
    [
        ("a.npy", npy(TABLE)[:-1], {}, "can hold at most 11"),
        ("a.npy", npy(TABLE) + b"!", {}, "1 bytes after its numbers"),
        ("a.npy", header("(10**15, 8)".replace("10**15", str(10**15))) + b"1" * 64, {}, "at most"),
        ("a.npy", header((0, 3)), {}, "at least one row"),
        ("a.npy", header((-20, -3)) + b"1" * 480, {}, "at least one row"),
        ("a.npy", header(()) + b"1" * 8, {}, "at least one row"),
        ("a.npy", header((4,)) + b"1" * 32, {}, r"of shape \(4,\) with the target -1"),
        ("a.npy", header((1, 4), version=3) + b"1" * 32, {}, "header is damaged"),
        ("a.npy", header((1, 4))[:40], {}, "header is damaged"),
        ("a.npy", npy(np.array([[1.0, np.nan, 0], [2, 3, 1]])), {}, r"nan at \[0, 1\]"),
        ("a.npy", npy(np.array([["a", "b"]])), {}, "nothing is ever unpickled"),
        ("a.npy", npy(np.array([[Trap()]], dtype=object)), {}, "nothing is ever unpickled"),
        ("a.npy", npy(TABLE), {"target": "kind"}, "the target 'kind'"),
        ("a.npy", npy(TABLE), {"target": 3}, "the target 3"),
        ("a.npy", npy(TABLE), {"features": ("a",)}, "3 features|2 features"),
        ("a.npy", npy(TABLE), {"classes": ("0", "2")}, "the class 1"),
        ("a.npy", CSV, {}, r"does not begin as a .npy file"),
        ("a.npz", npy(TABLE), {}, r"does not begin as a .npz file"),
        ("a.npz", npz(x=TABLE, y=TABLE[:, 0])[:-30], {}, "damaged or cut short"),
        ("a.npz", npz(x=TABLE, y=TABLE[:3, 0]), {}, r"y of shape \(3,\) for 4 rows"),
        ("a.npz", npz(x=TABLE, y=TABLE), {}, "argmax"),
        ("a.npz", npz(a=TABLE, b=TABLE, c=TABLE), {}, "arrays a, b, c"),
        ("a.npz", npz(x=TABLE, z=TABLE), {"target": "y"}, "arrays x, z"),
        ("a.npz", npz(x=TABLE, y=np.array([1, 2, 3, np.inf])), {}, r"inf at \[3\] of y in"),
        ("a.npz", npz(x=np.array([[Trap()]]), y=[1]), {}, "nothing is ever unpickled"),
        ("a.npz", npz(), {}, r"arrays \(none\)"),
        ("a.pkl", pickle.dumps(Trap()), {}, "neither UTF-8|not UTF-8"),
    ],
)
def test_what_is_wrong_in_an_array_file_is_named(tmp_path, name, content, arguments, words):
    with pytest.raises(DataError, match=words):
        read(write(tmp_path, name, content), **arguments)


def archive(*members, method=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as written:
        for name, content in members:
            written.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (archive(("x.npy", header((10**9, 10**3)) + b"0" * 64)), "at most"),
        (archive(("x.npy", npy(TABLE)[:-8])), "at most 11"),
        (archive(("x.npy", npy(TABLE) + b"!")), "after its numbers"),
        (archive(("x.npy", npy(TABLE)), method=zipfile.ZIP_BZIP2), "compressed in an unknown way"),
        (archive(("x.txt", "text"), ("y.txt", "text")), "any NumPy array: x.txt, y.txt.*as CSV"),
        (archive(("x.npy", "text")), "header is damaged"),
        (archive(("a.npy", npy(TABLE)), ("b", "c")), "arrays a, b.*name of the targets"),
    ],
)
def test_hostile_archives_are_refused(tmp_path, content, words):
    with pytest.raises(DataError, match=f"(?s){words}"):
        read(write(tmp_path, "a.npz", content))


def test_an_archive_whose_directory_lies_about_a_size_is_refused(tmp_path):
    content = bytearray(archive(("x.npy", npy(TABLE)[:-8])))
    place = content.rindex(b"PK\x01\x02") + 24
    content[place : place + 4] = struct.pack("<I", len(npy(TABLE)))
    with pytest.raises(DataError):
        read(write(tmp_path, "a.npz", bytes(content)))


# IDX

IMAGES = np.arange(3 * 2 * 5, dtype=np.uint8).reshape(3, 2, 5)
LABELS = np.array([7, 2, 7], dtype=np.uint8)


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-images.idx3-ubyte"])
@pytest.mark.parametrize("pack_images", [False, True])
@pytest.mark.parametrize("pack_labels", [False, True])
def test_idx_finds_the_labels_beside_the_images(tmp_path, name, pack_images, pack_labels):
    def put(name, content, pack):
        return write(
            tmp_path, name + ".gz" * pack, gzip.compress(content, mtime=0) if pack else content
        )

    path = put(name, idx(IMAGES), pack_images)
    put(name.replace("images", "labels").replace("idx3", "idx1"), idx(LABELS), pack_labels)
    data = read(path, classes=True)
    np.testing.assert_array_equal(data.x, IMAGES.reshape(3, 10))
    np.testing.assert_array_equal(data.y, [1, 0, 1])
    assert data.image == (2, 5)
    assert data.class_names == ("2", "7")
    assert read(path, data.target_name, classes=True).class_names == ("2", "7")
    assert read(path, None).y.size == 0


@pytest.mark.parametrize(
    ("code", "dtype"),
    [(0x09, "i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")],
)
@pytest.mark.parametrize("pack", [False, True])
def test_idx_of_every_type(tmp_path, code, dtype, pack):
    content = idx(IMAGES.astype(dtype), code)
    write(tmp_path, "labels", idx(LABELS))
    data = read(write(tmp_path, "i", gzip.compress(content) if pack else content), "labels")
    np.testing.assert_array_equal(data.x, IMAGES.reshape(3, 10))
    assert data.x.dtype.isnative


def test_the_labels_of_idx_as_the_target(tmp_path):
    path = write(tmp_path, "pictures", idx(IMAGES))
    labels = write(tmp_path, "answers", idx(LABELS))
    for target in ("answers", str(labels)):
        assert read(path, target, classes=True).class_names == ("2", "7")
    assert read(path, features=[str(i) for i in range(10)]).y.size == 0


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("images", idx(IMAGES)[:-1], "at most 29"),
        ("images", idx(IMAGES) + b"!!", "2 bytes after"),
        ("images", idx(IMAGES)[:7], "cut short in its header"),
        ("images", b"\0\0\x0a" + idx(IMAGES)[3:], "begins with the bytes 00 00 0a 03"),
        ("images", idx(LABELS), "the file of the images"),
        ("images", idx(IMAGES[:0]), "at least one row"),
        ("images", bytes([0, 0, 8, 3]) + b"\xff" * 12 + b"1", "at most 1"),
        ("images", bytes([0, 0, 8, 200]) + struct.pack(">200I", *[1] * 200) + b"1", "one row"),
        ("images", idx(IMAGES[:2]), r"labels of shape \(3,\) for 2 images"),
        ("images", idx(np.full((3, 1), np.nan, ">f4"), 0x0D), r"nan at \[0, 0\]"),
        ("images.gz", gzip.compress(idx(IMAGES)[:-1], mtime=0), "29 bytes of numbers"),
        ("images.gz", gzip.compress(idx(IMAGES) + b"!", mtime=0), "more bytes after"),
        ("images.gz", gzip.compress(idx(IMAGES), mtime=0)[:-9], "compressed data is damaged"),
        ("images.gz", gzip.compress(idx(IMAGES), mtime=0)[:20], "compressed data is damaged"),
        ("images.gz", gzip.compress(idx(IMAGES), mtime=0) + b"!", "compressed data is damaged"),
        ("images.gz", idx(IMAGES), "does not begin as a .gz file"),
        ("images.gz", gzip.compress(bytes([0, 0, 8, 3]) + b"\x10" * 12, mtime=0), "at most"),
        ("other", idx(IMAGES), "no file of labels"),
    ],
)
def test_what_is_wrong_in_an_idx_file_is_named(tmp_path, name, content, words):
    write(tmp_path, "labels", idx(LABELS))
    with pytest.raises(DataError, match=words):
        read(write(tmp_path, name, content))


# All of them


def test_a_file_beyond_the_memory_is_named(tmp_path, monkeypatch):
    def full(*arguments):
        raise MemoryError

    monkeypatch.setattr("handgrad.datasets.idx.fill", full)
    with pytest.raises(DataError, match="larger than the memory"):
        read(write(tmp_path, "images.gz", gzip.compress(idx(IMAGES), mtime=0)))


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path / name)


def test_missing_labels_are_named(tmp_path):
    with pytest.raises(DataError, match=r"nothing.*cannot be read"):
        read(write(tmp_path, "images", idx(IMAGES)), "nothing")


SEEDS = [
    CSV.encode(),
    b'"a","b"\n1,2\n"3",4\n',
    b"1;2\n3;4\n",
    npy(TABLE),
    npz(x=TABLE, y=TABLE[:, 0]),
    npz(np.savez_compressed, x=TABLE, y=TABLE[:, 0]),
    idx(IMAGES),
    gzip.compress(idx(IMAGES), mtime=0),
    gzip.compress(CSV.encode(), mtime=0),
    b"age;colour;kind\n31;red;a\n;blue;b\n4,5;;a\n",
]
PIECES = st.binary(max_size=8) | st.sampled_from(
    [b",", b"\n", b'"', b"\0", b"nan", b"1e999", b"PK\x01\x02", b"\x93NUMPY", b"\xff\xff\xff\xff"]
)


@st.composite
def damaged(draw):
    """A file of each kind with a few pieces replaced, inserted or cut away; or any bytes."""
    content = draw(st.sampled_from(SEEDS) | st.binary(max_size=200))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(content)))
        stop = draw(st.just(len(content)) | st.integers(start, min(len(content), start + 9)))
        content = content[:start] + draw(PIECES) + content[stop:]
    return content


@given(
    damaged(),
    st.sampled_from([-1, 0, 1, None, "kind", "y", "labels"]),
    st.sampled_from([None, ("length", "width"), ("0",)]),
    st.sampled_from([None, True, False, ("rose", "iris"), ("0", "1")]),
)
@settings(deadline=None, max_examples=400)
def test_whatever_is_in_a_file_there_is_an_answer(
    tmp_path_factory, content, target, features, classes
):
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    write(folder, "labels", idx(LABELS))
    path = write(folder, "images", content)
    try:
        data = read(path, target, features=features, classes=classes)
    except HandgradError:
        return
    assert isinstance(data, Dataset)
    assert data.x.shape == (len(data), len(data.feature_names))
    assert data.x.size
    assert data.x.dtype.kind in "fiub"
    assert not np.isinf(data.x).any()
    assert len(data.y) == (len(data) if data.target_name else 0)
    assert np.isfinite(data.y).all()
    if data.class_names:
        assert data.y.dtype == np.int64
        assert data.y.min() >= 0
        assert data.y.max() < len(data.class_names)


# Tables


PEOPLE = """age,colour,member,kind
31,red,true,a
,blue,False,b
44, red ,true,a
27,?,true,b
"""


def test_texts_become_columns_of_0_and_1_and_missing_numbers_are_marked(tmp_path):
    data = read(write(tmp_path, "a.csv", PEOPLE))
    names = ("age", "age missing", "colour=blue", "colour=red", "colour missing", "member")
    assert data.feature_names == names
    np.testing.assert_array_equal(
        data.x,
        [[31, 0, 0, 1, 0, 1], [np.nan, 1, 1, 0, 0, 0], [44, 0, 0, 1, 0, 1], [27, 0, 0, 0, 1, 1]],
    )
    assert data.columns == (
        Column("age", missing=True),
        Column("colour", ("blue", "red"), missing=True),
        Column("member"),
    )
    texts, missing = data.notes
    assert "colour (2)" in texts
    assert "age (1), colour (1)" in missing


def test_columns_do_the_same_to_other_rows(tmp_path):
    columns = read(write(tmp_path, "a.csv", PEOPLE)).columns
    other = "colour,kind,member,age\ngreen,b,,50\nred,a,true,\n"
    data = read(write(tmp_path, "b.csv", other), "kind", features=columns)
    np.testing.assert_array_equal(data.x, [[50, 0, 0, 0, 0, np.nan], [np.nan, 1, 0, 1, 0, 1]])
    unknown, missing = data.notes
    assert "'green' in colour" in unknown
    assert "member (1)" in missing
    with pytest.raises(DataError, match=r"column age, 2 bad cells: 'old' on line 2, 'young' on"):
        read(
            write(tmp_path, "c.csv", "age,colour,member\nold,red,1\nyoung,2,1\n"), features=columns
        )
    texts = (Column("code", ("1", "2a")),)
    numbers = read(write(tmp_path, "d.csv", "code\n1.0\n2\n"), None, features=texts)
    np.testing.assert_array_equal(numbers.x, [[1, 0], [0, 0]])


DAYS = "day,a,name,b,k\n" + "1.1.2024,1,x1,2,u\n2.1.2024,3,x2,4,v\n" * 6


def test_columns_can_be_left_out_or_chosen(tmp_path):
    path = write(tmp_path, "a.csv", DAYS)
    for chosen in ({"drop": ["day", "2"]}, {"features": ["a", "b"]}):
        data = read(path, **chosen)
        assert data.feature_names == ("a", "b")
        np.testing.assert_array_equal(data.x[:2], [[1, 2], [3, 4]])
    bare = write(tmp_path, "b.csv", "1,2,3,u\n4,5,6,v\n")
    assert read(bare, drop=["1"]).feature_names == ("0", "2")
    np.testing.assert_array_equal(read(bare, features=["2", "0"]).x, [[3, 1], [6, 4]])
    np.save(tmp_path / "a.npy", TABLE)
    for chosen in ({"drop": ["0"]}, {"features": ["1"]}):
        data = read(tmp_path / "a.npy", **chosen)
        assert data.feature_names == ("1",)
        np.testing.assert_array_equal(data.x[:, 0], TABLE[:, 1])
    with pytest.raises(DataError, match="2 features, and not kind"):
        read(tmp_path / "a.npy", drop=["kind"])


def test_decimals_may_stand_behind_a_comma(tmp_path):
    data = read(write(tmp_path, "a.csv", 'a;b;k\n1,5;"2,25";0,5\n-1;1e3;7\n'), decimal=",")
    np.testing.assert_array_equal(data.x, [[1.5, 2.25], [-1, 1000]])
    np.testing.assert_array_equal(data.y, [0.5, 7])
    bars = read(write(tmp_path, "b.csv", "a|b|k\n1|2|x\n3|4|y\n"), delimiter="|")
    np.testing.assert_array_equal(bars.x, [[1, 2], [3, 4]])
    for wrong in ({"decimal": ";"}, {"delimiter": "ab"}):
        with pytest.raises(HandgradError, match="one character"):
            read(tmp_path / "b.csv", **wrong)


@pytest.mark.parametrize(
    ("rows", "header"),
    [
        ("5,red,3\n7,red,3\n8,blue,4\n", False),
        ("red,big,2.5\nblue,big,3\nred,small,4\n", False),
        (",red,2.5\n,blue,3\n5,red,4\n", False),
        ("size,colour,price\n7,red,3\n8,blue,4\n", True),
    ],
)
def test_a_row_with_texts_in_it_is_no_header(tmp_path, rows, header):
    assert len(read(write(tmp_path, "a.csv", rows))) == 3 - header


def test_a_column_that_numbers_the_rows_is_pointed_out(tmp_path):
    rows = "".join(f"{7 * i % 20},{i * i},{i % 3 + 0.5}\n" for i in range(20))
    (note,) = read(write(tmp_path, "a.csv", "nr,square,k\n" + rows)).notes
    assert note.endswith("(leave it out: --drop): nr")
    (note,) = read(write(tmp_path, "b.csv", "a,squareId,k\n" + rows)).notes
    assert note.endswith(": a, squareId")


@pytest.mark.parametrize(("K", "decided"), [(34, "for a class"), (70, "for numbers")])
def test_what_whole_numbers_were_taken_for_is_said(tmp_path, K, decided):
    rows = "".join(f"0.5,{i % K}\n" for i in range(4 * K))
    (note,) = read(write(tmp_path, "a.csv", rows)).notes
    assert f"{K} different whole numbers in {4 * K} rows" in note
    assert decided in note
    assert "--task" in note
    assert not read(tmp_path / "a.csv", classes=False).notes


def test_all_bad_cells_of_a_column_are_counted(tmp_path):
    rows = "".join(f"{i},{'oops' if i % 7 == 3 else i},1.5\n" for i in range(100))
    with pytest.raises(DataError, match=r"column b, 14 bad cells: 'oops' on line 5, .*, \.\.\."):
        read(write(tmp_path, "a.csv", "a,b,k\n" + rows))


def test_a_column_of_more_than_one_block_is_one_column(tmp_path):
    rows = [f"{i}" for i in range(9000)]
    rows[8000], rows[8500] = "", "true"
    content = "a,k\n" + "".join(f"{row},0.5\n" for row in rows)
    data = read(write(tmp_path, "a.csv", content))
    assert data.feature_names == ("a", "a missing")
    assert np.isnan(data.x[:, 0]).nonzero()[0].tolist() == [8000]
    assert data.x[8500, 0] == 1
    assert data.x[8999, 0] == 8999


# Where they come from


@pytest.mark.parametrize("content", [CSV.encode(), npy(TABLE), npz(x=TABLE[:, :2], y=TABLE[:, 2])])
def test_what_gzip_has_packed_is_read(tmp_path, content):
    suffix = {0x93: ".npy", 0x50: ".npz"}.get(content[0], ".csv")
    data = read(write(tmp_path, f"a{suffix}.gz", gzip.compress(content)))
    np.testing.assert_array_equal(data.x, TABLE[:, :2])
    with pytest.raises(DataError, match="damaged or cut short"):
        read(write(tmp_path, f"b{suffix}.gz", gzip.compress(content)[:-9]))


def test_what_unpacks_to_far_more_than_it_should_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(handgrad.datasets.source, "_ALWAYS", 1 << 20)
    path = write(tmp_path, "a.csv.gz", gzip.compress(b"1,2\n" + b"3,4\n" * (1 << 20)))
    with pytest.raises(DataError, match=r"unpacks to [12] MB or more, over 200 times"):
        read(path)


def test_an_address_and_a_device_are_no_files():
    with pytest.raises(DataError, match=r"an address and no file(?s:.*)curl -L https://"):
        read("https://example.org/iris.csv")
    with pytest.raises(DataError, match="/dev/zero, which is a device"):
        read("/dev/zero")


@pytest.mark.parametrize("content", [CSV.encode(), npy(TABLE), gzip.compress(CSV.encode())])
def test_the_standard_input_is_read(monkeypatch, content):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    data = read("-")
    np.testing.assert_array_equal(data.x, TABLE[:, :2])
    assert data.description == "the standard input"


def test_a_pipe_is_read_to_its_end_whoever_comes_first(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    rows = CSV + "1,2,iris\n" * 40_000  # more than a pipe holds

    def write_late():
        with pipe.open("w") as file:
            file.write(rows[:10])
            file.flush()
            time.sleep(0.15)  # longer than one look takes
            file.write(rows[10:])

    writer = threading.Thread(target=write_late)
    writer.start()
    assert len(read(pipe)) == 40_004
    writer.join()


def test_a_pipe_that_nobody_writes_to_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(handgrad.datasets.source, "_PATIENCE", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="nobody has opened for writing"):
        read(tmp_path / "pipe")


def test_process_substitution_is_read(tmp_path):
    path = write(tmp_path, "a.csv", CSV)
    code = "import sys, handgrad.datasets as d; print(len(d.read(sys.argv[1])))"
    command = ["bash", "-c", f'"$0" -c "$1" <(cat {path})', sys.executable, code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "4\n"


@pytest.mark.parametrize("start", ["", "a,b\n1,2\n"])
def test_a_file_of_blank_lines_is_refused_before_its_end(tmp_path, start):
    path = write(tmp_path, "a.csv", start + "\n" * 4_000_000)
    begun = time.process_time()
    with pytest.raises(DataError, match="more than 100,000 blank lines after line "):
        read(path)
    assert time.process_time() - begun < 1


# pyarrow and pandas


def big_table(path, mark=",", decimal=".", N=9000, quote=""):
    """Write a table of all that there may be, and of many digits."""
    rng = np.random.default_rng(0)
    numbers = rng.standard_normal((N, 2)) * 10.0 ** rng.integers(-300, 300, (N, 2))
    colours = rng.choice(["red", " blue", "NA", "1"], N)
    missing = rng.choice(["", "1", "-3", "nan", " 2.5", "1e5"], N)
    kinds = rng.choice([f"{quote}a{quote}", f"{quote}b{2 * quote}\n{quote}" if quote else "b"], N)
    with path.open("w") as file:
        print("x", "y", "colour", "m", "kind", sep=mark, file=file)
        for (x, y), *rest in zip(numbers.tolist(), colours, missing, kinds, strict=True):
            cells = (repr(x), f"{y:.20g}", *rest)
            print(*(cell.replace(".", decimal) for cell in cells), sep=mark, file=file)
    return path


def same(one, two):
    for name in ("x", "y"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    for name in ("feature_names", "class_names", "target_name", "columns", "notes"):
        assert getattr(one, name) == getattr(two, name)


@pytest.mark.parametrize(
    ("mark", "decimal", "quote"),
    [(",", ".", ""), ("\t", ".", '"'), (";", ",", ""), (";", ",", '"')],
)
def test_pyarrow_reads_what_our_own_reader_reads(tmp_path, monkeypatch, mark, decimal, quote):
    path = big_table(tmp_path / "a.csv", mark, decimal, quote=quote)
    slow = read(path, decimal=decimal)
    monkeypatch.setattr(handgrad.datasets.arrow, "_LARGE", 0)
    with monkeypatch.context() as patch:
        patch.setattr(handgrad.datasets.text, "_read", None)  # it is not asked
        fast = read(path, decimal=decimal)
    same(slow, fast)
    assert slow.columns[2].values == ("1", "blue", "red")
    assert slow.class_names == ("a", 'b"' if quote else "b")


@pytest.mark.parametrize(
    "row",
    [
        "1,2,red,4,",
        '1,2,"red"x,4,a',
        '1,2,red,4,a"b',
        '1,2,red,4,"a',
        "1,2",
        "1,2,red,inf,a",
        "1,2,red,-nan,a",
        "1,2,red,x,a",
        ",,,,",
        "1_0,2,red,4,a",
    ],
)
def test_what_is_not_plain_is_left_to_our_own_reader(tmp_path, monkeypatch, row):
    path = big_table(tmp_path / "a.csv", N=300)
    path.write_text(path.read_text() + row + "\n")

    def answer():
        try:
            data = read(path)
        except DataError as error:
            return str(error)
        return len(data), data.x[-1].tolist()

    slow = answer()
    monkeypatch.setattr(handgrad.datasets.arrow, "_LARGE", 0)
    assert answer() == slow
    if row == "1,2,red,x,a":
        assert "column m, 1 bad cell: 'x' on line 302" in slow


def test_without_pyarrow_a_large_table_is_read_too(tmp_path, monkeypatch):
    path = big_table(tmp_path / "a.csv", N=300)
    usual = read(path)
    monkeypatch.setattr(handgrad.datasets.arrow, "_LARGE", 0)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    same(read(path), usual)


def frame():
    """A table as pandas has it."""
    return pandas.DataFrame(
        {
            "age": [31, None, 44, 27],
            "colour": ["red", "blue", " red ", None],
            "member": [True, False, True, True],
            "kind": ["a", "b", "a", "b"],
        }
    )


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx"])
def test_parquet_and_excel_are_tables_too(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    frame().to_parquet(path) if suffix == ".parquet" else frame().to_excel(path, index=False)
    same(read(path), read(write(tmp_path, "a.csv", PEOPLE)))
    gaps = frame().reindex([9, 0, 9, 1, 2, 3])  # two rows hold nothing
    gaps["kind"] = [None, "1", None, "2", "3", "x"]
    gaps.to_parquet(path) if suffix == ".parquet" else gaps.to_excel(path, index=False)
    line = 6 + (suffix == ".xlsx")
    with pytest.raises(DataError, match=f"kind as the target: 1 bad cell: 'x' on line {line}"):
        read(path, "kind")
    indexed = frame().set_index("kind").sort_index()
    if suffix == ".parquet":
        indexed.to_parquet(path)
        assert read(path, "kind").class_names == ("a", "b")
    with_dates = frame().assign(day=pandas.to_datetime("2024-05-01"))
    with_dates.to_parquet(path) if suffix == ".parquet" else with_dates.to_excel(path)
    with pytest.raises(DataError, match=r"column day, dates, such as '2024-05-01|without a name"):
        read(path, "kind")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="which pandas cannot read"):
        read(path)


def test_tables_that_unpack_to_far_more_than_they_are_are_refused(tmp_path):
    constant, corner, part = tmp_path / "a.parquet", tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    column = pyarrow.DictionaryArray.from_arrays(np.zeros(1 << 20, np.int8), ["a"])
    table = pyarrow.table({str(i): column for i in range(40)})
    pyarrow.parquet.write_table(table, constant)
    assert constant.stat().st_size < 1 << 20
    book = openpyxl.Workbook()
    book.active.cell(1, 1, "a")
    book.active.cell(1 << 20, 1 << 14, 1)
    book.save(corner)
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "")
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for _ in range(300):
                sheet.write(bytes(1 << 20))
    for path, size in ((constant, 320), (corner, 131_072), (part, 300)):
        with pytest.raises(DataError, match=f"unpacks to {size:,} MB or more, over 200 times"):
            read(path)


@pytest.mark.parametrize("text", ['{"a": [1, 2]}', '[\n  {"a": 1}]', "[[1, 2], [3, 4]]"])
def test_json_is_told_from_a_table(tmp_path, text):
    with pytest.raises(DataError, match="which is JSON"):
        read(write(tmp_path, "a.json", text))


def test_rows_without_a_header_are_asked_for_one(tmp_path):
    path = write(tmp_path, "a.csv", "1,2,3,x\n4,5,6,y\n")
    with pytest.raises(DataError, match="a header that names them as in the data"):
        read(path, None, features=["a", "b", "c"])


@pytest.mark.parametrize("fast", [True, False])
def test_codes_keep_their_zeros_where_they_are_names(tmp_path, monkeypatch, fast):
    monkeypatch.setattr(handgrad.datasets.arrow, "_LARGE", 0 if fast else 1 << 60)
    codes = ["7", *["007", "010"] * 120]
    text = "".join(f"{i / 8},{code},{code}\n" for i, code in enumerate(codes))
    path = write(tmp_path, "a.csv", f"a,zip,y\n{text}")
    data = read(path)
    assert data.class_names == ("007", "010", "7")
    assert data.y[:3].tolist() == [2, 0, 1]
    assert data.x[:3, 1].tolist() == [7, 7, 10]  # a feature is a number
    assert "y holds 007, so each is taken for a class" in data.notes[0]
    assert read(path, classes=("7", "010", "007")).y[:3].tolist() == [0, 2, 1]
    assert read(path, classes=False).y[:3].tolist() == [7, 7, 10]
    frame = pandas.read_csv(path, dtype={"y": str})
    frame.to_parquet(tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").class_names == data.class_names
    # Among fractions it is a number, and other ways to write a number are none of a name.
    fractions = write(tmp_path, "b.csv", f"a,zip,y\n{text}1,2,0.5\n")
    assert not read(fractions).class_names
    plain = write(tmp_path, "c.csv", "a,y\n" + "1,1.0\n2,2\n3,+1\n4,2.00\n" * 9)
    assert read(plain).class_names == ("1", "2")


def test_without_pandas_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    frame().to_parquet(tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(DataError, match=r"handgrad\[tables\]"):
        read(tmp_path / "a.parquet")


CELLS = st.sampled_from(["", "1", "2.5", "-3e2", "red", "blue", "true", "NA", "1,5", "x y", "inf"])


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=12))
@settings(deadline=None, max_examples=150)
def test_what_a_table_has_become_its_columns_make_of_it_again(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "again.csv"
    lines = (",".join(f'"{cell}"' for cell in row) for row in rows)
    path.write_text("\n".join(["a,b,k", *lines]))
    try:
        data = read(path, "k")
    except DataError:
        return
    again = read(path, "k", features=data.columns, classes=data.class_names or False)
    np.testing.assert_array_equal(again.x, data.x)
    np.testing.assert_array_equal(again.y, data.y)
    assert not again.notes
    kept = [row for row in rows if any(row)]  # rows without any value are none
    in_memory = from_rows([row[:2] for row in kept], data.columns)
    np.testing.assert_array_equal(in_memory.x, data.x)


def test_a_header_of_years_is_no_row(tmp_path):
    path = tmp_path / "years.csv"
    path.write_text("2019,2020,label\n" + "1,2,yes\n2,1,no\n" * 2)
    with pytest.raises(DataError, match="--target label"):
        read(path)
    data = read(path, "label")
    assert data.class_names == ("no", "yes")
    assert data.feature_names == ("2019", "2020")
    path.write_text("2020,2019\n1,2\n")
    assert read(path, None, features=("2019", "2020")).x.tolist() == [[2, 1]]
    path.write_text("1,2,rare\n" + "1,2,yes\n2,1,no\n")  # every class is rare
    assert len(read(path, classes=True)) == 3


def test_classes_that_floats_cannot_tell_apart_are_refused(tmp_path):
    path = tmp_path / "ids.csv"
    path.write_text("x,y\n" + "1,9007199254740993\n2,9007199254740992\n3,7\n" * 2)
    with pytest.raises(DataError, match="--task numbers"):
        read(path)
    assert len(read(path, classes=False).y) == 6


def test_what_spreadsheets_and_pandas_write_for_nothing_is_missing(tmp_path):
    path = tmp_path / "gaps.csv"
    path.write_text("x,y\n1,a\n#N/A,b\n<NA>,a\n2,b\n")
    assert np.isnan(read(path).x[:, 0]).tolist() == [False, True, True, False]


def test_lists_in_the_cells_of_a_table_are_told(tmp_path):
    path = tmp_path / "lists.parquet"
    frame = pandas.DataFrame({"words": [[i] for i in range(20)], "y": ["a", "b"] * 10})
    frame.to_parquet(path)
    with pytest.raises(DataError, match="column words, 20 different texts"):
        read(path)
