"""The manifest: what a checkpoint is, in JSON that a human can read and no damage slips through."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handgrad.checkpoint.folder import LARGEST, MANIFEST, read_bounded
from handgrad.checkpoint.notation import damaged
from handgrad.errors import CheckpointError

__all__ = ["parse_manifest", "read_manifest", "write_manifest"]

HEAD = {"format": "handgrad checkpoint", "version": 1}


def write_manifest(content: Mapping[str, Any]) -> bytes:
    """Return the bytes of a manifest.

    Raises
    ------
    CheckpointError
        They are more than `read_manifest` reads.

    Examples
    --------
    >>> parse_manifest(write_manifest({"model": [3]}))["model"]
    [3]
    """
    content = HEAD | dict(content)
    manifest = _text(content | {"sha256": _digest(content)}).encode()
    if len(manifest) > LARGEST:
        raise CheckpointError(
            f"a model and a training state of {len(manifest):,} bytes, without their arrays",
            f"at most {LARGEST:,} bytes",
            "store long lists of numbers as arrays in the training state",
        )
    return manifest


def read_manifest(folder: Path) -> bytes:
    """Return the bytes of the manifest in a folder.

    Raises
    ------
    CheckpointError
        There is none, or it cannot be read, or it is longer than any that was written.

    Examples
    --------
    >>> read_manifest(Path("nowhere"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    handgrad.errors.CheckpointError: got no readable checkpoint in 'nowhere' (No such file ...)
      expected: a folder that handgrad has saved into
      to mend it: look for the folder with checkpoint.json in it
    """
    try:
        manifest = read_bounded(folder / MANIFEST)
    except OSError as error:
        raise CheckpointError(
            f"no readable checkpoint in {os.fspath(folder)!r} ({error.strerror})",
            "a folder that handgrad has saved into",
            f"look for the folder with {MANIFEST} in it",
        ) from error
    if len(manifest) > LARGEST:
        raise damaged(f"{MANIFEST} is longer than {LARGEST:,} bytes")
    return manifest


def parse_manifest(manifest: bytes) -> dict[str, Any]:
    """Return a manifest's content.

    Raises
    ------
    CheckpointError
        It is not exactly what was written, or a newer release has written it.

    Examples
    --------
    >>> parse_manifest(write_manifest({"epoch": 3}).replace(b"3", b"4"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    handgrad.errors.CheckpointError: got a damaged checkpoint: checkpoint.json has changed since ...
      expected: what handgrad has written, unchanged
      to mend it: take an older copy, or train anew
    """
    try:
        content = json.loads(manifest)
        if isinstance(content, dict) and content.get("format") == HEAD["format"]:
            intact = content.pop("sha256", None) == _digest(content)
        else:
            raise CheckpointError(
                f"a {MANIFEST} that is no manifest of handgrad's",
                f'a file with "format": "{HEAD["format"]}" in it',
                "look for the folder that handgrad has saved into",
            )
    except CheckpointError:
        raise
    except (ValueError, RecursionError) as error:
        raise damaged(f"{MANIFEST} is not JSON ({error})") from error
    if content.get("version") != HEAD["version"]:
        raise CheckpointError(
            f"a checkpoint of version {content.get('version')!r}",
            f"version {HEAD['version']}",
            "use the release of handgrad that has written it, or a newer one",
        )
    if not intact:
        raise damaged(f"{MANIFEST} has changed since it was written")
    return content


def _digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest's content, however it is laid out."""
    return hashlib.sha256(json.dumps(content, allow_nan=False).encode()).hexdigest()


def _text(value: Any, line: str = "\n") -> str:
    """Return JSON with a line for each entry, except that a list of plain values is one line."""
    inner = line + "  "
    if isinstance(value, dict) and value:
        entries = [f"{json.dumps(key)}: {_text(item, inner)}" for key, item in value.items()]
        return "{" + inner + f",{inner}".join(entries) + line + "}"
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return "[" + inner + f",{inner}".join(_text(item, inner) for item in value) + line + "]"
    return json.dumps(value, allow_nan=False)
