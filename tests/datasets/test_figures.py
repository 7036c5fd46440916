import cv2
import numpy as np
import pytest
from kedro.io import DatasetError
from matplotlib.figure import Figure

from fgstp.datasets.figures import FiguresDataset


def _figure(width_in):
    figure = Figure(figsize=(width_in, 1), dpi=50)
    figure.subplots().plot([0, 1])
    return figure


def test_each_figure_is_a_picture_and_stale_ones_go(tmp_path):
    folder = tmp_path / "new"
    dataset = FiguresDataset(str(folder))
    assert not dataset.exists()
    dataset.save({"close_clear": _figure(2), "gone": _figure(2)})
    (folder / "table.csv").write_text("of another dataset")
    dataset.save({"close_clear": _figure(3), "new": _figure(4)})

    assert dataset.exists()
    assert {path.name for path in folder.iterdir()} == {"close_clear.png", "new.png", "table.csv"}
    assert cv2.imread(str(folder / "close_clear.png")).shape == (50, 150, 3)
    assert cv2.imread(str(folder / "new.png")).shape == (50, 200, 3)


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    dataset = FiguresDataset(str(tmp_path))
    dataset.save({"one": _figure(2), "two": _figure(2)})
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_breaking_off_leaves_the_old_picture(tmp_path):
    dataset = FiguresDataset(str(tmp_path))
    dataset.save({"one": _figure(2)})
    before = (tmp_path / "one.png").read_bytes()

    class Broken(Figure):
        def savefig(self, path, *_, **__):
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")

    with pytest.raises(DatasetError, match="No space left"):
        dataset.save({"one": Broken()})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"one.png": before}


def test_pictures_are_loaded_as_they_lie_there(tmp_path):
    dataset = FiguresDataset(str(tmp_path))
    dataset.save({"b": _figure(2), "a [1]": _figure(3)})
    (tmp_path / "table.csv").write_text("of another dataset")
    loaded = dataset.load()
    assert list(loaded) == ["a [1]", "b"]
    for name, width_px in (("a [1]", 150), ("b", 100)):
        assert loaded[name] == (tmp_path / f"{name}.png").read_bytes()
        picture = cv2.imdecode(np.frombuffer(loaded[name], np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (50, width_px, 3)
