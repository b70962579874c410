"""Checkpoints that were changed: by accident, or by somebody who makes all sums right again."""

from __future__ import annotations

import hashlib
import json


def parts_of(data):
    """Return a safetensors file's header, and the bytes of its arrays."""
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def forged(header, data=b"", length=None):
    """Return a safetensors file whose digest is right, whatever stands in it.

    Parameters
    ----------
    header
        A dict, or the bytes themselves.
    data
        The arrays' bytes.
    length
        What the file says of its header's length; what it is, where this is None.
    """
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    digest = ""
    if isinstance(header, dict) and isinstance(header.get("__metadata__"), dict):
        digest = header["__metadata__"].get("sha256", "")
    size = (len(text) if length is None else length).to_bytes(8, "little")
    if not isinstance(digest, str) or len(digest) != 64:
        return size + text + data
    zeros = text.replace(digest.encode(), b"0" * 64, 1)
    right = hashlib.sha256(size + zeros + data).hexdigest()
    return size + text.replace(digest.encode(), right.encode(), 1) + data
