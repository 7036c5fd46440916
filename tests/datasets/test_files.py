import json

import pandas as pd
import pytest
from kedro.io import DatasetError

from fgstp.datasets.files import JSONDataset, TableDataset, TextDataset
from fgstp.footage.clip_table import CLIP_COLUMNS, VIDEO_COLUMNS, table
from fgstp.hooks import user_sentence

TABLE = pd.DataFrame(
    {
        "video": ["NA", "a"],
        "leak_class": pd.array([3, None], "Int64"),
        "iou": [0.1 + 0.2, float("nan")],
        "gas": [True, False],
    }
)
KINDS = {  # by suffix: the class, something to write, and what writes it
    "csv": (TableDataset, TABLE, "pandas.DataFrame.to_csv"),
    "parquet": (TableDataset, TABLE, "pandas.DataFrame.to_parquet"),
    "json": (JSONDataset, {"by": [1, None, "漏れ"]}, "pathlib.Path.write_text"),
    "md": (TextDataset, "# Gaswölkchen 漏れ\n", "pathlib.Path.write_text"),
}


def sentence(dataset):
    with pytest.raises(DatasetError) as caught:
        dataset.load()
    return user_sentence(caught.value)


def assert_same(one, other):
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other, check_dtype=False, check_exact=True)
    else:
        assert one == other


@pytest.mark.parametrize("suffix", KINDS)
def test_what_is_loaded_is_what_was_saved(tmp_path, suffix):
    kind, content, _ = KINDS[suffix]
    dataset = kind(f"{tmp_path}/new [1]/a.{suffix}")
    assert not dataset.exists()
    dataset.save(content)
    assert dataset.exists()
    assert_same(dataset.load(), content)
    assert f"new [1]/a.{suffix}" in str(dataset)


@pytest.mark.parametrize("suffix", KINDS)
def test_breaking_off_leaves_the_old_file(tmp_path, monkeypatch, suffix):
    kind, content, writer = KINDS[suffix]
    dataset = kind(f"{tmp_path}/a.{suffix}")
    dataset.save(content)
    before = (tmp_path / f"a.{suffix}").read_bytes()

    def half(one, other, *_, **__):
        (other if isinstance(one, pd.DataFrame) else one).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer, half)
    with pytest.raises(DatasetError, match="No space left on device; free some space"):
        dataset.save(content)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {f"a.{suffix}": before}


@pytest.mark.parametrize("suffix", KINDS)
@pytest.mark.parametrize("content", [None, b"", b'a,b\n1,"half', b"\xff\xfe\x00"])
def test_what_cannot_be_read_is_one_sentence(tmp_path, suffix, content):
    path = tmp_path / f"a.{suffix}"
    if content is not None:
        path.write_bytes(content)
    if suffix == "md" and content in (b"", b'a,b\n1,"half'):
        return  # that is text
    said = sentence(KINDS[suffix][0](str(path)))
    assert said.startswith(f"{path} cannot be read (")
    assert said.endswith("); run the pipeline that writes it.")
    assert "\n" not in said


SCORES = {
    "model": "fgstp",
    "footage": "synthetic plumes",
    "mask_sources": ["synthetic"],
    "trainings": [{"number": 1, "checkpoint_sha256": "a"}],
    "n_test_clips": 2,
    "protocols": {"paper": {"iou": 0.5}},
    "detection": {},
}


@pytest.mark.parametrize(
    "content",
    [
        *([], 3, "text", {}, [SCORES]),
        *({key: value for key, value in SCORES.items() if key != gone} for gone in SCORES),
        *(SCORES | {key: 3.5} for key in SCORES),
        SCORES | {"trainings": [{"number": "first", "checkpoint_sha256": "a"}]},
    ],
)
def test_scores_of_another_shape_say_what_makes_them_again(tmp_path, content):
    dataset = JSONDataset(f"{tmp_path}/a.json", kind="fgstp.scoring.results.ModelScores")
    dataset.save(SCORES)
    assert dataset.load() == SCORES
    dataset.save(content)
    assert sentence(dataset).endswith("; run `kedro run --pipelines=evaluate`.")


