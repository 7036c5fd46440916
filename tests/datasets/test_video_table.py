import pandas as pd
import pytest
from kedro.io import DatasetError

from fgstp.datasets.video_table import VideoTableDataset
from fgstp.hooks import user_sentence


def test_cells_are_text_and_lines_of_comment_are_passed_over(tmp_path):
    path = tmp_path / "videos.csv"
    path.write_text("# a comment\nvideo,split,note\n007,,no #2\n", "utf-8")
    loaded = VideoTableDataset(str(path)).load()
    assert loaded.to_dict("records") == [{"video": "007", "split": "", "note": "no #2"}]


def test_it_is_not_written(tmp_path):
    with pytest.raises(DatasetError, match="written by people"):
        VideoTableDataset(str(tmp_path / "videos.csv")).save(pd.DataFrame())
    assert not VideoTableDataset(str(tmp_path / "videos.csv")).exists()


def test_a_table_that_is_not_there_is_told(tmp_path):
    path = tmp_path / "videos.csv"
    with pytest.raises(DatasetError) as caught:
        VideoTableDataset(str(path)).load()
    assert user_sentence(caught.value).startswith(f"The table {path} cannot be read: ")
