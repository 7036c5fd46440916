import os
import socket

import numpy as np
import pytest
from PIL import Image

from fgstp.footage.sources.layout import read_layout

FEW = [f"{number}.png" for number in range(2)]


@pytest.fixture
def layout_of(tmp_path):
    """Makes files, empty because they are looked for and not into, and reads the layout."""

    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir(exist_ok=True) if name.endswith("/") else path.touch()
        return read_layout(tmp_path)

    return make


def folder(name, files=FEW):
    return [f"{name}/{file}" for file in files]


def found(layout, root):
    """Footage, and masks by footage, as paths below the folder."""
    return (
        {name: path.relative_to(root).as_posix() for name, path in layout.footage.items()},
        {name: path.relative_to(root).as_posix() for name, path in layout.masks.items()},
    )


@pytest.mark.parametrize(
    ("names", "footage", "masks"),
    [
        (
            [*folder("JPEGImages/480p/bear"), *folder("Annotations/480p/bear")],  # DAVIS
            {"480p/bear": "JPEGImages/480p/bear"},
            {"480p/bear": "Annotations/480p/bear"},
        ),
        (
            [*folder("Train/crab/Imgs"), *folder("Train/crab/GT")],  # MoCA-Mask
            {"Train/crab": "Train/crab/Imgs"},
            {"Train/crab": "Train/crab/GT"},
        ),
        (
            [*folder("images/a"), *folder("masks/a"), *folder("images/b")],
            {"a": "images/a", "b": "images/b"},
            {"a": "masks/a"},
        ),
        (["videos/a.mp4", *folder("masks/a")], {"a.mp4": "videos/a.mp4"}, {"a.mp4": "masks/a"}),
        (
            ["a.mp4", *folder("a.mp4_masks"), "b.mp4", *folder("B-GT"), "c.avi", *folder("cmasks")],
            {"a.mp4": "a.mp4", "b.mp4": "b.mp4", "c.avi": "c.avi"},
            {"a.mp4": "a.mp4_masks", "b.mp4": "B-GT", "c.avi": "cmasks"},
        ),
        (
            ["e\u0301.mp4", *folder("\u00e9_masks"), *folder("\u00c9t"), *folder("E\u0301t_gt")],
            {"e\u0301.mp4": "e\u0301.mp4", "\u00c9t": "\u00c9t"},
            {"e\u0301.mp4": "\u00e9_masks", "\u00c9t": "E\u0301t_gt"},
        ),
        (
            ["a.mp4", *folder("__MACOSX/a"), *folder("@eaDir/a.mp4"), "lost+found/x", ".git/x"],
            {"a.mp4": "a.mp4"},
            {},
        ),
        (
            ["a.mp4", "b.mp4", *folder("masks/a")],
            {"a.mp4": "a.mp4", "b.mp4": "b.mp4"},
            {"a.mp4": "masks/a"},
        ),
        (["a/v.mp4", *folder("a/masks")], {"a/v.mp4": "a/v.mp4"}, {"a/v.mp4": "a/masks"}),
        ([*folder("a"), *folder("a/masks")], {"a": "a"}, {"a": "a/masks"}),
        *(
            (["x.mkv", *folder(name)], {"x.mkv": "x.mkv"}, {"x.mkv": name})
            for name in (
                "x_masks",
                "x_mask",
                "x_gt",
                "X-GT",
                "x.labels",
                "mask_x",
                "x ground truth",
            )
        ),
        ([*folder("x"), *folder("x_gt")], {"x": "x"}, {"x": "x_gt"}),
        (["train/a.tif"], {"train/a.tif": "train/a.tif"}, {}),
        (["a.tif", "b.tiff"], {"a.tif": "a.tif", "b.tiff": "b.tiff"}, {}),
        (folder("a", ["1.tif", "2.tif"]), {"a": "a"}, {}),
        # Two of one name keep the name of their folder.
        ([*folder("a/images"), *folder("a/frames")], {"a": "a/frames", "a/images": "a/images"}, {}),
    ],
)
def test_footage_and_masks_find_each_other(layout_of, tmp_path, names, footage, masks):
    layout = layout_of(*names)
    assert found(layout, tmp_path) == (footage, masks)
    assert (layout.refused, layout.documents) == ({}, [])


