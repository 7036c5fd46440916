import pandas as pd
import pytest

from fgstp.core.errors import UserError
from fgstp.footage.sources.table import check_table, read_table
from fgstp.footage.video import LeakSchedule

COLUMNS = (
    *("video", "split", "distance_m", "background", "fps_hz"),
    *("leak0_start_s", "leak1_start_s", "masks", "note"),
)


def row(**cells):
    return dict.fromkeys(COLUMNS, "") | {"video": "a", "split": "train"} | cells


def check(*rows):
    return check_table(pd.DataFrame(rows, dtype=str), "videos.csv")


def test_a_full_row():
    cells = row(
        **{"video": "MOV 2582 (Öl)", "split": "test", "distance_m": "15.6", "fps_hz": "1.5"},
        **{"background": "complex", "leak0_start_s": "11", "leak1_start_s": "371"},
        **{"masks": "by hand/2582", "note": "late, but fine"},
    )
    (found,), refused = check(cells)
    assert refused == []
    assert found.model_dump() == cells | {
        "distance_m": 15.6,
        "fps_hz": 1.5,
        "leak0_start_s": 11,
        "leak1_start_s": 371,
    }
    assert found.schedule() == LeakSchedule(11, 371)


def test_empty_cells_are_unknown():
    (found,), _ = check(row())
    assert found.model_dump(exclude_none=True) == {"video": "a", "split": "train", "note": ""}
    assert found.schedule() is None


def test_class_1_starts_three_minutes_after_class_0_unless_told():
    (found,), _ = check(row(leak0_start_s="0"))
    assert found.schedule() == LeakSchedule(0, 180)


def test_only_the_column_video_is_needed():
    rows, refused = check({"video": "a"}, {"video": "b"})
    assert [(found.video, found.split) for found in rows] == [("a", ""), ("b", "")]
    assert refused == []


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ({"split": "training"}, "split is 'training': "),
        ({"distance_m": "near"}, "distance_m is 'near': "),
        ({"distance_m": "-4.6"}, "distance_m is '-4.6': Input should be greater than 0"),
        ({"distance_m": "nan"}, "distance_m is 'nan': "),
        ({"background": "cloudy"}, "background is 'cloudy': Input should be 'clear' or 'complex'"),
        ({"fps_hz": "0"}, "fps_hz is '0': "),
        ({"leak0_start_s": "0:18"}, "leak0_start_s is '0:18': "),
        ({"leak0_start_s": "-1"}, "leak0_start_s is '-1': "),
    ],
)
def test_a_bad_cell_refuses_its_row_and_no_other(cells, fault):
    rows, (refused,) = check(row(), row(video="bad", **cells))
    assert [found.video for found in rows] == ["a"]
    assert refused.name == "bad"
    assert refused.error.startswith(f"bad in videos.csv: {fault}")
    assert refused.error.endswith("; correct the table")


def test_a_bad_cell_is_told_even_where_the_row_is_left_out():
    _, (refused,) = check(row(split="", distance_m="near"))
    assert "distance_m is 'near'" in refused.error


def test_a_schedule_that_runs_backwards_refuses_its_row():
    rows, (refused,) = check(row(leak0_start_s="200", leak1_start_s="157"))
    assert rows == []
    assert refused.error.startswith("a in videos.csv: A leak schedule needs")
    assert "200 and 157; correct the table" in refused.error


def test_a_video_for_train_and_test_is_refused_for_both():
    rows, (refused,) = check(row(video="b"), row(), row(split="test"))
    assert [found.video for found in rows] == ["b"]
    assert refused.name == "a"
    assert refused.error == (
        "a stands 2 times in videos.csv, for train and test; a video may be for one split only: "
        "keep one row"
    )


def test_a_video_three_times_for_one_split_is_refused_once():
    rows, (refused,) = check(*[row()] * 3)
    assert rows == []
    assert "a stands 3 times in videos.csv, for train; " in refused.error
    _, (refused,) = check({"video": "a"}, {"video": "a"})
    assert "2 times in videos.csv, for no split; " in refused.error


def test_a_row_without_a_name_is_refused():
    rows, (refused,) = check(row(video=""))
    assert rows == []
    assert "in videos.csv: video is ''" in refused.error


def test_an_unknown_column_is_named_with_the_known_ones():
    with pytest.raises(
        UserError, match=r"videos.csv does not know the column 'distance';"
    ) as error:
        check({"video": "a", "distance": "4.6"})
    assert ", ".join(COLUMNS) in str(error.value)


def test_a_table_without_videos_is_refused():
    with pytest.raises(
        UserError, match=r"videos.csv needs a column 'video'; its columns are video"
    ):
        check({"split": "train"})


@pytest.fixture
def write_table(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "meine Vidéos.csv"
        path.write_text(text, encoding)
        return path

    return write


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_file_is_read_as_text_without_its_comments(write_table, encoding):
    text = '# ours\nvideo,split,note\n007,train,"ö, b"\n8.0,,\nNA,,\n\n'
    table = read_table(write_table(text, encoding))
    assert table.to_dict("records") == [
        {"video": "007", "split": "train", "note": "ö, b"},
        {"video": "8.0", "split": "", "note": ""},
        {"video": "NA", "split": "", "note": ""},
    ]


def test_names_that_look_like_numbers_stay_as_they_are(write_table):
    table = read_table(write_table("video,split\n007,train\n10,test\n"))
    assert table["video"].tolist() == ["007", "10"]


def test_missing_cells_at_the_end_of_a_row_are_empty(write_table):
    rows, refused = check_table(read_table(write_table("video,split,note\na,train\n")), "t")
    assert refused == []
    assert rows[0].note == ""


@pytest.mark.parametrize(
    "text", ["", "# nothing but a comment\n", "video,split\na,train\nb,test,x,y,z\n"]
)
def test_what_is_no_table_is_refused(write_table, text):
    path = write_table(text)
    with pytest.raises(UserError, match=r"cannot be read: .*; mend or remove it") as error:
        read_table(path)
    assert str(path) in str(error.value)


def test_a_table_in_another_encoding_is_refused(write_table):
    with pytest.raises(UserError, match=r"cannot be read: .*; mend or remove it"):
        read_table(write_table("video\nöl\n", "latin-1"))


@pytest.mark.parametrize(
    "text", ["video,split,note\na,train,one, two\nb,test,\n", "video,split\na,train,\nb,test,\n"]
)
def test_cells_beyond_the_last_column_are_refused_and_do_not_shift_the_others(write_table, text):
    table = read_table(write_table(text))
    with pytest.raises(UserError, match=r"t has more cells in a row than columns; .* in quotes"):
        check_table(table, "t")


def test_class_1_without_class_0_is_refused():
    rows, (refused,) = check(row(leak1_start_s="180"))
    assert rows == []
    assert "leak1_start_s needs leak0_start_s beside it" in refused.error


@pytest.mark.parametrize("column", ["distance_m", "fps_hz", "leak0_start_s"])
def test_endless_numbers_are_refused(column):
    rows, (refused,) = check(row(**{column: "inf"}))
    assert rows == []
    assert column in refused.error


def test_only_whole_lines_are_comments(tmp_path):
    path = tmp_path / "videos.csv"
    path.write_text("# of tank 7\nvideo,split\ntank #7.mp4,train\n", "utf-8")
    assert read_table(path).to_dict("records") == [{"video": "tank #7.mp4", "split": "train"}]
