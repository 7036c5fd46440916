import tracemalloc
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from fgstp.detection.figure import STATE_COLOURS
from fgstp.detection.timeline import STATES
from fgstp.detection.wording import TOLD


@pytest.fixture
def report(new_report, results_at):
    filled = new_report()
    for result in results_at(np.arange(100) / 10, alarm_at=4):
        filled.take(result)
    return filled


class Page(HTMLParser):
    """What a page holds; its tags are closed in their order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.words = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found[key] for key in ("href", "src", "xlink:href") if key in found]
        if tag not in {"meta", "link"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


def test_it_counts_time_by_state_and_finds_what_is_new(report):
    assert report.n_frames == 100
    assert report.duration_s == pytest.approx(9.9)
    assert sum(report.state_s.values()) == pytest.approx(report.duration_s)
    assert report.state_s["warming_up"] == pytest.approx(2)
    assert [event.number for event in report.events] == [1]
    assert [span.state for span in report.spans] == ["warming_up", "watching"]
    assert report.sentence().startswith("pad A.mkv: 1 event in 10 s: 0:03- (confidence 0.80")


def test_a_sentence_of_many_events_stays_short(report):
    report.events *= 50
    sentence = report.sentence()
    assert sentence.startswith("pad A.mkv: 50 events in 10 s: 0:03-")
    n_told = sentence.count("confidence")
    assert f"{50 - n_told} more" in sentence
    assert 0 < n_told < 10


def test_long_footage_takes_no_more_memory(new_report, results_at):
    report, [one] = new_report(), results_at([0])
    report.take(one)
    tracemalloc.start()
    n_bytes = []
    for number in range(30_000):
        report.take(one._replace(time_s=number / 10, state="watching"))
        if number % 10_000 == 9_999:
            n_bytes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert n_bytes[-1] < n_bytes[0] + 5_000
    assert report.n_frames == 30_001


def test_saved_files_tell_the_same(report, tmp_path):
    report.save(tmp_path / "new")
    folder = tmp_path / "new"
    assert {path.name for path in folder.iterdir()} == {
        *("events.csv", "timeline.png", "timeline.svg", "summary.html")
    }
    assert cv2.imread(str(folder / "timeline.png")).shape[1] >= 1000
    page = Page((folder / "summary.html").read_text("utf-8"))
    assert page.open == []
    assert len(set(page.ids)) == len(page.ids)
    assert "#event-1" in page.links
    assert "event-1" in page.ids
    assert not [link for link in page.links if "//" in link]
    for text in (report.sentence(), "5ca1ab1e", "alarms.clear_s", "warming up"):
        assert text in page.words


def test_the_page_plays_the_overlay_that_lies_beside_it(report, tmp_path):
    report.save(tmp_path)
    assert "<video" not in (tmp_path / "summary.html").read_text("utf-8")
    (tmp_path / "overlay.webm").touch()
    report.save(tmp_path)
    page = Page((tmp_path / "summary.html").read_text("utf-8"))
    assert "overlay.webm" in page.links
    assert "player" in page.ids


def test_cameras_are_told_apart_by_their_addresses(new_report):
    assert new_report("rtsp://west/1").sentence().startswith("rtsp://west/1: ")
    assert new_report("pads/pad A.mkv").sentence().startswith("pad A.mkv: ")


def test_names_are_escaped(new_report, results_at, tmp_path):
    report = new_report("a <b> & $x_1$.mkv")
    for result in results_at([0, 1]):
        report.take(result)
    report.save(tmp_path)
    page = Page((tmp_path / "summary.html").read_text("utf-8"))
    assert page.open == []
    assert "a <b> & $x_1$.mkv" in page.words


def test_the_same_report_gives_the_same_files(report, tmp_path):
    for name in ("a", "b"):
        report.save(tmp_path / name)
    for name in ("timeline.svg", "timeline.png", "summary.html"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("length_s", [0.0, 10.0, 36_000.0])
def test_a_figure_is_readable_for_any_length(new_report, results_at, length_s):
    report = new_report()
    n_frames = 5000 if length_s else 1
    for result in results_at(np.linspace(0, length_s, n_frames), size=(30, 50)):
        report.take(result)
    figure = report.plot()
    figure.draw_without_rendering()
    scores, _, states = figure.axes
    ticks = [tick for tick in states.get_xticks() if 0 <= tick <= length_s]
    assert len(ticks) <= 12
    assert len(scores.lines[0].get_xdata()) <= 2 * 2048
    assert scores.lines[1].get_ydata()[0] == report.settings.threshold


def test_every_state_has_words_and_a_colour():
    assert set(TOLD) == set(STATE_COLOURS) == set(STATES)
