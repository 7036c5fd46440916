"""Events by MQTT, which Home Assistant finds by itself."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import SplitResult, unquote

from fgstp.core.errors import UserError
from fgstp.detection.event_lines import Message, messages
from fgstp.detection.report import DetectionReport, Output
from fgstp.detection.result import Result, Writer
from fgstp.detection.sinks.addresses import address
from fgstp.detection.sinks.outbox import Outbox, OutboxSettings

PORTS = {"mqtt": 1883, "mqtts": 8883}
PREFIX, DISCOVERY = "fgstp", "homeassistant"
TIMEOUT_S = 5.0


def mqtt(url: str, settings: OutboxSettings | None = None) -> Output:
    """An output that publishes to a broker, which may come and go.

    Below `fgstp/<name of the source>/` it publishes `events` (each change of an event, as in
    `events.jsonl`), and as retained messages `gas` (`ON` while an event goes on, else `OFF`),
    `state` (that of the picture) and `available` (`online`, or `offline` as last will). A retained
    message below `homeassistant/` announces a sensor of class `gas`.

    Args:
        url: `mqtt://` or `mqtts://`, with user, password and port as far as they are needed.
        settings: how often a message is tried.

    Raises:
        UserError: it is no such address, or the package paho-mqtt is missing.
    """
    parts = address(url, PORTS, "broker", "mqtt://user:password@host:1883")
    try:
        import paho.mqtt.client  # noqa: F401, PLC0415 - an extra, which most do not need
    except ImportError as error:
        raise UserError("MQTT needs the package paho-mqtt; install fgstp[live].") from error

    @contextmanager
    def opened(report: DetectionReport, folder: Path) -> Iterator[Writer]:
        name = re.sub(r"[^\w-]+", "_", folder.name)
        with (
            _connected(parts, name) as publish,
            Outbox(publish, f"The broker {parts.hostname}", settings) as outbox,
        ):
            try:
                yield _Teller(report, f"{PREFIX}/{name}", outbox)
            finally:  # nobody watches
                outbox.put(_retained(f"{PREFIX}/{name}/gas", "OFF"))
                outbox.put(_retained(f"{PREFIX}/{name}/available", "offline"))

    return opened


class _Teller:
    """Takes results, and puts what changes into the outbox."""

    def __init__(self, report: DetectionReport, topic: str, outbox: Outbox) -> None:
        self._topic, self._outbox = topic, outbox
        self._send = messages(report, self._tell)
        self._is_on: bool | None = None

    def __call__(self, result: Result) -> None:
        self._send(result)
        if self._is_on != bool(result.events):
            self._is_on = bool(result.events)
            self._outbox.put(_retained(f"{self._topic}/gas", "ON" if self._is_on else "OFF"))

    def _tell(self, message: Message) -> None:
        if message["type"] == "state":
            self._outbox.put(_retained(f"{self._topic}/state", message["state"]))
        else:
            topic = f"{self._topic}/events"
            self._outbox.put({"topic": topic, "payload": json.dumps(message), "retain": False})


def _retained(topic: str, payload: str) -> Message:
    return {"topic": topic, "payload": payload, "retain": True}


@contextmanager
def _connected(parts: SplitResult, name: str) -> Iterator[Callable[[Message], None]]:
    """A client whose thread connects, again and again; yields what publishes a message."""
    from paho.mqtt.client import Client  # noqa: PLC0415 - as above
    from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415

    available, is_connected = f"{PREFIX}/{name}/available", threading.Event()

    def announce(client: Client, *_: object) -> None:
        client.publish(f"{DISCOVERY}/binary_sensor/{PREFIX}_{name}/config", _sensor(name), 1, True)
        client.publish(available, "online", 1, retain=True)
        is_connected.set()

    client = Client(CallbackAPIVersion.VERSION2, f"{PREFIX}-{name}")
    client.on_connect = announce
    client.on_disconnect = lambda *_: is_connected.clear()
    client.will_set(available, "offline", 1, retain=True)
    if parts.username:
        client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
    if parts.scheme == "mqtts":
        client.tls_set()

    def publish(message: Message) -> None:
        if not is_connected.wait(TIMEOUT_S):
            raise ConnectionError("there is no connection")
        sent = client.publish(**message, qos=1)
        if sent.rc == 0:
            sent.wait_for_publish(TIMEOUT_S)
        if not sent.is_published():
            raise TimeoutError("it does not answer")

    client.connect_async(str(parts.hostname), parts.port or PORTS[parts.scheme])
    client.loop_start()
    try:
        yield publish
    finally:
        client.disconnect()
        client.loop_stop()


def _sensor(name: str) -> str:
    """The announcement of a sensor, as Home Assistant expects it."""
    return json.dumps(
        {
            "name": "Gas",
            "unique_id": f"{PREFIX}_{name}",
            "device_class": "gas",
            "state_topic": f"{PREFIX}/{name}/gas",
            "availability_topic": f"{PREFIX}/{name}/available",
            "device": {"identifiers": [f"{PREFIX}_{name}"], "name": f"FGSTP {name}"},
        }
    )
