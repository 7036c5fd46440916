"""Figures for Prometheus, which asks for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

from fgstp.core.errors import UserError
from fgstp.detection.report import DetectionReport
from fgstp.detection.result import Result, Writer
from fgstp.detection.states import State

STATES = get_args(State)


class MetricsServer:
    """Serves figures of all sources on a port, while it is entered; an output of `watch_videos`.

    Args:
        port: port of this machine, 0 for any that is free.

    Attributes:
        port: the port.

    Raises:
        UserError: the package prometheus-client is missing, or the port is taken.
    """

    def __init__(self, port: int) -> None:
        try:
            # An extra, which most do not need.
            from prometheus_client import (  # noqa: PLC0415
                CollectorRegistry,
                Counter,
                Gauge,
                start_http_server,
            )
        except ImportError as error:
            raise UserError(
                "Figures for Prometheus need the package prometheus-client; install fgstp[live]."
            ) from error
        registry = CollectorRegistry()
        label = ["source"]
        self._frames = Counter("fgstp_frames", "Frames watched.", label, registry=registry)
        self._events = Counter("fgstp_events", "Leaks that were found.", label, registry=registry)
        self._open = Gauge("fgstp_open_events", "Leaks that go on.", label, registry=registry)
        self._score = Gauge("fgstp_frame_score", "Score of the frame.", label, registry=registry)
        self._state = Gauge(
            "fgstp_state", "1 for the state of the picture.", [*label, "state"], registry=registry
        )
        try:
            self._server, self._thread = start_http_server(port, registry=registry)
        except (OSError, OverflowError) as error:
            raise UserError(
                f"Port {port} cannot be used ({error}); choose another for --metrics-port."
            ) from error
        self.port = int(self._server.server_port)

    def __enter__(self) -> "MetricsServer":
        return self

    def __exit__(self, *details: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @contextmanager
    def __call__(self, report: DetectionReport, folder: Path) -> Iterator[Writer]:
        """Take the results of one source."""
        del folder
        source = report.source

        def take(result: Result) -> None:
            self._frames.labels(source).inc()
            self._events.labels(source).inc(sum(each.kind == "new" for each in result.changes))
            self._open.labels(source).set(len(result.events))
            self._score.labels(source).set(result.score)
            for state in STATES:
                self._state.labels(source, state).set(state == result.state)

        yield take
