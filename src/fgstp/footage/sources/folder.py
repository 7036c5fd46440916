"""Source 4: any folder of videos or of folders of frames, with or without masks."""

from pathlib import Path

from fgstp.core.errors import UserError
from fgstp.footage.frame_sources import VIDEO_SUFFIXES, FrameFolder, VideoFile
from fgstp.footage.masks import MaskFolder
from fgstp.footage.pictures import list_pictures, natural_key
from fgstp.footage.settings import FolderSettings
from fgstp.footage.sources.described import described_video
from fgstp.footage.sources.table import TableRow, check_table, read_table
from fgstp.footage.video import RefusedVideo, Split, Video

MASKS_SUFFIX = "_masks"
NESTED_FRAMES, NESTED_MASKS = "images", "masks"
SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
EVERY_THIRD = 3


def find_in_folder(raw: Path, settings: FolderSettings) -> list[Video | RefusedVideo]:
    """Videos of a folder, described by a table in it or guessed.

    A video is a file (`name.mp4`) or a folder of pictures (`name/` or `name/images/`). Its
    masks lie in `name_masks/`, or in `name/masks/` beside `name/images/`: numbered from 0
    for a file, with the names of the frames for a folder.

    Args:
        raw: the folder of raw data, to which a relative path refers.
        settings: where the folder is.

    Returns:
        In the order of the table, then what it does not name; without a table by name.

    Raises:
        UserError: no such folder, nothing in it, or a table with a wrong column.
    """
    root = raw / settings.path
    if not root.is_dir():
        raise UserError(
            f"There is no folder {root}; put footage there or correct ingest.folder.path."
        )
    footage = _list_footage(root)
    if not footage:
        raise UserError(
            f"There is neither a video nor a folder of frames in {root}; put footage there or "
            "correct ingest.folder.path."
        )
    table = root / settings.table
    if table.is_file():
        return _described(footage, table)
    return [_guessed(root, path, place) for place, path in enumerate(footage.values())]


def _list_footage(root: Path) -> dict[str, Path]:
    """Footage by name: files and folders directly in `root`, or in its split folders."""
    places = [root, *(root / name for name in SPLIT_NAMES if (root / name).is_dir())]
    paths = [path for place in places for path in place.iterdir() if _is_footage(path)]
    names = [path.relative_to(root).as_posix() for path in paths]
    by_name = dict(zip(names, paths, strict=True))
    return {name: by_name[name] for name in sorted(by_name, key=lambda n: natural_key(Path(n)))}


def _is_footage(path: Path) -> bool:
    if path.name.startswith(".") or path.name.endswith((MASKS_SUFFIX, NESTED_MASKS)):
        return False
    if path.is_file():
        return path.suffix.lower() in VIDEO_SUFFIXES
    return bool(list_pictures(path)) or (path / NESTED_FRAMES).is_dir()


def _described(footage: dict[str, Path], path: Path) -> list[Video | RefusedVideo]:
    table = read_table(path)
    sound, refused = check_table(table, str(path))
    rows = [row for row in sound if row.split]
    by_row = {row.video: _match(row.video, footage) for row in rows}
    # A row with an empty split names footage too: it is left out on purpose.
    named = {_match(video, footage) for video in table["video"]}
    masks = {path.parent / row.masks for row in rows if row.masks}
    return [
        *(_find(row, by_row[row.video], path) for row in rows),
        *refused,
        *(_unnamed(found, path) for found in footage.values() if found not in named | masks),
    ]


def _match(video: str, footage: dict[str, Path]) -> Path | None:
    """Footage that a table names, with or without its suffix."""
    if video in footage:
        return footage[video]
    fits = [
        path
        for name, path in footage.items()
        if path.is_file() and Path(name).with_suffix("").as_posix() == video
    ]
    return fits[0] if len(fits) == 1 else None


def _find(row: TableRow, path: Path | None, table: Path) -> Video | RefusedVideo:
    if path is None:
        return RefusedVideo(
            row.video,
            f"{row.video} is in {table}, but not in {table.parent}, or under several suffixes; "
            "correct its name",
            row.split or None,
        )
    return _video(row, path, table.parent)


def _unnamed(path: Path, table: Path) -> RefusedVideo:
    return RefusedVideo(
        video_name(path, table.parent),
        f"{path.name} is in {path.parent}, but no row of {table} names it; add a row or remove it",
    )


def _guessed(root: Path, path: Path, place: int) -> Video | RefusedVideo:
    """A video without a table: its split from its folder's name, or every third for testing."""
    split = SPLIT_NAMES.get(path.parent.name) if path.parent != root else None
    why = f"by its folder {path.parent.name}" if split else "every third is for test"
    split = split or ("test" if place % EVERY_THIRD == EVERY_THIRD - 1 else "train")
    row = TableRow(video=path.relative_to(root).as_posix(), split=split)
    return _video(row, path, root, (f"no table: split {split} guessed, {why}",))


def _video(
    row: TableRow, path: Path, root: Path, remarks: tuple[str, ...] = ()
) -> Video | RefusedVideo:
    name = video_name(path, root)
    named = row.model_copy(update={"video": name})
    if path.is_file():
        masks = root / row.masks if row.masks else path.with_name(path.stem + MASKS_SUFFIX)
        return described_video(
            named, VideoFile(path), lambda: MaskFolder.numbered_if_there(masks), remarks
        )
    nested = (path / NESTED_FRAMES).is_dir()
    files = tuple(list_pictures(path / NESTED_FRAMES if nested else path))
    beside = path / NESTED_MASKS if nested else path.with_name(path.name + MASKS_SUFFIX)
    masks = root / row.masks if row.masks else beside
    return described_video(
        named, FrameFolder(files), lambda: MaskFolder.paired_if_there(masks, files), remarks
    )


def video_name(path: Path, root: Path) -> str:
    """Id of footage: its path in the folder without the suffix, folders joined by underscores."""
    inside = path.relative_to(root)
    stem = inside.with_suffix("") if path.is_file() else inside
    return "_".join(stem.parts)
