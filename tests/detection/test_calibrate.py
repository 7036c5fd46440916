import numpy as np
import pytest

from fgstp import create_model
from fgstp.core.errors import UserError
from fgstp.detection.calibrate import calibrate, sentences
from fgstp.detection.detector import Detector, Result

FPS_HZ = 2.0


class Prepared(Detector):
    """A detector whose evidence and states are those of a list, whatever the footage shows."""

    def prepare(self, evidence, states=None, size=(6, 8)):
        self.prepared = evidence, states or ["watching"] * len(evidence), size
        return self

    def stream(self, source, remarks=None, *, fps_hz=None):
        frame = np.zeros(self.prepared[2], np.uint8)
        for number, (evidence, state) in enumerate(zip(*self.prepared[:2], strict=True)):
            nothing = frame.astype(np.float32), 0.0, state, frame > 0, [], []
            yield Result(number, number / FPS_HZ, frame, *nothing, float(evidence))


@pytest.fixture
def detector():
    return Prepared(create_model("background"))


@pytest.fixture
def source(tmp_path, footage):
    return footage.video(tmp_path / "a.mkv", np.zeros((4, 6, 8), np.uint8))


def hours_of(heights, per_hour=20):
    """Evidence with a pulse of 3 s for each height, 20 an hour."""
    gap = round(3600 / per_hour * FPS_HZ)
    evidence = np.zeros(len(heights) * gap)
    for number, height in enumerate(heights):
        evidence[number * gap + 50 : number * gap + 50 + round(3 * FPS_HZ)] = height
    return evidence


def test_the_threshold_of_known_peaks_gives_the_rate_asked_for(detector, source):
    rng = np.random.default_rng(1)
    site = calibrate(detector.prepare(hours_of(rng.exponential(4, 600))), [source], 0.5)
    assert site.calibrated
    assert site.n_peaks == 600
    assert site.hours == pytest.approx(30, abs=0.01)
    # 20 an hour, and every 40th exceeds 4 ln 40.
    assert site.interval[0] < 4 * np.log(40) < site.interval[1]
    unseen = rng.exponential(4, 100_000)
    per_hour = 20 * (unseen > site.alarm_threshold).mean()
    assert per_hour == pytest.approx(0.5, rel=0.4)
    assert site.expected_per_hour == pytest.approx(0.5)
    assert site.expected_per_hour < site.bound_per_hour < 2
    assert site == calibrate(detector, [source], 0.5)


def test_rarer_alarms_take_a_higher_threshold_and_more_footage(detector, source):
    detector.prepare(hours_of(np.random.default_rng(1).exponential(4, 100)))
    often, seldom = (calibrate(detector, [source], rate) for rate in (1.0, 0.01))
    assert often.alarm_threshold < seldom.alarm_threshold
    assert often.calibrated
    assert not seldom.calibrated
    assert "5 h cannot tell of a rate of 0.01 an hour" in sentences(seldom)[-1]


def test_without_peaks_the_hours_decide(detector, source):
    short, long = (
        calibrate(detector.prepare(np.zeros(round(n_hours * 3600 * FPS_HZ))), [source], 1.0)
        for n_hours in (1.0, 4.0)
    )
    assert (short.calibrated, long.calibrated) == (False, True)
    assert short.alarm_threshold == long.alarm_threshold == detector.settings.alarms.threshold
    assert long.bound_per_hour == pytest.approx(2.996 / 4, rel=1e-2)
    assert "takes 3 h" in short.reason
    assert short.interval is short.tail is short.expected_per_hour is None


def test_few_peaks_give_a_threshold_above_them(detector, source):
    site = calibrate(detector.prepare(hours_of([10, 20, 5])), [source], 1.0)
    assert site.alarm_threshold == pytest.approx(26)
    assert not site.calibrated
    assert site.n_peaks == 3


def test_several_videos_add_up_and_begin_anew(detector, source):
    detector.prepare([*np.zeros(100), *np.full(20, 9.0)])
    site = calibrate(detector, [source, source], 1.0)
    assert site.n_peaks == 2
    assert site.hours == pytest.approx(2 * 119 / FPS_HZ / 3600)


def test_only_what_is_watched_counts(detector, source):
    states = ["warming_up"] * 40 + ["watching"] * 20 + ["frozen"] * 40
    site = calibrate(detector.prepare(np.full(100, 9.0), states), [source], 1.0)
    assert site.hours == pytest.approx(19 / FPS_HZ / 3600)
    assert site.n_peaks == 1
    never = calibrate(detector.prepare(np.full(40, 9.0), ["warming_up"] * 40), [source], 1.0)
    assert (never.hours, never.n_peaks, never.calibrated) == (0, 0, False)
    assert never.bound_per_hour is None
    assert "nothing was watched" in sentences(never)[-1]


def test_a_threshold_that_no_leak_exceeds_is_refused(detector, source):
    with pytest.raises(UserError, match=r"no leak exceeds.*--zones"):
        calibrate(detector.prepare(hours_of(np.full(50, 79.0))), [source], 1.0)


def test_footage_that_does_not_fit_is_named(detector, source, tmp_path):
    class Growing(Prepared):
        def stream(self, source, remarks=None, *, fps_hz=None):
            self.prepare(*self.prepared[:2], size=(6, self.prepared[2][1] + 1))
            return super().stream(source, remarks)

    growing = Growing(detector.model).prepare(np.zeros(10))
    with pytest.raises(UserError, match=r"a\.mkv: its pictures have another size"):
        calibrate(growing, [source, source], 1.0)
    bad = tmp_path / "b.mp4"
    bad.write_bytes(b"no video")
    with pytest.raises(UserError, match=r"b\.mp4 cannot be opened"):
        calibrate(detector, [bad], 1.0)
