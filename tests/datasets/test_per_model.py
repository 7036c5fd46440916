import json

import pandas as pd
import pytest
from kedro.io import DatasetError

from fgstp.datasets.per_model import PerModelDataset
from fgstp.hooks import user_sentence

TABLE = pd.DataFrame(
    {
        "clip": ["a_0000", "a_0001"],
        "frame": [1, 2],
        "leak_class": pd.array([3, None], "Int64"),
        "iou": [0.1 + 0.2, float("nan")],
        "gas": [True, False],
    }
)
FOLDERS = ["data", "my data", "data [2024] (copy)", "donnée?", "sub/data"]


def datasets(folder, name="scores/*.json", models=("fgstp", "background")):
    """The dataset of each model, and the one of all."""
    path = f"{folder}/{name}"
    return *(PerModelDataset(path, model) for model in models), PerModelDataset(path)


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def sentence(dataset):
    with pytest.raises(DatasetError) as caught:
        dataset.load()
    return user_sentence(caught.value)


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("name", ["scores/*.json", "*/training.json", "*/a/b.json", "s-*-1.json"])
def test_one_model_and_all_models(tmp_path, folder, name):
    fgstp, background, every = datasets(tmp_path / folder, name)
    assert not fgstp.exists()
    assert not every.exists()
    fgstp.save({"iou": 0.5, "by": [1, None, "漏れ"]})
    assert fgstp.exists()
    assert every.exists()
    assert not background.exists()
    assert every.load() == {"fgstp": fgstp.load()}
    background.save({})
    assert fgstp.load() == {"iou": 0.5, "by": [1, None, "漏れ"]}
    assert every.load() == {"background": {}, "fgstp": fgstp.load()}
    path = tmp_path / folder / name.replace("*", "background")
    assert path.read_text("utf-8") == "{}\n"


def test_the_folder_may_be_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for pattern in ("*.json", "./*.json", "data/*.json"):
        PerModelDataset(pattern, "fgstp").save([pattern])
        assert PerModelDataset(pattern).load() == {"fgstp": [pattern]}


def test_other_files_in_the_folder_are_of_no_model(tmp_path):
    fgstp, _, every = datasets(tmp_path, "scores-*.json")
    fgstp.save(1)
    for name in ("scores.json", "scores-a.csv", "old-scores-a.json", "notes.txt"):
        (tmp_path / name).write_text("no JSON")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "scores-b.json").write_text("no JSON")
    assert every.load() == {"fgstp": 1}


def test_what_a_killed_run_left_is_of_no_model(tmp_path):
    fgstp, _, every = datasets(tmp_path, "*.json")
    (tmp_path / ".tmp-background.json").write_text('{"half')
    assert not every.exists()
    fgstp.save(1)
    assert every.load() == {"fgstp": 1}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_tables(tmp_path, suffix):
    fgstp, _, every = datasets(tmp_path / "new", f"*.{suffix}")
    fgstp.save(TABLE.iloc[::-1])  # with an index that is not kept
    expected = TABLE.iloc[::-1].reset_index(drop=True)
    exact = suffix == "parquet"  # a CSV file does not know the types
    for loaded in (fgstp.load(), every.load()["fgstp"]):
        pd.testing.assert_frame_equal(loaded, expected, check_dtype=exact, check_exact=True)


@pytest.mark.parametrize("suffix", ["json", "csv", "parquet"])
@pytest.mark.parametrize("content", [None, b"", b'a,b\n1,"half', b"\xff\xfe\x00"])
def test_what_cannot_be_read_is_told_with_the_remedy(tmp_path, suffix, content):
    fgstp, _, every = datasets(tmp_path, f"*.{suffix}")
    path = tmp_path / f"fgstp.{suffix}"
    if content is None:
        assert every.load() == {}
    else:
        path.write_bytes(content)
        assert sentence(every) == sentence(fgstp)
    said = sentence(fgstp)
    assert said.startswith(f"{path} cannot be read (")
    assert "--params=model=" in said
    assert said.endswith(" to make it.")
    assert "\n" not in said


def test_a_folder_in_the_place_of_the_file_is_told(tmp_path):
    fgstp, _, _ = datasets(tmp_path, "*.json")
    (tmp_path / "fgstp.json").mkdir()
    assert not fgstp.exists()
    assert "Is a directory" in sentence(fgstp)


def test_without_a_model_nothing_is_saved(tmp_path):
    _, _, every = datasets(tmp_path)
    with pytest.raises(DatasetError, match=r"scores/\*\.json stands for many files; save one"):
        every.save({"fgstp": 1})
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("scores.json", r"scores\.json must hold one \*"),
        ("*/*.json", r"must hold one \*, for the name of the model"),
        ("*.txt", r"\*\.txt must end in one of \.json, \.csv, \.parquet"),
        ("*", "must end in one of"),
    ],
)
def test_a_path_that_cannot_serve_is_told_when_the_catalog_is_built(tmp_path, name, message):
    for model in (None, "fgstp"):
        with pytest.raises(DatasetError, match=message):
            PerModelDataset(f"{tmp_path}/{name}", model)


@pytest.mark.parametrize(
    ("suffix", "writer", "data"),
    [
        ("json", "pathlib.Path.write_text", {"new": 1}),
        ("csv", "pandas.DataFrame.to_csv", TABLE),
        ("parquet", "pandas.DataFrame.to_parquet", TABLE),
    ],
)
def test_breaking_off_leaves_the_old_file(tmp_path, monkeypatch, suffix, writer, data):
    fgstp, _, _ = datasets(tmp_path, f"*.{suffix}")
    fgstp.save(data)
    path = tmp_path / f"fgstp.{suffix}"
    before = path.read_bytes()

    def half(_self, target, *_, **__):
        with open(target if suffix != "json" else _self, "wb") as stream:  # noqa: PTH123
            stream.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer, half)
    with pytest.raises(DatasetError, match="No space left on device; free some space"):
        fgstp.save(data)
    assert path.read_bytes() == before
    assert files(tmp_path) == [path.name]


def test_json_is_for_people_too(tmp_path):
    fgstp, _, _ = datasets(tmp_path, "*.json")
    fgstp.save({"a": {"b": 1}})
    text = (tmp_path / "fgstp.json").read_text("utf-8")
    assert len(text.splitlines()) == 5
    assert text.endswith("}\n")
    assert json.loads(text) == {"a": {"b": 1}}


def test_description_names_files_and_model(tmp_path):
    fgstp, _, every = datasets(tmp_path)
    assert "fgstp" in str(fgstp)
    assert str(tmp_path) in str(every)
