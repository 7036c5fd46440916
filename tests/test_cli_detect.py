import os
import signal

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from fgstp.cli import main
from fgstp.core.errors import UserError
from fgstp.models.loading import find_model

FAST = ["--model", "background"]


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(60):
        frame = rng.integers(90, 110, (32, 40), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{number:03}.png"), frame)
    return folder


def _detect(tmp_path, *arguments):
    out = ["--out", str(tmp_path / "out")]
    return CliRunner().invoke(main, ["detect", *map(str, arguments), *FAST, *out])


def test_what_is_odd_about_footage_is_told_beside_the_sentence(tmp_path, pictures):
    result = _detect(tmp_path, pictures)
    assert result.exit_code == 0, result.output
    assert "pictures: no leak in 4 s" in result.stdout
    assert "frame rate unknown, taken as 15 Hz; state it by --fps" in result.stderr
    quiet = _detect(tmp_path, pictures, "--quiet")
    assert quiet.stdout == quiet.stderr == ""


def test_pictures_have_the_rate_that_is_stated(tmp_path, pictures):
    result = _detect(tmp_path, pictures, "--fps", "1")
    assert result.exit_code == 0, result.output
    assert "pictures: no leak in 59 s" in result.stdout
    assert not result.stderr


def test_streams_have_times_of_their_own(tmp_path):
    result = _detect(tmp_path, "rtsp://localhost/1", "--fps", "1")
    assert result.exit_code == 1
    assert "--fps is for videos" in result.stderr


@pytest.mark.parametrize("option", ["--threshold", "--fps", "--false-alarms-per-hour"])
def test_nan_is_no_number(tmp_path, pictures, option):
    result = _detect(tmp_path, pictures, option, "nan")
    assert result.exit_code == 2
    assert "nan is no number" in result.stderr


def test_a_shard_may_be_empty(tmp_path, pictures):
    result = _detect(tmp_path, pictures, "--shard", "2/2")
    assert result.exit_code == 0
    assert result.stdout == "There is no source in this shard.\n"


def test_a_service_that_is_stopped_keeps_what_it_found(tmp_path, pictures, monkeypatch):
    from fgstp.detection.report import DetectionReport

    taken = DetectionReport.take

    def take(report, result):
        taken(report, result)
        if report.n_frames == 20:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(DetectionReport, "take", take)
    before = signal.getsignal(signal.SIGTERM)
    result = _detect(tmp_path, pictures)
    assert result.exit_code == 1
    assert "Stopped; what was found until then is in" in result.stderr
    assert {"events.jsonl", "events.csv", "summary.html", "timeline.png", "timeline.svg"} == {
        path.name for path in (tmp_path / "out" / "pictures").iterdir()
    }
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("name", "told"),
    [("fgstp", "comes without weights"), ("wips", "did you mean wisp?"), ("a.ckpt", "no file a")],
)
def test_models_without_weights_are_told(name, told):
    with pytest.raises(UserError, match=told.replace("?", r"\?")):
        find_model(name)
