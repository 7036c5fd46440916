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
    (found,), _ = check(row(leak0_start_s="0"))
    assert found.schedule() == LeakSchedule(0, 180)  # three minutes later


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
        ({"distance_m": "inf"}, "distance_m is 'inf': "),
        ({"fps_hz": "inf"}, "fps_hz is 'inf': "),
        ({"leak0_start_s": "inf"}, "leak0_start_s is 'inf': "),
        ({"leak0_start_s": "200", "leak1_start_s": "157"}, "A leak schedule needs"),
    ],
)
def test_a_bad_cell_refuses_its_row_and_no_other(cells, fault):
    rows, (refused,) = check(row(), row(video="bad", **cells))
    assert [found.video for found in rows] == ["a"]
    assert refused.name == "bad"
    assert refused.error.startswith(f"bad in videos.csv: {fault}")
    assert refused.error.rstrip(".").endswith("; correct the table")


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ({"split": "", "distance_m": "near"}, "distance_m is 'near'"),  # of a row left out
        ({"leak1_start_s": "180"}, "leak1_start_s needs leak0_start_s beside it"),
        ({"video": ""}, "video is ''"),
    ],
)
def test_a_row_that_is_not_valid_is_refused(cells, fault):
    rows, (refused,) = check(row(**cells))
    assert rows == []
    assert fault in refused.error


@pytest.mark.parametrize(
    ("splits", "told"),
    [
        (["train", "test"], "2 times in videos.csv, for train and test"),
        (["train"] * 3, "3 times in videos.csv, for train"),
        ([None] * 2, "2 times in videos.csv, for no split"),
    ],
)
def test_a_video_in_several_rows_is_refused_once(splits, told):
    several = [("b", splits[0]), *(("a", split) for split in splits)]
    rows, (refused,) = check(
        *({"video": video} | ({"split": split} if split else {}) for video, split in several)
    )
    assert [found.video for found in rows] == ["b"]
    assert refused.name == "a"
    assert refused.error == (f"a stands {told}; a video may be for one split only: keep one row")


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        (["video", "distance"], "videos.csv does not know the column 'distance' .did you mean"),
        (["split"], "videos.csv needs a column 'video'; "),
    ],
)
def test_wrong_columns_are_named_with_the_known_ones(columns, fault):
    with pytest.raises(UserError, match=fault) as error:
        check(dict.fromkeys(columns, ""))
    assert f"its columns are {', '.join(COLUMNS)}" in str(error.value)


@pytest.fixture
def write_table(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "meine Vidéos.csv"
        path.write_text(text, encoding)
        return path

    return write


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_file_is_read_as_text_without_its_comments(write_table, encoding):
    text = '# ours\nvideo,split,note\n007,train,"ö, b"\n8.0 #7,\nNA,,\n\n'
    table = read_table(write_table(text, encoding))
    assert table.to_dict("records") == [
        {"video": "007", "split": "train", "note": "ö, b"},
        {"video": "8.0 #7", "split": "", "note": ""},
        {"video": "NA", "split": "", "note": ""},
    ]


def test_empty_rows_are_no_videos(write_table):
    rows, refused = check_table(read_table(write_table("video,split\n,\na,test\n,\n")), "t")
    assert ([row.video for row in rows], refused) == (["a"], [])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("video;split\na;test\n", "cells between ';'"),
        ("video\tsplit\na\ttest\n", "cells between '.t'"),
        ("video,split,split\na,test,test\n", "the column 'split' more than once"),
        ("vidoe,split\na,test\n", "did you mean video"),
    ],
)
def test_a_header_that_is_wrong_is_told_as_what_it_is(write_table, text, fault):
    with pytest.raises(UserError, match=fault):
        check_table(read_table(write_table(text)), "t")


def test_a_folder_is_no_table_and_other_encodings_are_named(tmp_path):
    with pytest.raises(UserError, match="no file but a folder"):
        read_table(tmp_path)
    path = tmp_path / "videos.csv"
    path.write_text("video\na\n", "utf-16")
    with pytest.raises(UserError, match="not in UTF-8"):
        read_table(path)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("", "utf-8"),
        ("# nothing but a comment\n", "utf-8"),
        ("video,split\na,train\nb,test,x,y,z\n", "utf-8"),
        ("video\nöl\n", "latin-1"),
    ],
)
def test_what_is_no_table_is_refused(write_table, text, encoding):
    path = write_table(text, encoding)
    with pytest.raises(UserError, match=r"cannot be read: .*; correct or remove it") as error:
        read_table(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    "text", ["video,split,note\na,train,one, two\nb,test,\n", "video,split\na,train,\nb,test,\n"]
)
def test_cells_beyond_the_last_column_are_refused_and_do_not_shift_the_others(write_table, text):
    table = read_table(write_table(text))
    with pytest.raises(UserError, match=r"t has more cells in a row than columns; .* in quotes"):
        check_table(table, "t")
