import threading
from itertools import count

import pytest

from fgstp.core.ahead import ahead


def test_items_keep_their_order_and_their_end():
    assert list(ahead(range(100), 8)) == list(range(100))
    assert list(ahead([], 8)) == []
    assert list(ahead([None, None], 1)) == [None, None]


def test_items_are_made_in_another_thread_ahead_of_the_reader_but_not_further():
    made = []
    third = threading.Event()

    def making():
        for number in count():
            made.append((number, threading.current_thread()))
            if number == 3:
                third.set()
            yield number

    reading = ahead(making(), 3)
    assert next(reading) == 0
    assert third.wait(10)
    assert len(made) == 4  # the item that was read, and three ahead of it
    assert {thread for _, thread in made}.isdisjoint({threading.current_thread()})
    reading.close()
    n_made = len(made)
    assert n_made <= 5
    assert not made[0][1].is_alive()


def test_an_error_comes_in_its_place():
    def making():
        yield 1
        raise ValueError("of the items")

    reading = ahead(making(), 5)
    assert next(reading) == 1
    with pytest.raises(ValueError, match="of the items"):
        next(reading)
    assert list(reading) == []
