import json

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from fgstp.cli import cli, main
from fgstp.plumes import SyntheticVideo

SMALL = ["--fps", "5", "--width", "80", "--height", "60"]


def _render(out, *more, category="close_clear", seed="1", seconds="8"):
    arguments = ["plumes", "render", "--category", category, "--seed", seed]
    arguments += ["--seconds", seconds, "--out", str(out), *SMALL, *more]
    return CliRunner().invoke(main, arguments)


def _read(path):
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        good, frame = capture.read()
        if not good:
            return np.array(frames)
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))


@pytest.mark.parametrize(("suffix", "tolerance"), [(".mkv", 0.0), (".avi", 0.0), (".mp4", 3.0)])
def test_render_writes_video_masks_and_facts(tmp_path, suffix, tolerance):
    out = tmp_path / "new" / f"plume{suffix}"
    result = _render(out)
    assert result.exit_code == 0, result.output

    video = SyntheticVideo("close_clear", 1, n_frames=40, fps_hz=5.0, height_px=60, width_px=80)
    frames = list(video)
    written = _read(out)
    assert len(written) == 40
    error = np.abs(written - np.array([frame.grey for frame in frames], float))
    assert error.mean(axis=(1, 2)).max() <= tolerance

    masks = sorted((tmp_path / "new" / "plume_masks").iterdir())
    assert [mask.name for mask in masks] == [f"{i:06d}.png" for i in range(40)]
    for path, frame in zip(masks, frames, strict=True):
        np.testing.assert_array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), 255 * frame.mask)
    assert any(frame.mask.any() for frame in frames)

    facts = json.loads((tmp_path / "new" / "plume.json").read_text())
    assert facts == {
        "category": "close_clear",
        "seed": 1,
        "conditions": "demo",
        "fps_hz": 5.0,
        "distance_m": 4.6,
        "source_xy_px": list(video.source_xy_px),
        "still_plumes": 0,
        "leak_class": [frame.leak_class for frame in frames],
        "leak_rate_g_per_h": [frame.leak_rate_g_per_h for frame in frames],
    }
    assert {path.name for path in out.parent.iterdir()} == {out.name, "plume_masks", "plume.json"}


def test_still_plumes_are_rendered_and_recorded(tmp_path):
    result = _render(tmp_path / "still.mkv", "--still-plumes", "2", seconds="0.4")
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "still.json").read_text())["still_plumes"] == 2

    size = {"fps_hz": 5.0, "height_px": 60, "width_px": 80}
    video = SyntheticVideo("close_clear", 1, n_frames=2, still_plumes=2, **size)
    np.testing.assert_array_equal(_read(tmp_path / "still.mkv"), [frame.grey for frame in video])


def test_rendering_again_replaces_what_was_there(tmp_path):
    out = tmp_path / "plume.mkv"
    assert _render(out, seconds="2").exit_code == 0
    assert _render(out, seconds="1").exit_code == 0
    assert len(list((tmp_path / "plume_masks").iterdir())) == 5
    assert len(_read(out)) == 5


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("plume.gif", {}, ".avi, .mkv, .mp4"),
        ("plume", {}, "suffix"),
        ("file/plume.mkv", {}, "choose a folder"),
        ("plume.mkv", {"seconds": "0"}, "--seconds above 0"),
        ("plume.mkv", {"seconds": "nan"}, "--seconds above 0"),
        ("plume.mkv", {"category": "nowhere"}, "long_complex"),
        ("plume.mkv", {"seconds": "1e12"}, "up to 86400"),
        ("plume.mkv", {"category": "close_claer"}, "did you mean close_clear?"),
        ("plume.mkv", {"seed": "-3"}, "0 or more"),
    ],
)
def test_mistakes_are_reported_in_one_sentence_and_leave_nothing(tmp_path, name, change, message):
    (tmp_path / "file").touch()
    result = _render(tmp_path / name, **change)

    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_error_midway_leaves_nothing(tmp_path, monkeypatch):
    def broken(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fgstp.plumes.render._write_mask", broken)
    result = _render(tmp_path / "plume.mkv")

    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert not list(tmp_path.iterdir())


def test_kedros_entry_point_reports_mistakes_in_one_sentence_too(tmp_path):
    # Kedro takes the commands out of the group that it finds under the name `cli`.
    arguments = ["render", "--category", "nowhere", "--seed", "1", "--seconds", "1"]
    result = CliRunner().invoke(
        cli.commands["plumes"], [*arguments, "--out", str(tmp_path / "plume.mkv")]
    )
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "category" in result.stderr


def test_statistics_of_footage_are_printed_for_each_source(tmp_path):
    video = tmp_path / "a.mkv"
    _render(video, seconds="4")
    (tmp_path / "b.mp4").write_bytes(b"")
    result = CliRunner().invoke(
        main,
        [
            *("footage-statistics", str(tmp_path), str(video), "synthetic:wide"),
            *("--videos", "1", "--seconds", "3", "--fps", "5"),
        ],
    )
    assert result.exit_code == 0, result.output
    assert f"{video}: 1 video\n" in result.output
    assert "synthetic:wide: 1 video\n" in result.output
    assert "b.mp4" in result.output.partition(str(video))[0]
    assert result.output.count("contrast (levels)") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.mp4"], "nowhere.mp4"),
        (["synthetic:wied"], "wide"),
        (["synthetic:demo", "--videos", "0"], "--videos"),
        (["synthetic:demo", "--seconds", "0"], "--seconds"),
        (["synthetic:demo", "--fps", "nan"], "--fps"),
    ],
)
def test_wrong_sources_of_statistics_are_told(arguments, message):
    result = CliRunner().invoke(main, ["footage-statistics", *arguments])
    assert result.exit_code != 0
    assert message in result.output.splitlines()[-1]  # after how to call it, if that is wrong


