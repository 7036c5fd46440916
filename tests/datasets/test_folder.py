from pathlib import Path

import pytest
from kedro.io import DatasetError

from fgstp.core.errors import UserError
from fgstp.datasets.folder import FolderDataset
from fgstp.footage.video_store import VideoStore
from fgstp.hooks import user_sentence


@pytest.mark.parametrize("kind", [Path, VideoStore])
def test_nodes_get_a_handle_of_the_folder(tmp_path, kind):
    dataset = FolderDataset(f"{tmp_path}/place", f"{kind.__module__}.{kind.__qualname__}")
    loaded = dataset.load()
    assert isinstance(loaded, kind)
    assert Path(getattr(loaded, "folder", loaded)) == tmp_path / "place"
    assert not dataset.exists()


def test_saving_calls_the_work_with_the_handle(tmp_path):
    dataset = FolderDataset(f"{tmp_path}/new/place")
    dataset.save(lambda folder: (folder / "a.txt").write_text("a"))
    assert dataset.exists()
    assert (dataset.load() / "a.txt").read_text() == "a"


def test_work_without_files_makes_an_empty_folder(tmp_path):
    FolderDataset(f"{tmp_path}/place").save(lambda folder: None)
    assert list(tmp_path.rglob("*")) == [tmp_path / "place"]


def test_a_mistake_of_the_user_in_the_work_is_still_one_sentence(tmp_path):
    def work(folder):
        raise UserError("Mend it.")

    with pytest.raises(DatasetError) as caught:
        FolderDataset(f"{tmp_path}/place").save(work)
    assert user_sentence(caught.value) == "Mend it."


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError) as caught:
        FolderDataset(f"{tmp_path}/file/place").save(lambda folder: None)
    assert f"{tmp_path}/file/place" in user_sentence(caught.value)


def test_an_unknown_handle_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match="no_such"):
        FolderDataset(str(tmp_path), "fgstp.no_such.Handle").load()
