import numpy as np

from fgstp.inference.repeats import prediction_stores
from fgstp.models.repeats import remove_repeats_from


def test_each_training_has_a_folder_and_the_first_has_the_models(tmp_path):
    folders = [store.folder for store in prediction_stores(tmp_path / "fgstp", 3)]
    assert folders == [tmp_path / "fgstp", *(tmp_path / f"fgstp/repeats/{k}" for k in (1, 2))]


def test_only_repeats_that_a_model_no_longer_has_are_removed(tmp_path):
    stores = prediction_stores(tmp_path, 4)
    for store in stores:
        store.made_by("maker")
        store.write("a", np.zeros((2, 3, 4), np.uint8))
    (tmp_path / "repeats/mine").mkdir()
    remove_repeats_from(tmp_path, 2)
    assert [store.holds("a") for store in stores] == [True, True, False, False]
    stores[0].remove_all_but([])
    assert stores[1].holds("a")
    remove_repeats_from(tmp_path, 1)
    assert sorted(path.name for path in (tmp_path / "repeats").iterdir()) == ["mine"]
    remove_repeats_from(tmp_path / "nowhere", 1)
    assert not (tmp_path / "nowhere").exists()
