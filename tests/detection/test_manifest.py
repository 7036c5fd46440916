import pytest

from fgstp.core.errors import UserError
from fgstp.detection.manifest import read_manifest


def manifest(folder, text):
    path = folder / "archive.csv"
    path.write_text(text, "utf-8")
    return path


def test_rows_are_read_relative_to_the_manifest(tmp_path):
    text = "\ufeffzones,source\nz.yml,cam1/mon.mkv\n\n,/far/mon.mkv\n"  # as a spreadsheet writes it
    first, second = read_manifest(manifest(tmp_path, text))
    assert (first.source, first.zones) == (tmp_path / "cam1/mon.mkv", tmp_path / "z.yml")
    assert (str(second.source), second.zones, second.calibration) == ("/far/mon.mkv", None, None)
    assert [first.name, second.name] == ["cam1_mon", "far_mon"]
    assert [first.place, second.place] == ["archive.csv, line 2", "archive.csv, line 4"]


def test_names_are_distinct_and_short(tmp_path):
    sources = ["a/b.mkv", "a_b.mkv", "a_b-2.mkv", "pads/cam.1", "x" * 300 + ".mkv", "../.tmp-1.mkv"]
    entries = read_manifest(manifest(tmp_path, "\n".join(["source", *sources])))
    names = [entry.name for entry in entries]
    assert names[:4] == ["a_b", "a_b-2", "a_b-2-2", "pads_cam.1"]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 110 and name[0] != "." for name in names)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: name the column source"),
        ("zones\nz.yml\n", "line 1: name the column source"),
        ("source,source\na,b\n", "each column once"),
        ("source\n", "names no source"),
        ("source,zone\na.mkv,z\n", r"line 1: there is no column 'zone' \(did you mean zones\?\)"),
        ("source,zones\na.mkv,z\n,z\n", "line 3: it names no source"),
        ("source\na.mkv,b.mkv\n", "line 2: it has 2 cells, but there are 1 columns"),
        ("source\na.mkv\nb.mkv\n./c/../a.mkv\n", "line 4: ./c/../a.mkv is that of line 2 too"),
        ("source\nrtsp://camera/1\n", "line 2: a stream has no end"),
        ('source\n"a.mkv\n', "cannot be read"),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        read_manifest(manifest(tmp_path, text))


def test_a_manifest_that_is_none_is_told(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere.csv"):
        with pytest.raises(UserError, match=r"The manifest .* cannot be read"):
            read_manifest(path)
    (tmp_path / "latin.csv").write_bytes(b"source\n\xe9.mkv\n")
    with pytest.raises(UserError, match="UTF-8"):
        read_manifest(tmp_path / "latin.csv")
