"""Events by MQTT, which Home Assistant finds by itself."""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from fgstp.core.errors import UserError
from fgstp.detection.event_lines import Message, messages
from fgstp.detection.report import DetectionReport, Output
from fgstp.detection.result import Result, Writer

PORTS = {"mqtt": 1883, "mqtts": 8883}
PREFIX, DISCOVERY = "fgstp", "homeassistant"
BUFFER_MESSAGES, CLOSING_S = 1000, 5.0

logger = logging.getLogger(__name__)


def mqtt(url: str) -> Output:
    """An output that publishes to a broker, which may come and go.

    Below `fgstp/<name of the source>/` it publishes `events` (each change of an event, as in
    `events.jsonl`), and as retained messages `gas` (`ON` while an event goes on, else `OFF`),
    `state` (that of the picture) and `available` (`online`, or `offline` as last will). A retained
    message below `homeassistant/` announces a sensor of class `gas`.

    Args:
        url: `mqtt://` or `mqtts://`, with user, password and port as far as they are needed.

    Raises:
        UserError: it is no such address, or the package paho-mqtt is missing.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise UserError(f"{url} is no broker; name one such as mqtt://user:password@host:1883.")
    try:
        import paho.mqtt.client  # noqa: F401, PLC0415 - an extra, which most do not need
    except ImportError as error:
        raise UserError("MQTT needs the package paho-mqtt; install fgstp[live].") from error

    @contextmanager
    def opened(report: DetectionReport, folder: Path) -> Iterator[Writer]:
        name = re.sub(r"[^\w-]+", "_", folder.name)
        with _connected(parts, name) as client:
            send = messages(report, lambda message: _publish(client, name, message))
            is_on: bool | None = None

            def tell(*, is_leaking: bool) -> None:
                nonlocal is_on
                if is_on != is_leaking:
                    is_on = is_leaking
                    client.publish(f"{PREFIX}/{name}/gas", "ON" if is_on else "OFF", 1, retain=True)

            def take(result: Result) -> None:
                send(result)
                tell(is_leaking=bool(result.events))

            try:
                yield take
            finally:
                tell(is_leaking=False)  # nobody watches

    return opened


def _publish(client: Any, name: str, message: Message) -> None:  # noqa: ANN401 - of an extra
    if message["type"] == "state":
        client.publish(f"{PREFIX}/{name}/state", message["state"], 1, retain=True)
    else:
        client.publish(f"{PREFIX}/{name}/events", json.dumps(message), 1)


@contextmanager
def _connected(parts: SplitResult, name: str) -> Iterator[Any]:
    """A client whose thread connects, again and again; messages wait meanwhile."""
    from paho.mqtt.client import Client  # noqa: PLC0415 - as above
    from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415

    available = f"{PREFIX}/{name}/available"
    host = str(parts.hostname)

    def announce(client: Client, *_: object) -> None:
        client.publish(f"{DISCOVERY}/binary_sensor/{PREFIX}_{name}/config", _sensor(name), 1, True)
        client.publish(available, "online", 1, retain=True)

    def warn(*_: object) -> None:
        logger.warning("The broker %s cannot be reached; trying again.", host)

    client = Client(CallbackAPIVersion.VERSION2, f"{PREFIX}-{name}")
    client.on_connect, client.on_connect_fail = announce, warn
    client.max_queued_messages_set(BUFFER_MESSAGES)
    client.will_set(available, "offline", 1, retain=True)
    if parts.username:
        client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
    if parts.scheme == "mqtts":
        client.tls_set()
    client.connect_async(host, parts.port or PORTS[parts.scheme])
    client.loop_start()
    try:
        yield client
    finally:
        last = client.publish(available, "offline", 1, retain=True)
        if client.is_connected():
            last.wait_for_publish(CLOSING_S)
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
