import socket
import urllib.request

import pytest

from fgstp.core.errors import UserError
from fgstp.detection.sinks import MetricsServer

pytest.importorskip("prometheus_client")


def figures(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def test_figures_of_a_source_can_be_asked_for(hand_over):
    with MetricsServer(0) as server:
        hand_over(server)
        found = figures(server.port)
    source = 'source="pads/pad A.mkv"'
    assert float(found[f"fgstp_frames_total{{{source}}}"]) == 120
    assert float(found[f"fgstp_events_total{{{source}}}"]) == 1
    assert float(found[f"fgstp_open_events{{{source}}}"]) == 0
    assert float(found[f'fgstp_state{{{source},state="watching"}}']) == 1
    assert float(found[f'fgstp_state{{{source},state="warming_up"}}']) == 0


def test_a_port_that_is_taken_is_told():
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"Port {port} cannot be used"):
            MetricsServer(port)
