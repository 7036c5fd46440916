import contextlib
import io
import os
import pty
import sys
import termios

from fgstp.core import progress
from fgstp.core.progress import ProgressBar, StatusLine


def test_off_a_terminal_there_are_lines(monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with ProgressBar(total=4, unit=" clips", desc="scoring", disable=False) as bar:
        bar.update(2)
        bar.update(2)
    lines = sys.stderr.getvalue().splitlines()
    assert lines[-1].startswith("scoring: 4 of 4 clips (100 %)")
    assert any(line.startswith("scoring: 2 of 4 clips (50 %)") for line in lines)
    assert all(line.isprintable() and line for line in lines)


def test_short_work_prints_nothing_off_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    for _ in ProgressBar(range(1000), desc="short", disable=False):
        pass
    with ProgressBar(total=3, leave=False, disable=False) as bar:
        bar.update(3)
    assert sys.stderr.getvalue() == ""


def pieces(terminal):
    """What was written to a terminal that is closed by now; a read may give a part of it."""
    with contextlib.suppress(OSError):  # at the end
        while piece := os.read(terminal, 10_000):
            yield piece


def test_on_a_terminal_there_is_a_bar(monkeypatch):
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with ProgressBar(total=2, desc="scoring", disable=False) as bar:
            bar.update(2)
    shown = b"".join(pieces(ours)).decode()
    os.close(ours)
    assert "\r" in shown
    assert "scoring: 100%" in shown


def test_off_a_terminal_a_status_is_told_now_and_then(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with StatusLine() as line:
        line.show("camera: 15 Hz")
        line.show("camera: 14 Hz")
    assert sys.stderr.getvalue() == ""
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    with StatusLine() as line:
        line.show("camera: 15 Hz")
        line.show("camera: 14 Hz")
    assert sys.stderr.getvalue().splitlines()[:2] == ["camera: 15 Hz", "camera: 14 Hz"]
