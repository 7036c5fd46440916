import numpy as np

from fgstp.models.sampling import FlowPairs
from fgstp.training.flow_samples import FlowSamples
from fgstp.training.samples import WindowKey

GAPS = (-2, -1, 1, 2)


class NumberedFeatures:
    """Fields that tell frame and gap."""

    def compute(self, frames, numbers):
        for number in numbers:
            fields = np.zeros((4, 2, 3, 5), np.float16)
            fields[:, 0] = frames[number, 0, 0]
            fields[:, 1] = np.reshape(GAPS, (4, 1, 1))
            yield fields


def test_a_sample_has_two_different_fields_of_its_frame(clips, numbered):
    name = numbered(9)
    samples = FlowSamples(clips.store, clips.masked(), FlowPairs(GAPS, NumberedFeatures()))
    pairs = set()
    for seed in range(60):
        sample = samples[WindowKey(0, 4, (seed,))]
        assert sample.clip == name
        assert sample.flows.shape == (2, 2, 3, 5)
        assert (sample.flows[:, 0] == 4).all()
        gaps = tuple(sample.flows[:, 1, 0, 0].int().tolist())
        assert gaps[0] != gaps[1]
        pairs.add(gaps)
    assert len(pairs) == 12


def test_near_the_ends_of_a_clip_a_frame_is_taken_that_has_all_gaps(clips, numbered):
    numbered(9)
    samples = FlowSamples(clips.store, clips.masked(), FlowPairs(GAPS, NumberedFeatures()))
    taken = [int(samples[WindowKey(0, start, (1,))].flows[0, 0, 0, 0]) for start in range(9)]
    assert taken == [2, 2, 2, 3, 4, 5, 6, 6, 6]


def test_a_clip_that_is_too_short_for_all_gaps_gives_its_middle(clips, numbered):
    numbered(3)
    samples = FlowSamples(clips.store, clips.masked(), FlowPairs(GAPS, NumberedFeatures()))
    assert [int(samples[WindowKey(0, n, (1,))].flows[0, 0, 0, 0]) for n in range(3)] == [1, 1, 1]
