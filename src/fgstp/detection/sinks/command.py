"""Events for another program: a command that is run at each."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fgstp.core.errors import UserError
from fgstp.detection.event_lines import Message, messages
from fgstp.detection.report import DetectionReport, Output
from fgstp.detection.result import Writer
from fgstp.detection.sinks.outbox import Outbox, OutboxSettings, RefusedError

LONGEST_S = 60.0


def command(line: str) -> Output:
    """An output that runs a command whenever an event begins, grows or ends, one after the other.

    The command gets the message, as in `events.jsonl`, as JSON on its standard input, and what
    most need as variables: `FGSTP_TYPE` (`new`, `update` or `end`), `FGSTP_ID`, `FGSTP_SOURCE`.

    Args:
        line: program and arguments, quoted as in a shell; no shell runs it.

    Raises:
        UserError: it names no program that can be run.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UserError(f"The command {line!r} is not quoted rightly ({error}).") from error
    if not words:
        raise UserError("The command is empty; name a program.")
    if shutil.which(words[0]) is None:
        raise UserError(f"There is no program {words[0]} that can be run; name another command.")

    def run(message: Message) -> None:
        if "id" not in message:
            return
        named = {f"FGSTP_{key.upper()}": str(message[key]) for key in ("type", "id", "source")}
        try:
            done = subprocess.run(
                words,
                input=json.dumps(message).encode(),
                env=os.environ | named,
                stdout=subprocess.DEVNULL,
                timeout=LONGEST_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise RefusedError(f"it runs for more than {LONGEST_S:.0f} s") from error
        if done.returncode:
            raise RefusedError(f"it ends with status {done.returncode}")

    @contextmanager
    def opened(report: DetectionReport, folder: Path) -> Iterator[Writer]:
        del folder
        with Outbox(run, f"The command {words[0]}", OutboxSettings(attempts=1)) as outbox:
            yield messages(report, outbox.put)

    return opened
