import pytest

from fgstp.reporting.scored_footage import ScoredFootage


@pytest.mark.parametrize(
    ("name", "sources", "same"),
    [
        ("GasVid", ["annotated"], True),
        ("gasvid", ["annotated", "annotated"], True),
        ("GasVid", ["pseudo"], False),
        ("GasVid", ["annotated", "pseudo"], False),
        ("synthetic plumes", ["synthetic"], False),
        ("own footage", ["annotated"], False),
    ],
)
def test_only_gasvid_with_annotated_masks_is_what_the_paper_scores(name, sources, same):
    assert ScoredFootage.of(name, sources).is_the_papers is same


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        (["synthetic", "synthetic"], "synthetic masks"),
        (["pseudo", "annotated"], "masks of mixed sources (annotated and pseudo)"),
        ([], "masks of unknown source"),
    ],
)
def test_mask_sources_in_words(sources, words):
    assert ScoredFootage.of("x", sources).masks == words
