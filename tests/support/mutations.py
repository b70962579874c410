"""Checkpoints that were changed: by accident, or by somebody who makes all sums right again."""

from __future__ import annotations

import contextlib
import hashlib
import json

from handgrad.checkpoint.notation import DTYPES
from handgrad.checkpoint.storage import sum_of


def parts_of(data):
    """Return a safetensors file's header, and the bytes of its arrays."""
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end].decode()), data[end:]


def forged(header, data=b"", length=None):
    """Return a safetensors file whose sums are right, whatever stands in it.

    Parameters
    ----------
    header
        A dict, or the bytes themselves.
    data
        The arrays' bytes.
    length
        What the file says of its header's length; what it is, where this is None.
    """
    if isinstance(header, dict) and isinstance(header.get("__metadata__"), dict):
        texts = dict(header["__metadata__"])
        if texts.pop("sha256", None) is not None:
            if "data" in texts:
                texts["data"] = sum_of(contents(header, data))
            header = {**header, "__metadata__": {**texts, "sha256": sum_of(texts)}}
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = (len(text) if length is None else length).to_bytes(8, "little")
    return size + text + data


def contents(header, data):
    """Return what the sum of a file's tensors is taken of, as far as there is sense in them."""
    found, names = {}, {name: dtype for dtype, name in DTYPES.items()}
    for name, tensor in header.items():
        with contextlib.suppress(KeyError, TypeError, ValueError):
            start, stop = tensor["data_offsets"]
            digest = hashlib.sha256(data[start:stop]).hexdigest()
            found[name] = f"{names[tensor['dtype']]} {tuple(tensor['shape'])} {digest}"
    return found


# fmt: off
HOSTILE = [
    None, True, False, 0, 1, -1, 3, 2**31, 2**62, 2**63, 2**64, 10**30, -(2**70), 0.5, -0.0, 1e308,
    "", "x", "x" * 5000, "\ud800", "\x00", "model", "handgrad.Model", "handgrad.Linear", "inf",
    [], [0], [[]], [1, 2], ["a"], [None] * 50, [0] * 65, [0, 2**62], {}, {"": 0}, {"$same": ""},
    {"$same": "model"}, {"$same": "model/components/0"}, {"$array": [1], "dtype": "int8"},
    {"$array": [], "dtype": "float64", "shape": [0, 2**62]}, {"$array": "training/epoch/order"},
    {"$array": "0.weights"}, {"$list": "0.weights"}, {"$float": "nan"}, {"$float": "-inf"},
    {"$tuple": [1, 2]}, {"$dtype": "float16"}, {"$dtype": "bool"}, {"$class": "handgrad.ReLU"},
    {"$class": "handgrad.Adam"}, {"$class": ["handgrad.ReLU"]}, {"$class": "os.system"},
    {"$class": "handgrad.Linear", "in_features": 10**6, "out_features": 10**6},
    {"$generator": {}}, {"$generator": {"bit_generator": "PCG64"}}, {"$$x": 1}, {"$": 1},
]
# fmt: on
"""Values that stand in for others."""


def nodes(value, path=()):
    """Yield the path to everything in a JSON value."""
    yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from nodes(item, (*path, key))


def at(value, path):
    for key in path:
        value = value[key]
    return value


def mutate_json(rng, value):
    """Return a JSON value with one thing replaced, removed, doubled, moved or nested."""
    value = json.loads(json.dumps(value))
    paths = list(nodes(value))[1:]
    if not paths:
        return HOSTILE[rng.integers(len(HOSTILE))]
    path = paths[rng.integers(len(paths))]
    holder, key = at(value, path[:-1]), path[-1]
    other = at(value, paths[rng.integers(len(paths))])
    match rng.integers(8):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder += [holder[key]] * int(rng.choice([1, 9, 99]))
        case 1:
            holder[f"{key}x"] = holder[key]
        case 2:
            holder[key] = json.loads(json.dumps(other))
        case 3:
            for _ in range(int(rng.choice([1, 5, 200]))):
                holder[key] = [holder[key]] if rng.integers(2) else {"x": holder[key]}
        case 4 if type(holder[key]) in (int, float):
            holder[key] += [1, -1, 0.5, -(10**9), 10**9][rng.integers(5)]
        case 5 if isinstance(holder[key], str) and holder[key]:
            text = list(holder[key])
            text[rng.integers(len(text))] = "aZ9$/.~"[rng.integers(7)]
            holder[key] = "".join(text)
        case 5 if isinstance(holder, dict):
            name = list(holder)[rng.integers(len(holder))]  # which may be the very same
            holder[name] = holder.pop(key)
        case _:
            holder[key] = HOSTILE[rng.integers(len(HOSTILE))]
    return value


