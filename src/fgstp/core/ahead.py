"""Working ahead of whoever takes the results."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

Item = TypeVar("Item")


def ahead(items: Iterable[Item], n_items: int) -> Iterator[Item]:
    """Iterate in another thread, so that an item is made while its predecessors are used.

    Order and errors are those of the items. When the reader stops, the thread ends after the item
    that it is at.

    Args:
        items: what is iterated over.
        n_items: items that are made before they are asked for, at most.
    """
    end = object()
    making = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        waiting = deque(pool.submit(next, making, end) for _ in range(n_items))
        try:
            while (item := waiting.popleft().result()) is not end:
                waiting.append(pool.submit(next, making, end))
                yield cast("Item", item)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
