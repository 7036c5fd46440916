"""Footage that a user names: files, folders, patterns, and lists of them."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from fgstp.core.errors import FootageError, UserError
from fgstp.footage.frame_sources import STACK_SUFFIXES, are_stacks
from fgstp.footage.live import is_stream, without_password
from fgstp.footage.pictures import list_pictures
from fgstp.footage.video_file import VIDEO_SUFFIXES

LIST_SUFFIX = ".txt"
FILE_SUFFIXES = VIDEO_SUFFIXES | STACK_SUFFIXES


def find_sources(names: Sequence[str]) -> list[Path | str]:
    """Footage that is named, each once, in the order given: paths of videos, addresses of streams.

    Args:
        names: each a video file, a folder of videos, a folder of pictures (one video), a pattern
            with `*`, `?` or `[...]`, the address of a stream, the number of a camera, or a text
            file with one of these in each line, where lines that begin with `#` do not count.

    Raises:
        UserError: a name leads to nothing.
    """
    found: dict[str, Path | str] = {}
    for source in (each for name in names for each in _found(name)):
        key = os.path.abspath(source) if isinstance(source, Path) else source  # noqa: PTH100
        found.setdefault(key, source)
    return [*found.values()]


def find_videos(names: Sequence[str]) -> list[Path]:
    """As `find_sources`, of footage that has an end.

    Raises:
        UserError: a name leads to nothing, or to a stream.
    """
    videos: list[Path] = []
    for source in find_sources(names):
        if isinstance(source, str):
            raise UserError(f"{source} is a stream; record some of it, and name the file.")
        videos.append(source)
    return videos


def distinct(names: Iterable[str]) -> Iterator[str]:
    """Names, with a number behind those that have been taken: `pad`, `pad-2`."""
    taken: set[str] = set()
    numbers: dict[str, int] = {}
    for name in names:
        free = name
        while free in taken:
            numbers[name] = numbers.get(name, 1) + 1
            free = f"{name}-{numbers[name]}"
        taken.add(free)
        yield free


def shown_name(source: str) -> str:
    """A name for people: `leak.mkv` of `pads/leak.mkv`; of a stream the whole address."""
    return source if is_stream(source) else Path(source).name


def short_name(source: str) -> str:
    """A name for files: `leak` of `pads/leak.mkv`, `camera_8554_1` of `rtsp://camera:8554/1`."""
    if not is_stream(source):
        return Path(source).stem
    if source.isdecimal():
        return f"camera_{source}"
    return re.sub(r"\W+", "_", without_password(source).partition("://")[2]).strip("_")


def _found(name: str) -> Iterator[Path | str]:
    if not name.strip():
        raise UserError("A source is empty; name a file, a folder, a pattern or a stream.")
    path = Path(name)
    if is_stream(name):
        yield name
        return
    if path.suffix.lower() == LIST_SUFFIX and path.is_file():
        lines = path.read_text("utf-8").splitlines()
        named = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        for each in named:
            yield from _found(each if is_stream(each) else str(path.parent / each))
    elif path.is_dir():
        yield from _found_in(path)
    elif path.exists():
        yield path
    elif matches := sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor)))):
        for match in matches:
            yield from _found(str(match))
    else:
        raise UserError(f"There is no footage {name}; name a file, a folder or a pattern.")


def _found_in(folder: Path) -> list[Path]:
    """Videos and stacks of a folder; without any, the folder itself, whose pictures are one."""
    try:
        files = [each for each in sorted(folder.iterdir()) if each.is_file()]
        pictures = list_pictures(folder)
    except (OSError, FootageError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"The folder {folder} cannot be read ({reason}); allow it.") from error
    videos = [each for each in files if each.suffix.lower() in VIDEO_SUFFIXES]
    stacks = [each for each in pictures if each.suffix.lower() in STACK_SUFFIXES]
    if stacks and are_stacks(stacks):
        videos = sorted({*videos, *stacks})
    if not (videos or pictures):
        raise UserError(
            f"The folder {folder} holds neither videos nor pictures; name another one, or "
            f"{folder}/* for the folders in it."
        )
    return videos or [folder]