@pytest.mark.parametrize("columns", ["clips", "videos"])
@pytest.mark.parametrize("name", ["../a", "/etc/a", "a/../../b", ".a", "a\rb", " ", None, "b"])
def test_names_that_leave_the_data_folder_or_stand_twice_are_refused(tmp_path, columns, name):
    key = columns[:-1]
    types = CLIP_COLUMNS if columns == "clips" else VIDEO_COLUMNS
    dataset = TableDataset(f"{tmp_path}/a.csv", columns=columns)
    dataset.save(table([{key: "a"}, {key: "b"}], types))
    assert list(dataset.load()[key]) == ["a", "b"]
    dataset.save(table([{key: name}, {key: "b"}], types))
    assert sentence(dataset).endswith("; run `kedro run --pipelines=ingest` first.")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("split", "tset"), ("split", "NA"), ("mask_source", "guess"), ("frames", "1.5")),
        *(("frames", "0"), ("frames", "-3"), ("first_frame", "-1"), ("annotated_frames", "-1")),
        *(("frames", "many"), ("frames", "1e400")),
    ],
)
def test_values_of_clips_that_cannot_be_are_refused(tmp_path, column, value):
    row = {"clip": "a_0000", "video": "a", "first_frame": 0, "frames": 3, "annotated_frames": 0}
    row |= {"split": "train", "mask_source": "none"}
    dataset = TableDataset(f"{tmp_path}/a.csv", columns="clips")
    dataset.save(table([row], CLIP_COLUMNS))
    assert len(dataset.load()) == 1
    pd.DataFrame([dict.fromkeys(CLIP_COLUMNS, "") | row | {column: value}]).to_csv(
        tmp_path / "a.csv", index=False
    )
    assert sentence(dataset).endswith("; run `kedro run --pipelines=ingest` first.")


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf")])
def test_impossible_rates_are_refused(tmp_path, rate):
    dataset = TableDataset(f"{tmp_path}/a.csv", columns="videos")
    dataset.save(table([{"video": "a", "fps_hz": rate}], VIDEO_COLUMNS))
    assert "the fps_hz of a is impossible" in sentence(dataset)


def test_names_of_refused_videos_may_be_any(tmp_path):
    dataset = TableDataset(f"{tmp_path}/a.csv", columns="videos")
    dataset.save(table([{"video": "../a", "error": "bad name"}, {"video": "b"}], VIDEO_COLUMNS))
    assert list(dataset.load()["video"]) == ["../a", "b"]


# ------------------------------------------------------------------ a file of each model


@pytest.mark.parametrize("folder", ["my data", "data [2024] (copy)", "donnée?", "sub/data"])
@pytest.mark.parametrize("suffix", ["json", "csv", "parquet"])
@pytest.mark.parametrize("name", ["*", "s-*-1"])
def test_one_model_is_written_and_all_are_read(tmp_path, folder, suffix, name):
    kind, content, _ = KINDS[suffix]
    path = f"{tmp_path}/{folder}/{name}.{suffix}"
    fgstp, background = kind(path, model="fgstp"), kind(path, model="background")
    assert fgstp.load() == {}
    fgstp.save(content)
    assert fgstp.exists()
    assert not background.exists()
    assert list(background.load()) == ["fgstp"]
    background.save(content)
    loaded = fgstp.load()
    assert list(loaded) == ["background", "fgstp"]
    for each in loaded.values():
        assert_same(each, content)


def test_the_folder_may_be_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for pattern in ("*.json", "./*.json", "data/*.json"):
        JSONDataset(pattern, model="fgstp").save([pattern])
        assert JSONDataset(pattern, model="mg").load() == {"fgstp": [pattern]}


@pytest.mark.parametrize("pattern", ["s-*.json", "*.json"])
def test_other_files_in_the_folder_are_of_no_model(tmp_path, pattern):
    others = {"s-*.json": ["s.json", "s-a.csv", "old-s-a.json"], "*.json": ["a.csv", "json"]}
    for name in [*others[pattern], ".tmp-s-mg.json"]:  # the last one of a killed run
        (tmp_path / name).write_text("no JSON")
    dataset = JSONDataset(f"{tmp_path}/{pattern}", model="fgstp")
    dataset.save(1)
    assert dataset.load() == {"fgstp": 1}


@pytest.mark.parametrize(
    ("name", "model"), [("a", "fgstp"), ("*/*", "fgstp"), ("*/a", "fgstp"), ("*", None)]
)
def test_a_path_that_cannot_serve_is_told_when_the_catalog_is_built(tmp_path, name, model):
    with pytest.raises(DatasetError, match=r"must hold one \*"):
        JSONDataset(f"{tmp_path}/{name}.json", model=model)


# ------------------------------------------------------------------------ kinds of tables


