import cv2
import numpy as np
import pytest

from fgstp import Detector
from fgstp.core.config import Settings
from fgstp.core.errors import FootageError, UserError
from fgstp.detection.settings import DetectionSettings
from fgstp.detection.zones import Zones
from fgstp.footage.live import LiveFrame, LiveStream
from fgstp.models.base import Predictor
from fgstp.models.session import Session

FPS_HZ, SIZE = 10, (60, 80)
HERE = (slice(20, 30), slice(30, 44))


class BrightSession(Session):
    """Each frame with the one before it, so that the last is predicted at the end."""

    def _begin(self):
        self._waiting = []

    def _push(self, frame):
        waiting, self._waiting = self._waiting, [frame]
        return [self._map(each) for each in waiting]

    def _flush(self):
        return [self._map(each) for each in self._waiting]

    def _map(self, frame):
        return np.where(frame > 200, np.float32(0.95), np.float32(0.02))


class Bright(Predictor):
    """Takes what is bright for gas."""

    settings_class = Settings
    session_class = BrightSession
    name = "bright"
    prompt_kind = "none"

    def _build(self):
        pass


@pytest.fixture
def detector():
    settings = {"alarms": {"clear_s": 5.0}, "states": {"warm_up_s": 3.0}}
    return Detector(Bright(Settings()), DetectionSettings.model_validate(settings))


