"""Fingerprints: telling by content and settings whether work is done already."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from fgstp.core.errors import FootageError

BLOCK_BYTES = 1 << 20


def files_signature(files: Iterable[Path]) -> str:
    """Hash of names, sizes and times of change: as good as a look at the content, but quick.

    Args:
        files: the files, in a fixed order.

    Returns:
        Hexadecimal SHA-256.

    Raises:
        FootageError: a file is not there any more.
    """
    digest = hashlib.sha256()
    for file in files:
        try:
            facts = file.stat()
        except OSError as error:
            raise FootageError(f"{file} cannot be read: {error.strerror}") from error
        digest.update(f"{file.name}\0{facts.st_size}\0{facts.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def files_hash(files: Iterable[Path]) -> str:
    """SHA-256 of the content of files, one after the other.

    Args:
        files: the files, in a fixed order.

    Returns:
        Hexadecimal SHA-256; for a single file that which `sha256sum` prints.

    Raises:
        FootageError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for file in files:
        try:
            with file.open("rb") as stream:
                while block := stream.read(BLOCK_BYTES):
                    digest.update(block)
        except OSError as error:
            raise FootageError(f"{file} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def text_hash(text: str) -> str:
    """Hexadecimal SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
