import json
from pathlib import Path

import numpy as np
import pytest

from fgstp.scoring import GroundTruth, score_clip

GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text())


@pytest.mark.parametrize("entry", GOLDEN, ids=lambda entry: entry["case"][0].replace(" ", "-"))
def test_every_metric_equals_pysodmetrics(golden, entry):
    prediction, mask = golden.inputs(*entry["case"])
    assert golden.checksum(prediction, mask) == entry["checksum"], "the inputs are others"
    for masks in (mask[None], [GroundTruth.from_mask(mask)]):
        found = score_clip(prediction[None], masks).iloc[0]
        for metric, expected in entry["values"].items():
            if expected is None:  # the oracle divides by an empty block
                assert metric == "s_measure"
                assert 0 <= found[metric] <= 1
            else:
                assert found[metric] == pytest.approx(expected, rel=0, abs=1e-9), metric


def test_golden_values_cover_all_cases_of_the_generator(golden):
    assert [tuple(entry["case"]) for entry in GOLDEN] == golden.cases()


def test_only_a_centroid_in_the_last_row_or_column_has_no_oracle(golden):
    for entry in GOLDEN:
        _, mask = golden.inputs(*entry["case"])
        if entry["values"]["s_measure"] is None:
            places = np.argwhere(mask).mean(axis=0)
            cut = [round(place) + 1 for place in places]
            assert cut[0] == mask.shape[0] or cut[1] == mask.shape[1]
