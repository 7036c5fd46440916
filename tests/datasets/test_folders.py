import base64
from pathlib import Path

import cv2
import numpy as np
import pytest
from kedro.io import DatasetError
from matplotlib.figure import Figure

from fgstp.core.errors import UserError
from fgstp.datasets.folders import FiguresDataset, FolderDataset, TextsDataset
from fgstp.footage.video_store import VideoStore
from fgstp.hooks import user_sentence

TEXTS = {"table.md": "| Gaswölkchen | 漏れ |\n", "table.tex": "a & b \\\\\n"}


def figure(width_in=2):
    drawn = Figure(figsize=(width_in, 1), dpi=50)
    drawn.subplots().plot([0, 1])
    return drawn


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


# ----------------------------------------------------------------------- work on a folder


@pytest.mark.parametrize("kind", [Path, VideoStore])
def test_nodes_get_a_handle_of_the_folder(tmp_path, kind):
    dataset = FolderDataset(f"{tmp_path}/place", f"{kind.__module__}.{kind.__qualname__}")
    loaded = dataset.load()
    assert isinstance(loaded, kind)
    assert Path(getattr(loaded, "folder", loaded)) == tmp_path / "place"
    assert not dataset.exists()


def test_saving_calls_the_work_with_the_handle(tmp_path):
    dataset = FolderDataset(f"{tmp_path}/new/place")
    dataset.save(lambda folder: None)
    assert list(dataset.load().iterdir()) == []
    dataset.save(lambda folder: (folder / "a.txt").write_text("a"))
    assert dataset.exists()
    assert (dataset.load() / "a.txt").read_text() == "a"


def test_mistakes_of_the_user_are_one_sentence(tmp_path):
    def work(folder):
        raise UserError("Mend it.")

    (tmp_path / "file").touch()
    for place, expected in (("place", "Mend it."), ("file/place", f"{tmp_path}/file/place")):
        with pytest.raises(DatasetError) as caught:
            FolderDataset(f"{tmp_path}/{place}").save(work)
        assert expected in user_sentence(caught.value)


# -------------------------------------------------------------------------- files by name


def test_each_figure_is_a_picture_and_stale_ones_go(tmp_path):
    folder = tmp_path / "new [1]"
    dataset = FiguresDataset(str(folder))
    assert not dataset.exists()
    dataset.save({"b": figure(), "gone": figure()})
    (folder / "table.csv").write_text("of another dataset")
    dataset.save({"b": figure(3), "a [1]": figure(4)})
    assert dataset.exists()
    assert set(files(folder)) == {"b.png", "a [1].png", "table.csv"}
    loaded = dataset.load()
    assert list(loaded) == ["a [1]", "b"]
    for name, width_px in (("a [1]", 200), ("b", 150)):
        assert loaded[name] == files(folder)[f"{name}.png"]
        picture = cv2.imdecode(np.frombuffer(loaded[name], np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (50, width_px, 3)


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    dataset = FiguresDataset(str(tmp_path))
    dataset.save({"one": figure(), "two": figure()})
    assert len(set(dataset.load().values())) == 1


def test_stale_texts_go_and_files_of_other_kinds_stay(tmp_path):
    folder = tmp_path / "new [1]"
    dataset = TextsDataset(str(folder))
    assert not dataset.exists()
    dataset.save(TEXTS | {"gone.md": "x"})
    (folder / "sub.md").mkdir()
    (folder / ".tmp-half.md").write_text("left by a killed run")
    dataset.save(TEXTS)
    assert dataset.load() == TEXTS
    (folder / "picture.png").write_bytes(b"\xff")
    dataset.save({"table.md": "new"})
    assert set(files(folder)) - {".tmp-half.md"} == {"table.md", "table.tex", "picture.png"}


class _Broken(Figure):
    def savefig(self, path, *_, **__):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [(FiguresDataset, figure(), _Broken()), (TextsDataset, "old", "a lone surrogate \ud800")],
)
def test_breaking_off_leaves_the_old_files(tmp_path, kind, good, bad):
    dataset = kind(str(tmp_path))
    dataset.save({"one": good})
    before = files(tmp_path)
    with pytest.raises(DatasetError):
        dataset.save({"one": bad})
    assert files(tmp_path) == before


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match=r"Cannot make the folder .*file/tables"):
        TextsDataset(f"{tmp_path}/file/tables").save(TEXTS)


# ----------------------------------------------------------------- previews for Kedro-Viz


def test_preview_of_figures_is_the_first_picture(tmp_path):
    dataset = FiguresDataset(str(tmp_path))
    dataset.save({"b": figure(), "a": figure(3)})
    assert dataset.preview.__annotations__["return"].__name__ == "ImagePreview"
    assert base64.b64decode(dataset.preview()) == dataset.load()["a"]


def test_preview_of_texts_is_their_markdown(tmp_path):
    dataset = TextsDataset(str(tmp_path))
    dataset.save({"b.md": "two", "a.md": "one", "a.csv": "1,2"})
    assert dataset.preview.__annotations__["return"].__name__ == "HTMLPreview"
    assert dataset.preview() == "one\n\ntwo"
