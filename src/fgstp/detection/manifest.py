"""Manifests: tables of the footage of an archive."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fgstp.core.errors import UserError, did_you_mean
from fgstp.detection.sources import FILE_SUFFIXES, distinct
from fgstp.footage.live import is_stream

if TYPE_CHECKING:
    import _csv

COLUMNS = ("source", "zones", "calibration")
LONGEST_NAME = 100  # letters; file systems take 255 bytes


class Entry(NamedTuple):
    """A row of a manifest.

    Attributes:
        place: of the row, for messages, such as `archive.csv, line 7`.
        text: the source as the manifest names it.
        source: its path.
        name: a name for files that no other row has, such as `cam1_monday` of `cam1/monday.mkv`.
        zones: file of its zones, if it has some of its own.
        calibration: file of its calibration, if it has one of its own.
    """

    place: str
    text: str
    source: Path
    name: str
    zones: Path | None = None
    calibration: Path | None = None


def read_manifest(path: Path) -> list[Entry]:
    """Read a CSV file with a row a source.

    Its column `source` names a video file, a TIFF stack or a folder of pictures. The columns
    `zones` and `calibration` may name files for this source. Paths are relative to the manifest.
    That the sources are there is not checked.

    Raises:
        UserError: it cannot be read; a column is unknown or missing; or a row is incomplete, names
            a stream, or repeats a source.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(_rows(csv.reader(stream, strict=True), path.name))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"The manifest {path} cannot be read ({reason}); name a CSV file in UTF-8."
        ) from error
    if not rows:
        raise UserError(f"The manifest {path} names no source; add a row for each.")
    _check_distinct(rows, path.parent)
    names = distinct(_name(row["source"]) for _, row in rows)
    return [
        Entry(
            place,
            row["source"],
            path.parent / row["source"],
            name,
            *(path.parent / row[key] if row.get(key) else None for key in COLUMNS[1:]),
        )
        for (place, row), name in zip(rows, names, strict=True)
    ]


def _rows(reader: "_csv.Reader", manifest: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Where each row is, and its cells by the names of their columns."""
    columns = [column.strip() for column in next(reader, [])]
    for column in columns:
        if column not in COLUMNS:
            close = did_you_mean(column, COLUMNS)
            raise UserError(
                f"{manifest}, line 1: there is no column {column!r}{close}; the columns are "
                f"{', '.join(COLUMNS)}."
            )
    if "source" not in columns or len(set(columns)) < len(columns):
        raise UserError(f"{manifest}, line 1: name the column source, and each column once.")
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        place = f"{manifest}, line {reader.line_num}"
        if len(cells) != len(columns):
            raise UserError(
                f"{place}: it has {len(cells)} cells, but there are {len(columns)} columns; quote "
                "cells that hold a comma."
            )
        row = {column: cell.strip() for column, cell in zip(columns, cells, strict=True)}
        if not row["source"]:
            raise UserError(f"{place}: it names no source; name one, or remove the line.")
        if is_stream(row["source"]):
            raise UserError(f"{place}: a stream has no end; record some of it, and name the file.")
        yield place, row


def _check_distinct(rows: list[tuple[str, dict[str, str]]], folder: Path) -> None:
    first: dict[str, str] = {}
    for place, row in rows:
        earlier = first.setdefault(os.path.abspath(folder / row["source"]), place)  # noqa: PTH100
        if earlier != place:
            raise UserError(
                f"{place}: {row['source']} is that of {earlier.rpartition(', ')[2]} too; name each "
                "source once."
            )


def _name(source: str) -> str:
    """A name for files that tells folders too; its end if it is long."""
    path = Path(source)
    path = path.with_suffix("") if path.suffix.lower() in FILE_SUFFIXES else path
    name = "_".join(part for part in path.parts if part not in (path.anchor, ".."))
    return name[-LONGEST_NAME:].lstrip(".") or "source"
