import pandas as pd
import pytest
from kedro.io import DatasetError

from fgstp.datasets.table import TableDataset
from fgstp.footage.clip_table import CLIP_COLUMNS, VIDEO_COLUMNS, table
from fgstp.hooks import user_sentence


def test_types_and_missing_values_survive_a_round_trip(tmp_path):
    rows = [
        {"clip": "a_0000", "video": "a", "first_frame": 0, "frames": 10, "gas_fraction": 0.25},
        {"clip": "007", "video": "a", "dropped": "duplicate", "repeats": "a_0000", "leak_class": 3},
    ]
    frame = table(rows, CLIP_COLUMNS)
    dataset = TableDataset(str(tmp_path / "new" / "clips.csv"), columns="clips")
    assert not dataset.exists()
    dataset.save(frame)
    assert dataset.exists()
    pd.testing.assert_frame_equal(dataset.load(), frame)
    assert dataset.load()["clip"].tolist() == ["a_0000", "007"]  # not the number 7
    assert dataset.load()["leak_class"].tolist()[1] == 3


def test_a_column_that_is_missing_throughout_keeps_its_type(tmp_path):
    frame = table([{"video": "a", "frames": 5}], VIDEO_COLUMNS)
    dataset = TableDataset(str(tmp_path / "videos.csv"), columns="videos")
    dataset.save(frame)
    pd.testing.assert_frame_equal(dataset.load(), frame)


def test_text_with_commas_quotes_and_other_letters(tmp_path):
    text = 'Gaswölkchen, "漏れ"; 5 %'
    dataset = TableDataset(str(tmp_path / "videos.csv"), columns="videos")
    dataset.save(table([{"video": "a", "remarks": text}], VIDEO_COLUMNS))
    assert dataset.load()["remarks"].tolist() == [text]
    assert text.replace('"', '""') in (tmp_path / "videos.csv").read_text("utf-8")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"", "No columns to parse from file"),
        (b"video\n\xff\xfe\n", "'utf-8' codec can't decode byte 0xff"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path, content, reason):
    path = tmp_path / "t.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        TableDataset(str(path), columns="videos").load()
    sentence = user_sentence(caught.value)
    assert sentence.startswith(f"The table {path} cannot be read ({reason}")
    assert sentence.endswith("); run `kedro run --pipelines=ingest` first.")


def test_an_old_table_stays_when_writing_fails(tmp_path, monkeypatch):
    dataset = TableDataset(str(tmp_path / "t.csv"), columns="videos")
    dataset.save(table([{"video": "old"}], VIDEO_COLUMNS))

    def half(frame, path, **_):
        path.write_text("a\n")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", half)
    with pytest.raises(DatasetError, match="No space left"):
        dataset.save(table([{"video": "new"}], VIDEO_COLUMNS))
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]
    assert dataset.load()["video"].tolist() == ["old"]


def test_description_names_the_file(tmp_path):
    assert str(tmp_path / "t.csv") in str(TableDataset(str(tmp_path / "t.csv"), columns="clips"))
