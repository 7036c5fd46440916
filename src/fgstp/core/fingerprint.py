"""Stamps: whether results on the disk still fit what they were computed from."""

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from xxhash import xxh3_128

from fgstp.core.files import Piece, user_error_if_denied, write_text

SUFFIX = ".stamp.json"
BLOCK_BYTES = 1 << 20
THERE = "see that it is there and may be read"


class Stamp(NamedTuple):
    """What finished work depends on.

    Attributes:
        facts: plain values by name.
        fingerprint: `fingerprint(facts)`.
        files: size, mtime_ns and pieces (bytes and XXH3) of each file, by its path relative to
            the stamp's folder.
    """

    facts: dict[str, Any]
    fingerprint: str
    files: dict[str, dict[str, Any]]


def fingerprint(facts: Mapping[str, object]) -> str:
    """Compute the SHA-256 of facts as canonical JSON, in hexadecimal digits."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def signature(files: Iterable[Path]) -> str:
    """Compute the SHA-256 of names, sizes and times of change: quick, as nothing is read.

    Args:
        files: the files, in a fixed order.

    Raises:
        UserError: a file does not exist, or is no regular file.
    """
    digest = hashlib.sha256()
    for file in files:
        with user_error_if_denied(f"read {file}", THERE):
            facts = file.stat()
            if not stat.S_ISREG(facts.st_mode):  # reading a pipe would wait for ever
                raise OSError("it is a folder, a pipe, a socket or a device")
        text = f"{file.name}\0{facts.st_size}\0{facts.st_mtime_ns}\0"
        digest.update(os.fsencode(text))  # a name may be any bytes
    return digest.hexdigest()


def content_hash(files: Iterable[Path]) -> str:
    """Compute the SHA-256 of files joined one after the other; `sha256sum` agrees for one file.

    Args:
        files: the files, in a fixed order.

    Raises:
        UserError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for file in files:
        with user_error_if_denied(f"read {file}", THERE), file.open("rb") as stream:
            while block := stream.read(BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()


def write_stamp(
    path: Path,
    facts: Mapping[str, object],
    files: Iterable[Path] = (),
    pieces: Mapping[Path, list[Piece]] | None = None,
) -> None:
    """Write the stamp `<path>.stamp.json`, last of all, as a sign that the work is complete.

    Args:
        path: the file or folder that was made.
        facts: what it depends on, as plain values by name.
        files: files that must not change, in the folder of `path` or below.
        pieces: hashes of the pieces of those of them that need not be read for it.
    """
    kept = {}
    for each in files:
        status = each.stat()
        kept[each.relative_to(path.parent).as_posix()] = {
            "size": status.st_size,
            "mtime_ns": status.st_mtime_ns,
            "pieces": (pieces or {}).get(each) or [(status.st_size, _xxh3(each, status.st_size))],
        }
    stamp = Stamp(dict(facts), fingerprint(facts), kept)
    write_text(path.with_name(path.name + SUFFIX), json.dumps(stamp._asdict(), indent=1) + "\n")


def read_stamp(path: Path) -> Stamp | None:
    """Read the stamp of a file or folder; None if it is absent or damaged."""
    try:
        stamp = Stamp(**json.loads(path.with_name(path.name + SUFFIX).read_text("utf-8")))
        is_sound = isinstance(stamp.facts, dict) and all(
            kept.keys() >= {"size", "mtime_ns"}
            and all(len(piece) == 2 for piece in kept.get("pieces", []))
            for kept in stamp.files.values()
        )
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return stamp if is_sound else None


def changed_facts(path: Path, facts: Mapping[str, object]) -> list[str]:
    """List the names of the facts that differ from those of the stamp."""
    stamp = read_stamp(path)
    before, now = stamp.facts if stamp else {}, json.loads(json.dumps(facts))
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))


def is_current(path: Path, facts: Mapping[str, object]) -> bool:
    """Whether the stamp has these facts and its files have not changed since."""
    stamp = read_stamp(path)
    if stamp is None or stamp.fingerprint != fingerprint(facts):
        return False
    return all(_unchanged(path.parent / name, kept) for name, kept in stamp.files.items())


def _unchanged(file: Path, kept: Mapping[str, Any]) -> bool:
    if not file.is_file() or file.stat().st_size != kept["size"]:
        return False
    if file.stat().st_mtime_ns == kept["mtime_ns"]:
        return True
    with file.open("rb") as stream:
        pieces = kept.get("pieces", [(0, "unknown")])
        return all(_next_xxh3(stream, n_bytes) == told for n_bytes, told in pieces)


def _xxh3(file: Path, n_bytes: int) -> str:
    with user_error_if_denied(f"read {file}", THERE), file.open("rb") as stream:
        return _next_xxh3(stream, n_bytes)


def _next_xxh3(stream: BinaryIO, n_bytes: int) -> str:
    """XXH3 of the next bytes of a file, which tells changes by chance apart."""
    digest = xxh3_128()
    while n_bytes and (block := stream.read(min(n_bytes, BLOCK_BYTES))):
        digest.update(block)
        n_bytes -= len(block)
    return digest.hexdigest()
