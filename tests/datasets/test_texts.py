import pytest
from kedro.io import DatasetError

from fgstp.datasets.texts import TextsDataset

TEXTS = {"table.md": "| Gaswölkchen | 漏れ |\n", "table.tex": "a & b \\\\\n"}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_loaded_is_what_was_saved(tmp_path):
    dataset = TextsDataset(str(tmp_path / "new" / "my tables [1]"))
    assert not dataset.exists()
    dataset.save(TEXTS)
    assert dataset.exists()
    folder = tmp_path / "new" / "my tables [1]"
    (folder / "sub").mkdir()
    assert dataset.load() == TEXTS
    assert (folder / "table.md").read_bytes() == "| Gaswölkchen | 漏れ |\n".encode()


def test_stale_texts_go_and_files_of_other_kinds_stay(tmp_path):
    dataset = TextsDataset(str(tmp_path))
    dataset.save(TEXTS | {"gone.md": "x"})
    (tmp_path / "picture.png").write_bytes(b"\xff")
    (tmp_path / "sub").mkdir()
    dataset.save({"table.md": "new"})
    assert names(tmp_path) == ["picture.png", "sub", "table.md", "table.tex"]
    assert (tmp_path / "table.md").read_text() == "new"


def test_breaking_off_leaves_the_old_texts(tmp_path, monkeypatch):
    dataset = TextsDataset(str(tmp_path))
    dataset.save(TEXTS)

    def full(path, *_, **__):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(DatasetError, match="No space left on device; free some space"):
        dataset.save({"table.md": "new", "other.md": "new"})
    monkeypatch.undo()
    assert dataset.load() == TEXTS


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match=r"Cannot write .*file/tables/table\.md"):
        TextsDataset(str(tmp_path / "file" / "tables")).save(TEXTS)


def test_description_names_the_folder(tmp_path):
    assert str(tmp_path) in str(TextsDataset(str(tmp_path)))