def test_types_and_missing_values_survive_a_round_trip(tmp_path):
    rows = [
        {"clip": "NA", "video": "NA", "first_frame": 0, "frames": 10, "gas_fraction": 0.25},
        {"clip": "007", "video": "a", "dropped": "duplicate", "repeats": "NA", "leak_class": 3},
    ]
    remarks = 'Gaswölkchen, "漏れ"; 5 %'
    for columns, frame in (
        ("clips", table(rows, CLIP_COLUMNS)),
        ("videos", table([{"video": "a", "frames": 5, "remarks": remarks}], VIDEO_COLUMNS)),
    ):
        dataset = TableDataset(f"{tmp_path}/{columns}.csv", columns=columns)
        dataset.save(frame)
        pd.testing.assert_frame_equal(dataset.load(), frame)


HOSTILE = ["NA", "null", "None", "nan", "0007", "1e5", "True", "-", "a,b", 'a"b', " a", "#1"]


@pytest.mark.parametrize(
    ("name", "columns", "shape"),
    [
        ("videos.csv", "videos", lambda names: table([{"video": n} for n in names], VIDEO_COLUMNS)),
        (
            "clips.csv",
            "clips",
            lambda names: table([{"clip": n, "video": n} for n in names], CLIP_COLUMNS),
        ),
        (
            "summaries.csv",
            None,
            lambda names: pd.DataFrame({"by": "video", "group": names, "value": 0.5}),
        ),
        (
            "frames.parquet",
            None,
            lambda names: pd.DataFrame({"video": names, "clip": names, "gas": True}),
        ),
    ],
)
@pytest.mark.parametrize("names", [HOSTILE, ["0007", "08"], ["NA"]])
def test_a_video_comes_back_under_its_name(tmp_path, name, columns, shape, names):
    dataset = TableDataset(str(tmp_path / name), columns=columns)
    dataset.save(shape(names))
    back = dataset.load()
    for column in {"video", "clip", "group"} & {*back.columns} & {*shape(names).dropna(axis=1)}:
        assert back[column].tolist() == names


@pytest.mark.parametrize("content", [None, "", "video\na\n"])
def test_a_table_of_ingest_that_cannot_be_read_is_told_with_the_remedy(tmp_path, content):
    path = tmp_path / "t.csv"
    if content is not None:
        path.write_text(content)
    said = sentence(TableDataset(str(path), columns="videos"))
    assert said.startswith(f"{path} cannot be read (")
    assert said.endswith("); run `kedro run --pipelines=ingest` first.")


def test_tables_that_people_write_are_text_with_comments(tmp_path):
    path = tmp_path / "videos.csv"
    dataset = TableDataset(str(path), columns="text")
    assert sentence(dataset).startswith(f"The table {path} cannot be read: ")
    path.write_text("# a comment\nvideo,split,note\n007,,no #2\n", "utf-8")
    assert dataset.load().to_dict("records") == [{"video": "007", "split": "", "note": "no #2"}]


# ----------------------------------------------------------------- previews for Kedro-Viz


def preview(dataset, content):
    """The preview, and the name of its type, by which Kedro-Viz knows how to show it."""
    dataset.save(content)
    return dataset.preview.__annotations__["return"].__name__, dataset.preview()


@pytest.mark.parametrize("name", ["*.csv", "*.parquet"])
def test_preview_of_a_table(tmp_path, name):
    dataset = TableDataset(f"{tmp_path}/{name}", model="fgstp")
    kind, shown = preview(dataset, TABLE)
    assert kind == "TablePreview"
    assert shown["columns"] == list(TABLE)
    assert shown["data"] == [["NA", 3, 0.3, True], ["a", "", "", False]]
    assert len(dataset.preview(rows=1)["data"]) == 1


def test_preview_of_json(tmp_path):
    dataset = JSONDataset(f"{tmp_path}/*.json", model="fgstp")
    kind, shown = preview(dataset, {"iou": float("nan"), "n": [1]})
    assert kind == "JSONPreview"
    assert json.loads(shown, parse_constant=pytest.fail) == {"iou": None, "n": [1]}


@pytest.mark.parametrize(
    ("suffix", "text", "expected"),
    [
        ("txt", "a < b\n c", "<pre>a &lt; b\n c</pre>"),
        # Underscores of names are no Markdown.
        ("md", "long_clear", "long\N{MODIFIER LETTER LOW MACRON}clear"),
        ("md", "| a |\n| --: |\n| 1 |\n- c\n", "| a |\n|--:|\n| 1 |\n• c\n"),
        (
            "html",
            "<head>\n</head>\n<style>p {}</style><p\n>a<small>b</small></p>",
            " <p >a<br><small>b</small></p>",
        ),
    ],
)
def test_preview_of_text(tmp_path, suffix, text, expected):
    kind, shown = preview(TextDataset(f"{tmp_path}/a.{suffix}"), text)
    assert (kind, shown) == ("HTMLPreview", expected)