def mutate_bytes(rng, data):
    """Return bytes with some flipped, cut off, put in, left out, zeroed, or copied elsewhere."""
    data = bytearray(data)
    head = 8 + int.from_bytes(data[:8], "little")
    end = min([8, 200, head, len(data)][rng.integers(4)], len(data))  # the first matter most
    start, length = int(rng.integers(end)), int(rng.choice([1, 2, 8, 100, 1000]))
    stop = min(start + length, len(data))
    match rng.integers(6):
        case 0:
            for i in rng.integers(0, end, length % 9):
                data[i] ^= 1 << rng.integers(8)
        case 1:
            del data[start:]
        case 2:
            data[start:start] = rng.bytes(length)
        case 3:
            del data[start:stop]
        case 4:
            data[start:stop] = bytes(stop - start)
        case 5:
            source = int(rng.integers(len(data)))
            data[start:stop] = data[source : source + stop - start]
    return bytes(data)


def mutate_tensor(rng, header, data):
    """Return a file one of whose tensors has another type, shape or name; offsets and sums fit."""
    names = [name for name in header if name != "__metadata__"]
    chosen, parts, end = names[rng.integers(len(names))], [], 0
    found = {"__metadata__": header["__metadata__"]}
    widths = {"BOOL": 1, "I8": 1, "U8": 1, "F16": 2, "I16": 2, "F32": 4, "I64": 8, "F64": 8}
    for name in names:
        dtype, shape = header[name]["dtype"], list(header[name]["shape"])
        start, stop = header[name]["data_offsets"]
        part = data[start:stop]
        if name == chosen:
            match rng.integers(6):
                case 0:
                    continue
                case 1:
                    dtype = list(widths)[rng.integers(len(widths))]
                case 2:
                    shape = shape[::-1] + [1] * int(rng.integers(2))
                case 3:
                    shape = [*shape, int(rng.integers(4))]
                case 4:
                    part = rng.bytes(len(part))
                case 5:
                    name = names[rng.integers(len(names))]
        size = widths.get(dtype, 8)
        for n in shape:
            size *= n
        part = (part * (1 + size // max(len(part), 1)) + bytes(size))[:size]
        found[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        parts.append(part)
        end += size
    return forged(found, b"".join(parts))


def mutate(rng, data):
    """Return a checkpoint with up to three changes of one kind, and what kind it is."""
    header, arrays = parts_of(data)
    metadata = header["__metadata__"]
    kind = ["bytes", "bytes, right sum", "header", "header, right sum", "description", "tensor"]
    kind = kind[rng.integers(6)]
    if kind == "tensor":
        return mutate_tensor(rng, header, arrays), kind
    if kind.startswith("bytes"):
        for _ in range(rng.integers(1, 4)):
            data = mutate_bytes(rng, data) or b"\0"
        if kind == "bytes":
            return data, kind
        length = int.from_bytes(data[:8], "little")
        try:
            header = json.loads(data[8 : 8 + length].decode())
        except ValueError:
            return data, kind
        return forged(header, data[8 + length :]), kind
    for _ in range(rng.integers(1, 4)):
        if kind == "description":
            key = ["model", "training"][rng.integers(2)]
            metadata[key] = json.dumps(mutate_json(rng, json.loads(metadata[key])))
        else:
            header = mutate_json(rng, header)
    if kind == "header":
        text = json.dumps(header).encode()
        return len(text).to_bytes(8, "little") + text + arrays, kind
    return forged(header, arrays), kind
