import mlflow
import numpy as np

from fgstp.pipelines.tracking import flat_numbers, log_numbers, log_texts


def test_numbers_get_dotted_names_and_all_else_is_passed_over():
    facts = {"iou": 0.5, "n": 3, "name": "7", "yes": True, "none": None, "many": [1, 2]}
    facts["of"] = {"deep": {"er": np.float64(0.25)}, "empty": {}, "text": "a"}
    assert dict(flat_numbers(facts)) == {"iou": 0.5, "n": 3.0, "of.deep.er": 0.25}
    assert dict(flat_numbers({"a": {"b": 1}}, "best.")) == {"best.a.b": 1.0}
    assert all(type(number) is float for _, number in flat_numbers(facts))


def test_numbers_are_recorded_in_the_run(tracking):
    with mlflow.start_run() as run:
        log_numbers({"paper": {"iou": 0.5, "auroc": None, "settings": "norm=none"}, "n": 2})
        log_numbers({})
    assert tracking.get_run(run.info.run_id).data.metrics == {"paper.iou": 0.5, "n": 2.0}


def test_without_a_run_nothing_is_recorded_and_none_is_opened(tracking):
    experiment = tracking.get_experiment_by_name("of the test")
    before = len(tracking.search_runs([experiment.experiment_id]))
    log_numbers({"a": 1})
    log_texts({"a.md": "a"})
    assert mlflow.active_run() is None
    assert len(tracking.search_runs([experiment.experiment_id])) == before
