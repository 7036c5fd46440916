import numpy as np

from fgstp.pipelines.tracking import flat_numbers, log_numbers, log_texts


def test_numbers_get_dotted_names_and_all_else_is_passed_over():
    facts = {"iou": 0.5, "n": 3, "name": "7", "yes": True, "none": None, "many": [1, 2]}
    facts["of"] = {"deep": {"er": np.float64(0.25)}, "empty": {}, "text": "a"}
    assert dict(flat_numbers(facts)) == {"iou": 0.5, "n": 3.0, "of.deep.er": 0.25}
    assert dict(flat_numbers({"a": {"b": 1}}, "best.")) == {"best.a.b": 1.0}
    assert all(type(number) is float for _, number in flat_numbers(facts))


def test_numbers_and_texts_are_recorded_in_the_run(recorded):
    log_numbers({"paper": {"iou": 0.5, "auroc": None, "settings": "norm=none"}, "n": 2})
    log_numbers({})
    log_texts({"tables/a.md": "a"})
    assert recorded.found.data.metrics == {"paper.iou": 0.5, "n": 2.0}
    assert recorded.files("tables") == ["tables/a.md"]


def test_without_a_run_nothing_is_recorded():
    log_numbers({"a": 1})
    log_texts({"a.md": "a"})
