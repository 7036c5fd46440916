import pytest
from kedro.io import DatasetError

from fgstp.datasets.text import TextDataset


def test_round_trip_of_any_letters(tmp_path):
    dataset = TextDataset(str(tmp_path / "new" / "page.md"))
    assert not dataset.exists()
    dataset.save("# Gaswölkchen 漏れ\n")
    assert dataset.exists()
    assert dataset.load() == "# Gaswölkchen 漏れ\n"
    assert (tmp_path / "new" / "page.md").read_bytes() == "# Gaswölkchen 漏れ\n".encode()


def test_saving_again_replaces(tmp_path):
    dataset = TextDataset(str(tmp_path / "page.md"))
    dataset.save("a long first text")
    dataset.save("short")
    assert dataset.load() == "short"
    assert [path.name for path in tmp_path.iterdir()] == ["page.md"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match=r"page\.md"):
        TextDataset(str(tmp_path / "file" / "page.md")).save("text")
