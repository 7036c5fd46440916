"""The check of footage, as the command gives it."""

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from fgstp.cli import main
from fgstp.core.errors import UserError
from fgstp.footage.grey import COLOUR_REMARK
from fgstp.footage.settings import IngestSettings
from fgstp.reporting.check import check_footage

SETTINGS = IngestSettings.model_validate({"source": "folder", "clip_length_frames": 5})


@pytest.fixture
def folder(tmp_path, footage):
    """A video of which every other frame is annotated, pictures of 16 bits, and two others."""
    frames = footage.frames([10, 20], length=5)
    masks = np.zeros_like(frames)
    masks[4, :6, :8] = 255
    root = tmp_path / "of our camera"
    footage.video(root / "a.mkv", frames)
    for number in range(0, 10, 2):
        path = root / "a_masks" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), masks[number])
    footage.pictures(root / "b", 1000 + 20 * frames.astype(np.uint16))
    (root / "c.seq").write_bytes(b"FFF")
    (root / "d.mp4").write_bytes(b"")
    return root


def test_each_video_is_described_or_refused(folder):
    a, b, c, d = sorted(check_footage(folder, SETTINGS))
    height, width = 48, 64
    assert (a.facts["frames"], a.facts["size"]) == ("10", f"{width} x {height}")
    assert (a.facts["masks"], a.facts["annotated"]) == ("annotated", "50%")
    assert a.facts["gas"] == f"{6 * 8 / (5 * height * width):.2%}"
    assert (b.facts["bits"], b.facts["masks"], b.facts["gas"]) == ("16", "none", "–")
    assert not c.facts and "is not read; export it" in c.remarks[0]
    assert not d.facts and "is empty" in d.remarks[0]


def test_a_remark_stays_one_sentence(tmp_path, footage):
    grey = footage.frames([10], length=5)
    footage.pictures(tmp_path / "a", [cv2.applyColorMap(each, cv2.COLORMAP_JET) for each in grey])
    (video,) = check_footage(tmp_path, SETTINGS)
    assert COLOUR_REMARK in video.remarks


def test_what_a_library_refuses_is_refused_here_too(folder, monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr("fgstp.footage.reading.describe", fail)
    a, *_ = sorted(check_footage(folder, SETTINGS))
    assert not a.facts and "more memory than there is" in a.remarks[0]


def test_the_frame_with_most_gas_is_shown_with_its_outline(folder):
    (video,) = (each for each in check_footage(folder, SETTINGS) if each.name == "a")
    png = np.frombuffer(video.pictures["most gas: frame 4"], np.uint8)
    picture = cv2.imdecode(png, cv2.IMREAD_COLOR).astype(int)
    coloured = np.ptp(picture, axis=2) > 50
    border = np.zeros_like(coloured)
    border[:6, :8] = True
    border[:5, :7][1:, 1:] = False
    np.testing.assert_array_equal(coloured, border)


def test_the_command_writes_a_page_and_nothing_into_the_folder(folder, tmp_path):
    before = sorted(folder.rglob("*"))
    page = tmp_path / "page.html"
    arguments = ["check", str(folder), "--out", str(page), "--setting", "clip_length_frames=5"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    assert "Not used, 2 of 4:" in result.stdout
    assert "2 of 4 videos can be used" in page.read_text()
    assert sorted(folder.rglob("*")) == before


def test_the_command_names_what_is_no_footage(folder, tmp_path, caplog):
    (folder / "notes.txt").touch()
    arguments = [str(folder), "--out", str(tmp_path / "page.html")]
    CliRunner().invoke(main, ["check", *arguments, "--setting", "clip_length_frames=5"])
    assert "notes.txt" in caplog.text


def test_a_folder_without_footage_is_a_mistake(tmp_path):
    with pytest.raises(UserError, match="There is no folder"):
        check_footage(tmp_path / "nothing", SETTINGS)
    wrong = CliRunner().invoke(main, ["check", str(tmp_path), "--setting", "clip_length=5"])
    assert wrong.exit_code == 1
    assert "ingest.clip_length" in wrong.stderr
