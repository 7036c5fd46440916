import numpy as np
import pytest

from fgstp.detection.alarms import Alarms
from fgstp.detection.peaks import Peaks
from fgstp.detection.settings import AlarmSettings, DetectionSettings

SIZE, FPS_HZ = (24, 32), 5.0
SETTINGS = AlarmSettings(width_cells=8, clear_s=10.0)


def peaks_of(evidence, fps_hz=FPS_HZ, settings=SETTINGS):
    found = Peaks(settings)
    for number, each in enumerate(evidence):
        found.take(number / fps_hz, float(each))
    found.end()
    return found.heights


def test_a_peak_is_the_highest_evidence_of_its_event():
    tooth = np.interp(np.arange(0, 40, 0.1), [10, 13, 16, 18, 20], [0, 3, 1, 2, 0])
    assert peaks_of(tooth, 10.0) == pytest.approx([3.0])
    assert peaks_of(np.zeros(100)) == []


def test_what_comes_again_before_it_is_clear_is_one_event():
    def twice(pause_s):
        pulse, pause = np.full(25, 6.0), np.zeros(round(pause_s * FPS_HZ))
        return peaks_of([*pause, *pulse, *pause, *(pulse - 1), *pause])

    assert twice(9) == [6]
    assert twice(11) == [6, 5]


def test_a_new_scene_ends_a_peak():
    found = Peaks(SETTINGS)
    for number in range(50):
        if number == 25:
            found.end()
        found.take(number / FPS_HZ, 4.0)
    found.end()
    assert found.heights == [4, 4]


@pytest.mark.parametrize("seed", range(2))
def test_alarms_are_at_most_as_many_as_peaks_above_the_threshold(seed):
    """Gas flickers at random, so that events come close together and far apart."""
    rng = np.random.default_rng(seed)
    shown = np.repeat(rng.random(100) < 0.2, rng.integers(5, 40, 100))
    strength = np.repeat(rng.uniform(0.6, 0.99, len(shown) // 50 + 1), 50)[: len(shown)]
    some = peaks_seen = 0
    for threshold in (2.0, 5.0, 10.0, 20.0):
        alarms = DetectionSettings(alarms=SETTINGS.model_copy(update={"threshold": threshold}))
        detector, peaks, n_alarms = Alarms(SIZE, alarms), Peaks(SETTINGS), 0
        for number, (is_shown, p) in enumerate(zip(shown, strength, strict=True)):
            found = np.zeros(SIZE, np.float32)
            found[4:12, 4:12] = p * is_shown
            changes = detector.update(found, number / FPS_HZ)
            n_alarms += sum(change.kind == "new" for change in changes)
            peaks.take(number / FPS_HZ, float(detector.evidence.max()))
        peaks.end()
        n_above = sum(height > threshold for height in peaks.heights)
        assert n_alarms <= n_above
        assert (n_alarms > 0) == (n_above > 0)
        some, peaks_seen = some + n_alarms, peaks_seen + n_above
    assert 5 < peaks_seen <= 2 * some
