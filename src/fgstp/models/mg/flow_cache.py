"""Fields of flow kept on the disk."""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from fgstp.core.files import atomic_path

STORED = np.dtype(np.float16)
Field = NDArray[np.floating]


@dataclass(frozen=True)
class FlowCache:
    """A folder of fields: a file for each content of a clip and each way to compute them.

    Files are found by a hash of the frames, so that those of frames that changed since are
    not used. joblib's `Memory` would hash the frames at every call, and drop all fields, even
    under a process that reads them, whenever a line of the function changed.

    Attributes:
        folder: where they lie; made when the first is written.
    """

    folder: Path
    # By file and what tells that it changed: a clip is hashed once.
    _hashes: dict[tuple[object, ...], str] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def fields(
        self,
        frames: NDArray[np.uint8],
        what: str,
        size: tuple[int, ...],
        compute: Callable[[], Iterable[Field]],
    ) -> Field:
        """Fields of a clip, computed only if they are not there.

        Processes may do so at the same time: each writes a file of its own, whole, and the
        last one stays.

        Args:
            frames: (T, H, W) uint8, the clip.
            what: words that differ where the fields would.
            size: shape of a field.
            compute: gives the T fields one after the other.

        Returns:
            (T, *size) float16, memory-mapped and read-only.

        Raises:
            UserError: the folder cannot be written or the disk is full.
        """
        facts = f"{self._content(frames)} {frames.shape} {what}"
        path = self.folder / f"{hashlib.sha256(facts.encode()).hexdigest()}.npy"
        found = _read(path)
        if found is not None:
            return found
        own = path.with_suffix(f".{os.getpid()}.npy")
        with atomic_path(own) as temporary, temporary.open("wb") as stream:
            _write(stream, (len(frames), *size), compute())
        own.replace(path)
        written: Field = np.load(path, mmap_mode="r")
        return written

    def _content(self, frames: NDArray[np.uint8]) -> str:
        """Hash of the frames."""
        key = _file_key(frames)
        if key is None:
            return _hash(frames)
        if key not in self._hashes:
            self._hashes[key] = _hash(frames)
        return self._hashes[key]


def _file_key(frames: NDArray[np.uint8]) -> tuple[object, ...] | None:
    """What tells a whole, read-only file of frames from others; None of frames elsewhere."""
    if not isinstance(frames, np.memmap) or frames.filename is None or frames.flags.writeable:
        return None
    if isinstance(frames.base, np.ndarray):
        return None  # a part of a file: numpy does not say which
    facts = Path(str(frames.filename)).stat()
    changed = facts.st_ino, facts.st_size, facts.st_mtime_ns
    return str(frames.filename), *changed, frames.offset, frames.shape


def _hash(frames: NDArray[np.uint8]) -> str:
    digest = hashlib.sha256()
    for frame in frames:
        digest.update(np.ascontiguousarray(frame).data)
    return digest.hexdigest()


def _read(path: Path) -> Field | None:
    """A file of fields; None if it is not there, or damaged."""
    try:
        found: Field = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    return found


def _write(stream: BinaryIO, shape: tuple[int, ...], fields: Iterable[Field]) -> None:
    """Field by field: a memory-mapped file would end the process where the disk is full."""
    header = {"descr": npy.dtype_to_descr(STORED), "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(stream, header)
    for each in fields:
        stream.write(each.astype(STORED).tobytes())