@pytest.mark.parametrize(
    ("names", "refused"),
    [
        (["a.seq", "b.mp4"], "a.seq"),
        (["a.npy"], "a.npy"),
        (["a.xyz"], "a.xyz"),
        ([f"{number}.xyz" for number in range(50)], "0.xyz"),
        (["no suffix"], "no suffix"),
        (["0.png", "1.png"], "0.png"),
        (["empty/"], "empty"),
        (folder("x_masks"), "x_masks"),
        (["a.mp4", *folder("masks/a"), *folder("masks/b")], "masks/b"),
        (["a.mp4", *folder("a_masks"), *folder("a_gt")], "a.mp4"),
        (["a.mp4", "a_mask.mp4"], "a_mask.mp4"),
        (["a.tif", "a_gt.tif"], "a_gt.tif"),
        (folder("a", ["1.png", "1_mask.png"]), "a"),
        (folder("a", ["img_1.png", "mask_1.png"]), "a"),
        (folder("a", ["1.png", "notes.xyz"]), "a/notes.xyz"),
        (["/".join("abcdefghij") + "/v.mp4"], "/".join("abcdefghi")),
        (["x" * 236 + ".mp4"], "x" * 236 + ".mp4"),
        (["x" * 250 + ".ts"], "x" * 250 + ".ts"),
        (["a\rb.mp4"], "a\rb.mp4"),
        ([os.fsdecode(b"\xff.mp4")], os.fsdecode(b"\xff.mp4")),
        ([os.fsdecode(b"\xff/0.png")], os.fsdecode(b"\xff")),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(layout_of, names, refused):
    layout = layout_of(*names)
    assert list(layout.refused) == [refused]
    assert (
        layout.refused[refused].endswith(
            ("remove it", "remove one", "rename it", "rename them", "their own", "elsewhere", "up")
        )
        or "export it" in layout.refused[refused]
    )
    assert refused not in layout.footage
    assert len(layout.refused_videos()) == 1


def test_footage_whose_names_differ_in_case_shares_no_masks(layout_of):
    layout = layout_of("a.mp4", "A.mp4", *folder("a_masks"), "b.mp4")
    assert [*layout.footage] == ["b.mp4"]
    assert all("could be the masks of" in why for why in layout.refused.values())


def test_no_entry_is_passed_over(layout_of, tmp_path):
    names = [
        "a.mp4",
        *folder("a_masks"),
        "notes.txt",
        "b.seq",
        *folder("c"),
        "d/readme",
        "Thumbs.db",
    ]
    layout = layout_of(*names, ".hidden.mp4")
    seen = {*layout.footage.values(), *layout.masks.values()}
    seen |= {tmp_path / name for name in (*layout.refused, *layout.documents)}
    for name in names:
        path = tmp_path / name
        assert path in seen or path.parent in seen, name
    assert sorted(layout.documents) == ["Thumbs.db", "notes.txt"]


def test_pages_make_a_stack_also_beside_others(tmp_path):
    pages = [Image.fromarray(np.full((4, 6), level, np.uint8)) for level in range(3)]
    (tmp_path / "train").mkdir()
    for name in ("a.tif", "b.tif"):
        pages[0].save(tmp_path / "train" / name, save_all=True, append_images=pages[1:])
    assert [*read_layout(tmp_path).footage] == ["train/a.tif", "train/b.tif"]


def test_links_pipes_and_sockets_stop_nothing(layout_of, tmp_path):
    layout_of("a.mp4", "far/b.mp4")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "far" / "back").symlink_to(tmp_path / "far")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    (tmp_path / "near").symlink_to(tmp_path / "far" / "b.mp4")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
    layout = read_layout(tmp_path)
    assert [*layout.footage] == ["a.mp4", "far/b.mp4"]
    assert sorted(layout.refused) == [
        *("far/back", "gone.mp4", "loop", "near", "pipe", "self", "socket")
    ]


def test_folders_that_cannot_be_read_are_refused(layout_of, tmp_path, monkeypatch):
    layout_of("a.mp4", "closed/b.mp4", "x.mp4", *folder("x_masks"))
    iterdir = type(tmp_path).iterdir

    def guarded(path):
        if path.name == "closed":
            raise PermissionError(13, "Permission denied")
        return iterdir(path)

    monkeypatch.setattr(type(tmp_path), "iterdir", guarded)  # a superuser may read all
    layout = read_layout(tmp_path)
    assert [*layout.footage] == ["a.mp4", "x.mp4"]
    assert "Permission denied" in layout.refused["closed"]