# ----------------------------------------------------------------------------- detect


@pytest.fixture(scope="module")
def pads(tmp_path_factory):
    """Three short videos."""
    folder = tmp_path_factory.mktemp("pads")
    for name in "abc":
        assert _render(folder / f"{name}.mkv", seconds="2").exit_code == 0
    return folder


def _detect(out, *more):
    arguments = ["detect", *map(str, more), "--model", "background", "--out", str(out)]
    return CliRunner().invoke(main, arguments)


def test_shards_share_the_videos_and_their_page(pads, tmp_path):
    told = []
    for shard in ("1/2", "2/2"):
        result = _detect(tmp_path, pads, "--shard", shard)
        assert result.exit_code == 0, result.output
        told += [line[:6] for line in result.output.splitlines() if ": no leak in 2 s" in line]
    assert told == ["a.mkv:", "c.mkv:", "b.mkv:"]
    page = (tmp_path / "index.html").read_text("utf-8")
    assert all(f"{name}/summary.html" in page for name in "abc")


def test_a_manifest_is_watched_in_shards_and_merged(pads, tmp_path):
    manifest = tmp_path / "archive.csv"
    manifest.write_text("source\n" + "\n".join(str(pads / f"{name}.mkv") for name in "abc"))
    archive = ("--manifest", manifest)
    first = _detect(tmp_path / "out", *archive, "--shard", "1/2")
    assert (first.exit_code, first.output.count("no leak in 2 s")) == (0, 2)
    early = _detect(tmp_path / "out", *archive, "--merge")
    assert early.exit_code == 1
    assert early.output.splitlines()[-1].startswith("Error: 1 of 3 sources are not finished: ")
    rest = _detect(tmp_path / "out", *archive)
    assert (rest.exit_code, rest.output.count("no leak in 2 s")) == (0, 1)
    assert "3 sources, 2 of them before" in rest.output
    merged = _detect(tmp_path / "out", *archive, "--merge")
    assert merged.exit_code == 0
    assert "3 sources, 5 s together: 0 events; 0 sources could not be read" in merged.output
    names = ("index.html", "events.csv", "sources.csv", "timeline.png")
    assert all((tmp_path / "out" / name).is_file() for name in names)


def test_zones_of_a_row_come_before_those_of_all(pads, tmp_path):
    (tmp_path / "own.yml").write_text("watch: {far: [[900, 900], [950, 900], [950, 950]]}")
    (tmp_path / "all.yml").write_text("watch: {near: [[0, 0], [40, 0], [40, 40]]}")
    rows = f"source,zones\n{pads / 'a.mkv'},own.yml\n{pads / 'b.mkv'},\n{pads / 'c.mkv'},no.yml\n"
    (tmp_path / "archive.csv").write_text(rows)
    options = ("--manifest", tmp_path / "archive.csv", "--zones", tmp_path / "all.yml")
    result = _detect(tmp_path / "out", *options)
    assert result.exit_code == 1
    assert "Error: 2 of 3 sources cannot be watched" in result.output
    assert "b.mkv: no leak in 2 s" in result.output


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ([], 2, "Missing argument 'SOURCE...' or option '--manifest'"),
        (["a.mkv", "--manifest", "m.csv"], 1, "not both"),
        (["a.mkv", "--merge"], 1, "--merge needs the --manifest"),
        (["--manifest", "m.csv", "--merge", "--shard", "1/2"], 1, "leave out --shard"),
        (["--manifest", "nowhere.csv"], 1, "nowhere.csv cannot be read"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tmp_path, options, code, message):
    result = _detect(tmp_path, *options)
    assert result.exit_code == code
    assert message in result.output


@pytest.mark.parametrize("shard", ["0/2", "3/2", "2", "a/b", "1/0"])
def test_an_impossible_shard_is_refused(pads, tmp_path, shard):
    result = _detect(tmp_path, pads, "--shard", shard)
    assert result.exit_code == 2
    assert "is no part i/n" in result.output


def test_quiet_prints_nothing_and_writes_the_same(pads, tmp_path):
    result = _detect(tmp_path, pads / "a.mkv", "--quiet", "--save", "--save-masks")
    assert (result.exit_code, result.output) == (0, "")
    assert {path.name for path in (tmp_path / "a").iterdir()} == {
        *("events.csv", "events.jsonl", "overlay.webm", "a_masks", "summary.html"),
        *("timeline.png", "timeline.svg"),
    }


def test_a_window_needs_a_display(pads, tmp_path, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    result = _detect(tmp_path, pads / "a.mkv", "--show")
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].startswith("Error: A window cannot be shown here")


@pytest.mark.parametrize(
    ("options", "codec", "words"),
    [
        (["--save", "--format", "mp4"], "libx264", "H.264 (libx264), as mp4 needs"),
        (["--save"], "libvpx-vp9", "VP9 (libvpx-vp9), as webm needs"),
        (["--clips"], "libvpx-vp9", "VP9 (libvpx-vp9), as webm needs"),
    ],
)
def test_a_missing_encoder_is_told_before_any_video_is_watched(
    pads, tmp_path, without_encoder, options, codec, words
):
    without_encoder(codec)
    result = _detect(tmp_path / "out", pads, *options)
    assert result.exit_code == 1
    [sentence] = result.output.splitlines()
    assert sentence.startswith(f"Error: This PyAV cannot encode {words}; choose another format ")
    assert not (tmp_path / "out").exists()
    assert _detect(tmp_path / "out", pads / "a.mkv").exit_code == 0
