import threading

import pytest

from fgstp.detection.sinks.outbox import Outbox, OutboxSettings, RefusedError

QUICK = OutboxSettings(attempts=4, first_wait_s=0.001, longest_wait_s=0.01)


def test_messages_are_delivered_in_the_order_given():
    delivered = []
    with Outbox(delivered.append, "they", QUICK) as outbox:
        for number in range(20):
            outbox.put({"number": number})
    assert [each["number"] for each in delivered] == list(range(20))
    assert (outbox.n_delivered, outbox.n_lost) == (20, 0)


def test_a_message_is_tried_again_until_it_arrives():
    tried = []

    def deliver(message):
        tried.append(message["number"])
        if len(tried) < 3:
            raise ConnectionRefusedError(111, "refused")

    with Outbox(deliver, "they", QUICK) as outbox:
        outbox.put({"number": 1})
        outbox.put({"number": 2})
    assert tried == [1, 1, 1, 2]
    assert (outbox.n_delivered, outbox.n_lost) == (2, 0)


def test_after_some_attempts_a_message_is_given_up_and_told(caplog):
    tried = []

    def deliver(message):
        tried.append(message)
        raise OSError("away")

    with Outbox(deliver, "they", QUICK) as outbox:
        outbox.put({"number": 1})
    assert len(tried) == QUICK.attempts
    assert (outbox.n_delivered, outbox.n_lost) == (0, 1)
    assert "they got 0 of 1" in caplog.text


def test_what_is_refused_is_not_tried_again():
    tried = []

    def deliver(message):
        tried.append(message)
        raise RefusedError("no")

    with Outbox(deliver, "they", QUICK) as outbox:
        outbox.put({"number": 1})
    assert len(tried) == outbox.n_lost == 1


def test_putting_never_waits_and_keeps_the_newest():
    may_go_on, has_begun, delivered = threading.Event(), threading.Event(), []

    def deliver(message):
        has_begun.set()
        may_go_on.wait(10)
        delivered.append(message["number"])

    settings = QUICK.model_copy(update={"buffer_messages": 3})
    with Outbox(deliver, "they", settings) as outbox:
        outbox.put({"number": 0})
        assert has_begun.wait(10)  # so that it waits no longer
        for number in range(1, 8):
            outbox.put({"number": number})
        may_go_on.set()
    assert delivered == [0, 5, 6, 7]
    assert outbox.n_lost == 4


@pytest.mark.parametrize("closing_s", [0.0, 0.05])
def test_the_end_does_not_wait_for_ever(closing_s, caplog):
    may_go_on = threading.Event()
    settings = QUICK.model_copy(update={"closing_s": closing_s})
    with Outbox(lambda _: may_go_on.wait(10), "they", settings) as outbox:
        outbox.put({})
        outbox.put({})
    assert "they got 0 of 2" in caplog.text
    may_go_on.set()
