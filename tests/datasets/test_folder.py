from pathlib import Path

import pytest
from kedro.io import DatasetError

from fgstp.datasets.folder import FolderDataset
from fgstp.footage.clip_store import ClipStore
from fgstp.footage.records import RecordStore


@pytest.mark.parametrize(
    ("handle", "kind"), [("path", Path), ("clips", ClipStore), ("records", RecordStore)]
)
def test_nodes_get_a_handle_of_the_folder(tmp_path, handle, kind):
    dataset = FolderDataset(str(tmp_path / "place"), handle)
    loaded = dataset.load()
    assert isinstance(loaded, kind)
    assert Path(getattr(loaded, "folder", loaded)) == tmp_path / "place"
    assert not dataset.exists()
    (tmp_path / "place").mkdir()
    assert dataset.exists()


def test_an_unknown_handle_is_told_with_the_known_ones(tmp_path):
    with pytest.raises(DatasetError, match=r"'clip'.*path, clips, records"):
        FolderDataset(str(tmp_path), "clip")


def test_a_folder_is_not_saved(tmp_path):
    with pytest.raises(DatasetError, match="written through its handle"):
        FolderDataset(str(tmp_path), "path").save(tmp_path)
