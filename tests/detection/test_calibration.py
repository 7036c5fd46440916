import json
import logging

import numpy as np
import pytest
from click.testing import CliRunner

from fgstp import create_model
from fgstp.cli import main
from fgstp.core.errors import UserError
from fgstp.detection.calibrate import calibrate
from fgstp.detection.calibration import calibrated, read_calibration
from fgstp.detection.detector import Detector
from fgstp.detection.settings import DetectionSettings
from fgstp.detection.tail import Tail
from fgstp.detection.zones import Zones

FPS_HZ, SIZE = 5, (60, 80)


@pytest.fixture(scope="module")
def calm(tmp_path_factory, footage):
    """A video of 36 s, of which 6 s are watched, and one of another size."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("footage")
    scene = np.linspace(40, 180, SIZE[1])
    frames = np.rint(scene + rng.normal(0, 1, (36 * FPS_HZ, *SIZE))).astype(np.uint8)
    footage.video(folder / "small.mkv", frames[:, :48], fps=FPS_HZ)
    return footage.video(folder / "calm.mkv", frames, fps=FPS_HZ)


@pytest.fixture
def detector():
    return Detector(create_model("background"))


@pytest.fixture
def site(calm, detector):
    return calibrate(detector, [calm], 1.0)


@pytest.fixture
def carried(site):
    """A calibration that hours of footage carry."""
    tail = Tail(level=5, scale=3, shape=0, per_hour=6)
    facts = {"tail": tail, "hours": 20.0, "calibrated": True, "alarm_threshold": 12.5}
    return site.model_copy(update=facts)


def test_a_file_gives_back_what_was_written(site, carried, tmp_path):
    for number, each in enumerate((site, carried)):
        path = tmp_path / "new" / f"{number}.json"
        each.write(path)
        assert read_calibration(path) == each


def test_a_detector_gets_the_threshold_of_its_site(detector, carried, tmp_path, caplog):
    carried.write(tmp_path / "site.json")
    found = calibrated(detector, tmp_path / "site.json")
    assert found.settings.alarms.threshold == 12.5
    assert found.settings.threshold == detector.settings.threshold
    assert found.size == SIZE
    other = calibrated(detector, tmp_path / "site.json", 0.6)
    assert other.settings.alarms.threshold == pytest.approx(5 + 3 * np.log(10))
    assert caplog.text == ""
    calibrated(detector, tmp_path / "site.json", 0.001)
    assert "20 h cannot tell of a rate of 0.001 an hour" in caplog.text


def test_what_the_footage_does_not_carry_is_told(detector, site, tmp_path, caplog):
    site.write(tmp_path / "site.json")
    with caplog.at_level(logging.WARNING):
        calibrated(detector, tmp_path / "site.json")
    assert "site.json is uncalibrated" in caplog.text
    with pytest.raises(UserError, match="too few peaks"):
        calibrated(detector, tmp_path / "site.json", 2.0)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: Detector("wisp"), "the model background, not wisp"),
        (lambda: Detector(create_model("background", {"method": "energy"})), "other weights"),
        (
            lambda: Detector(create_model("background"), DetectionSettings(threshold=0.3)),
            "another setting of threshold",
        ),
        (
            lambda: Detector(
                create_model("background"),
                DetectionSettings.model_validate({"alarms": {"memory_s": 9}}),
            ),
            "another setting of alarms",
        ),
        (
            lambda: Detector(
                create_model("background"), zones=Zones(ignore={"a": [(0, 0), (5, 0), (5, 5)]})
            ),
            "other zones",
        ),
    ],
)
def test_a_calibration_of_something_else_is_refused(carried, tmp_path, other, message):
    carried.write(tmp_path / "site.json")
    with pytest.raises(UserError, match=message):
        calibrated(other(), tmp_path / "site.json")


def test_footage_of_another_size_is_refused(detector, carried, calm, tmp_path):
    carried.write(tmp_path / "site.json")
    with pytest.raises(UserError, match=r"80 x 48 pixels.*80 x 60"):
        calibrated(detector, tmp_path / "site.json").detect(calm.with_name("small.mkv"))


@pytest.mark.parametrize("content", ["", "{}", "[1, 2", '{"model": 1}', "null"])
def test_a_damaged_file_is_refused(detector, tmp_path, content):
    path = tmp_path / "site.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"site\.json is no calibration.*calibrate again"):
        calibrated(detector, path)
    with pytest.raises(UserError, match="cannot be read"):
        calibrated(detector, tmp_path / "nothing.json")


def test_the_commands_work_together(calm, tmp_path):
    def run(*arguments):
        return CliRunner().invoke(main, [*arguments, "--model", "background"])

    path = tmp_path / "site.json"
    result = run("calibrate", str(calm), "--out", str(path))
    assert result.exit_code == 0, result.output
    assert "80 x 60 pixels" in result.output
    assert "Uncalibrated: 0 peaks are too few" in result.output
    assert json.loads(path.read_text())["hours"] == pytest.approx(6 / 3600, rel=0.05)

    detect = ["detect", str(calm), "--out", str(tmp_path / "out"), "--threshold", "auto"]
    result = run(*detect, "--calibration", str(path))
    assert result.exit_code == 0, result.output
    assert "calm.mkv: no leak" in result.output
    for more, message in (
        (["--false-alarms-per-hour", "2"], "needs --calibration"),
        (["--calibration", str(path), "--false-alarms-per-hour", "2"], "too few peaks"),
        (["--calibration", str(path), "--threshold", "0.2"], "another setting of threshold"),
        (["--threshold", "1.5"], "1.5 is not in the range"),
    ):
        result = run(*detect, *more)
        assert result.exit_code != 0
        assert message in result.output
        assert "Traceback" not in result.output
