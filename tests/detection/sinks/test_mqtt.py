import json
import os
import shutil
import socket
import subprocess
import threading
from contextlib import contextmanager

import pytest

from fgstp.core.errors import UserError
from fgstp.detection.sinks import mqtt
from fgstp.detection.sinks.outbox import OutboxSettings

client = pytest.importorskip("paho.mqtt.client")
BROKER = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@contextmanager
def broker(tmp_path):
    """A broker on a free port of this machine; yields the port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = tmp_path / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen([BROKER, "-c", settings], stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def listener(port):
    """Everything that is published, and what waits for a message of a topic."""
    heard, changed, is_on = [], threading.Condition(), threading.Event()

    def hear(_client, _data, message):
        with changed:
            heard.append((message.topic, message.payload.decode(), bool(message.retain)))
            changed.notify_all()

    def wait_for(topic, payload):
        def has_come():
            return any((each[0], each[1]) == (topic, payload) for each in heard)

        with changed:
            assert changed.wait_for(has_come, timeout=20), heard

    ear = client.Client(client.CallbackAPIVersion.VERSION2, "ear")
    ear.on_message = hear
    ear.on_connect = lambda *_: ear.subscribe("#", 1)
    ear.on_subscribe = lambda *_: is_on.set()
    ear.connect_async("127.0.0.1", port)
    ear.loop_start()
    try:
        assert is_on.wait(20)
        yield heard, wait_for
    finally:
        ear.disconnect()
        ear.loop_stop()


@pytest.mark.skipif(BROKER is None, reason="needs the package mosquitto of the system")
def test_a_broker_gets_events_states_and_an_announcement(hand_over, tmp_path):
    with broker(tmp_path) as port, listener(port) as (heard, wait_for):
        hand_over(mqtt(f"mqtt://127.0.0.1:{port}"))
        wait_for("fgstp/pad_A/available", "offline")
    told = {topic: [text for each, text, _ in heard if each == topic] for topic, _, _ in heard}
    assert [json.loads(text)["type"] for text in told["fgstp/pad_A/events"]] == ["new", "end"]
    assert told["fgstp/pad_A/state"] == ["warming_up", "watching"]
    assert told["fgstp/pad_A/gas"] == ["OFF", "ON", "OFF", "OFF"]
    assert told["fgstp/pad_A/available"] == ["online", "offline"]
    [announced] = map(json.loads, told["homeassistant/binary_sensor/fgstp_pad_A/config"])
    assert announced["device_class"] == "gas"
    assert announced["state_topic"] == "fgstp/pad_A/gas"
    assert announced["availability_topic"] == "fgstp/pad_A/available"


@pytest.mark.skipif(BROKER is None, reason="needs the package mosquitto of the system")
def test_who_comes_later_learns_the_last_state(hand_over, tmp_path):
    with broker(tmp_path) as port:
        with listener(port) as (_, wait_for):
            hand_over(mqtt(f"mqtt://127.0.0.1:{port}"))
            wait_for("fgstp/pad_A/available", "offline")
        with listener(port) as (heard, wait_for):
            wait_for("fgstp/pad_A/gas", "OFF")
            wait_for("fgstp/pad_A/available", "offline")
    assert all(retained for _, _, retained in heard)
    assert "fgstp/pad_A/events" not in {topic for topic, _, _ in heard}


def test_a_broker_that_is_away_stops_nothing(hand_over, caplog):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    report = hand_over(mqtt(f"mqtt://127.0.0.1:{port}", OutboxSettings(closing_s=0.1)))
    assert len(report.events) == 1
    assert "127.0.0.1 got 0 of" in caplog.text


@pytest.mark.parametrize(
    "url", ["", "host:1883", "http://host", "mqtt://", "mqtt://h:99999", "mqtt://h:a"]
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(UserError, match="no broker"):
        mqtt(url)
