import json
import shlex
import sys

import pytest

from fgstp.core.errors import UserError
from fgstp.detection.sinks import command

WRITE = """
import json, os, sys
with open(sys.argv[1], "a") as lines:
    message = json.load(sys.stdin)
    told = [os.environ["FGSTP_TYPE"], os.environ["FGSTP_ID"], os.environ["FGSTP_SOURCE"]]
    lines.write(json.dumps([message, told]) + "\\n")
"""


def test_the_command_runs_at_each_change_of_an_event(hand_over, tmp_path):
    out = tmp_path / "told ones.jsonl"
    hand_over(command(shlex.join([sys.executable, "-c", WRITE, str(out)])))
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [message["type"] for message, _ in lines] == ["new", "end"]
    assert [told for _, told in lines] == [
        ["new", "pad A-1", "pads/pad A.mkv"],
        ["end", "pad A-1", "pads/pad A.mkv"],
    ]


def test_a_command_that_fails_is_told_and_stops_nothing(hand_over, caplog):
    report = hand_over(command("false"))
    assert len(report.events) == 1
    assert "ends with status 1" in caplog.text


@pytest.mark.parametrize("line", ["", "  ", "echo 'open", "no_such_program_anywhere"])
def test_a_line_that_is_no_command_is_refused(line):
    with pytest.raises(UserError, match=r"(?i)command"):
        command(line)
