import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import pytest

from fgstp.core.errors import UserError
from fgstp.detection.sinks import webhook
from fgstp.detection.sinks.outbox import OutboxSettings

QUICK = OutboxSettings(attempts=3, first_wait_s=0.001, longest_wait_s=0.01)


@pytest.fixture
def server(serve):
    """`with server(statuses)`: answers with these, then with 200; its address and the bodies."""

    @contextmanager
    def answering(statuses):
        statuses, bodies = list(statuses), []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                assert self.headers["Content-Type"] == "application/json"
                bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(statuses.pop(0) if statuses else 200)
                self.end_headers()

        with serve(Handler) as address:
            yield f"{address}/gas", bodies

    return answering


def test_each_change_is_posted_in_order(hand_over, server):
    with server([]) as (address, bodies):
        hand_over(webhook(address, QUICK))
    assert [body["type"] for body in bodies] == ["state", "state", "new", "end"]
    new, end = bodies[2:]
    assert new["id"] == end["id"] == "pad A-1"
    assert (new["alarm_s"], new["end_s"], end["end_s"]) == (20.0, None, 40.0)


def test_a_server_that_is_busy_gets_the_message_again(hand_over, server):
    with server([503, 500]) as (address, bodies):
        hand_over(webhook(address, QUICK))
    assert [body["type"] for body in bodies] == ["state"] * 3 + ["state", "new", "end"]


def test_what_a_server_refuses_is_told_and_not_repeated(hand_over, server, caplog):
    with server([404]) as (address, bodies):
        hand_over(webhook(address, QUICK))
    assert [body["type"] for body in bodies] == ["state", "state", "new", "end"]
    assert "status 404" in caplog.text


def test_a_server_that_is_away_stops_nothing(hand_over, server, caplog):
    with server([]) as (address, _):
        pass
    report = hand_over(webhook(address, QUICK))
    assert len(report.events) == 1
    assert "got 0 of 4 messages" in caplog.text


@pytest.mark.parametrize(
    "url", ["", "host:80", "ftp://host/gas", "http://", "http://h:99999/", "http://[h/"]
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(UserError, match="no address to post to"):
        webhook(url)