def video(path, bright):
    """A noisy video with a bright spot in the seconds `bright`."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), FPS_HZ, SIZE[::-1])
    rng = np.random.default_rng(0)
    scene = 80 + 400 * cv2.GaussianBlur(rng.normal(0, 1, SIZE), (0, 0), 4)
    for number in range(40 * FPS_HZ):
        frame = np.rint(scene + rng.normal(0, 2, SIZE)).clip(0, 190).astype(np.uint8)
        if bright[0] <= number / FPS_HZ < bright[1]:
            frame[HERE] = 230
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


def test_a_leak_is_found_where_and_when_it_is(detector, tmp_path):
    report = detector.detect(video(tmp_path / "pad.mkv", (8, 22)))
    (event,) = report.events
    assert event.start_s == pytest.approx(8, abs=1.5)
    assert 8 < event.alarm_s < 18
    assert event.end_s == pytest.approx(21.9)
    assert event.box == (30, 20, 14, 10)
    assert event.area_fraction == pytest.approx(140 / 4800)
    assert event.confidence == pytest.approx(0.95)
    assert 30 <= event.source_xy[0] < 44
    assert 20 <= event.source_xy[1] < 30
    assert (report.n_frames, report.duration_s) == (400, pytest.approx(39.9))
    assert [span.state for span in report.spans] == ["warming_up", "watching"]
    sentence = report.sentence()
    assert sentence.startswith("pad.mkv: 1 event in 40 s: 0:0")
    assert "-0:21 (confidence 0.95, 2.9% of the frame, source near x" in sentence
    assert "3 s warming up" in sentence


def test_without_a_leak_it_tells_what_was_watched(detector, tmp_path):
    report = detector.detect(video(tmp_path / "pad.mkv", (50, 60)))
    assert report.events == []
    assert report.sentence().startswith("pad.mkv: no leak in 40 s")


def test_results_come_frame_by_frame_with_what_goes_on(detector, tmp_path):
    results = list(detector.stream(video(tmp_path / "pad.mkv", (8, 60))))
    assert [result.time_s for result in results] == pytest.approx([n / FPS_HZ for n in range(400)])
    assert results[200].frame[25, 35] > 200 > results[200].frame[5, 5]
    assert results[200].map[25, 35] == np.float32(0.95)
    assert results[200].region.sum() == 140
    assert [event.number for event in results[200].events] == [1]
    changes = [change.kind for result in results for change in result.changes]
    assert (changes[0], changes[-1]) == ("new", "end")
    assert results[-1].changes[-1].event.end_s == pytest.approx(39.9)


def test_zones_decide_what_is_watched(tmp_path):
    zones = Zones(ignore={"flare": [(28, 18), (46, 18), (46, 32), (28, 32)]})
    detector = Detector(Bright(Settings()), zones=zones)
    assert detector.detect(video(tmp_path / "pad.mkv", (8, 22))).events == []


def test_another_scene_ends_what_goes_on(detector, tmp_path):
    path = tmp_path / "cut.mkv"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), FPS_HZ, SIZE[::-1])
    rng = np.random.default_rng(0)
    for number in range(400):
        ramp = np.linspace(40, 180, SIZE[1])
        frame = ramp if number < 200 else ramp[::-1]
        frame = np.rint(frame + rng.normal(0, 2, SIZE)).astype(np.uint8)
        frame[HERE] = 230 if number < 200 else frame[HERE]
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    writer.release()
    results = list(detector.stream(path))
    assert results[200].state == "scene_changed"
    assert [change.kind for change in results[200].changes] == ["end"]
    assert results[200].changes[0].event.end_s == pytest.approx(19.9)


def test_a_frozen_picture_shows_no_region(detector, tmp_path):
    path = tmp_path / "frozen.mkv"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), FPS_HZ, SIZE[::-1])
    rng = np.random.default_rng(0)
    for number in range(200):
        if number < 100:
            frame = rng.integers(60, 120, SIZE).astype(np.uint8)
            frame[HERE] = 230
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    writer.release()
    results = list(detector.stream(path))
    assert (results[120].state, results[180].state) == ("watching", "frozen")
    assert results[120].region.sum() == 140
    assert not results[180].region.any()


def test_the_threshold_of_pixels_is_not_that_of_frame_scores():
    model = Bright(Settings())
    model.frame_threshold = 0.4
    assert Detector(model).settings.threshold == 0.5


def test_pictures_of_a_folder_are_footage_too(detector, tmp_path):
    capture = cv2.VideoCapture(str(video(tmp_path / "pad.mkv", (8, 22))))
    (tmp_path / "frames").mkdir()
    for number in range(400):
        cv2.imwrite(str(tmp_path / "frames" / f"{number:04}.png"), capture.read()[1])
    report = detector.detect(tmp_path / "frames")
    assert len(report.events) == 1
    assert report.duration_s == pytest.approx(399 / 15)  # pictures tell no rate
    assert "frame rate unknown, taken as 15 Hz" in report.remarks[0]


def test_a_true_rate_is_that_of_the_times_and_of_the_model(detector, tmp_path):
    path = video(tmp_path / "pad.mkv", (8, 22))
    stated, true = detector.detect(path), detector.detect(path, fps_hz=2 * FPS_HZ)
    assert true.duration_s == pytest.approx(stated.duration_s / 2)
    assert true.n_frames == stated.n_frames
    [event], [known] = true.events, stated.events
    # Evidence is collected in seconds: it takes as long after the gas, which comes at 8 s or 4 s.
    assert event.start_s - 4 == pytest.approx(known.start_s - 8, abs=0.3)
    assert not true.remarks


@pytest.mark.parametrize("name", ["missing.mp4", "empty.mp4", "text.mp4"])
def test_footage_that_cannot_be_read_is_told(detector, tmp_path, name):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(FootageError):
        detector.detect(tmp_path / name)


def test_a_model_that_is_given_a_mask_is_refused():
    model = Bright(Settings())
    model.prompt_kind = "first_mask"
    with pytest.raises(UserError, match=r"bright is given a mask.*without a prompt"):
        Detector(model)
    with pytest.raises(UserError):
        Detector("nothing.ckpt")


def test_the_shipped_model_finds_a_rendered_leak(tmp_path):
    from fgstp import SyntheticVideo

    footage = SyntheticVideo("close_clear", 7, n_frames=150, fps_hz=5.0)
    path = tmp_path / "leak.mkv"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), 5.0, (320, 240))
    has_gas = []
    for each in footage:
        has_gas.append(bool(each.mask.any()))
        writer.write(cv2.cvtColor(each.grey, cv2.COLOR_GRAY2BGR))
    writer.release()
    begin_s = has_gas.index(True) / 5
    report = Detector().detect(path)
    assert report.events
    assert begin_s - 1 <= report.events[0].start_s <= begin_s + 8


class Camera(LiveStream):
    """A stream of frames that are known."""

    fps_hz = FPS_HZ

    def __init__(self, frames):
        self.frames, self.is_open = frames, True

    def __iter__(self):
        return iter(self.frames)

    def remarks(self):
        return ["a remark"]

    def close(self):
        self.is_open = False


def test_a_stream_without_a_signal_says_so_and_keeps_its_events(detector):
    rng = np.random.default_rng(0)
    scene = 80 + 400 * cv2.GaussianBlur(rng.normal(0, 1, SIZE), (0, 0), 4)
    frames = []
    for number in range(20 * FPS_HZ):
        frame = np.rint(scene + rng.normal(0, 2, SIZE)).clip(0, 190).astype(np.uint8)
        frame[HERE] = 230
        is_lost = 12 <= number / FPS_HZ < 15
        frames.append(LiveFrame(None if is_lost else frame, number / FPS_HZ))
    camera, remarks = Camera(frames[1:]), []
    results = list(detector.stream(camera, remarks))
    assert [each.time_s for each in results] == [frame.time_s for frame in frames[1:]]
    lost = [each for each in results if each.state == "no_signal"]
    assert [each.time_s for each in lost] == [each.time_s for each in frames if each.levels is None]
    assert not any(each.region.any() or each.map.any() for each in lost)
    changes = [change.kind for each in results for change in each.changes]
    assert changes.count("new") == changes.count("end") == 1
    assert not camera.is_open
    assert remarks == ["a remark"]
