"""Events by HTTP: each message is the body of a POST."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError

from fgstp.detection.event_lines import Message, messages
from fgstp.detection.report import DetectionReport, Output
from fgstp.detection.result import Writer
from fgstp.detection.sinks.addresses import address
from fgstp.detection.sinks.outbox import Outbox, OutboxSettings, RefusedError

TIMEOUT_S = 10.0
MAY_PASS = frozenset({408, 425, 429})  # of the statuses that blame the sender


def webhook(url: str, settings: OutboxSettings | None = None) -> Output:
    """An output that posts a message, as in `events.jsonl`, whenever something changes.

    Args:
        url: where to post, `http://` or `https://`.
        settings: how often a message is tried; one that the server refuses (status 400 to 499)
            is not tried again.

    Raises:
        UserError: it is no such address.
    """
    parts = address(url, {"http", "https"}, "address to post to", "http://host:8080/gas")

    def post(message: Message) -> None:
        request = urllib.request.Request(
            url,
            json.dumps(message).encode(),
            {"Content-Type": "application/json", "User-Agent": "fgstp"},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S):
                pass
        except HTTPError as error:
            if 400 <= error.code < 500 and error.code not in MAY_PASS:
                raise RefusedError(f"status {error.code}") from error
            raise

    @contextmanager
    def opened(report: DetectionReport, folder: Path) -> Iterator[Writer]:
        del folder
        with Outbox(post, parts.hostname or url, settings) as outbox:
            yield messages(report, outbox.put)

    return opened
