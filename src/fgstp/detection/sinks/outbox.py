"""Delivering messages without ever waiting for whom they are for."""

import logging
import threading
from collections import deque
from collections.abc import Callable

from pydantic import Field

from fgstp.core.config import Settings
from fgstp.detection.event_lines import Message

logger = logging.getLogger(__name__)


class RefusedError(Exception):
    """A message is refused, so that it need not be tried again."""


class OutboxSettings(Settings):
    """How often a message is tried.

    Attributes:
        attempts: how often it is tried before it is given up.
        first_wait_s: time until the second attempt; it doubles with each.
        longest_wait_s: longest time between two attempts.
        buffer_messages: messages that may wait; beyond that the oldest are dropped.
        closing_s: time at the end for what still waits.
    """

    attempts: int = Field(8, ge=1, le=1000)
    first_wait_s: float = Field(1.0, gt=0, le=3600)
    longest_wait_s: float = Field(60.0, gt=0, le=86_400)
    buffer_messages: int = Field(1000, ge=1, le=1_000_000)
    closing_s: float = Field(10.0, ge=0, le=3600)


class Outbox:
    """Delivers messages in the order given, in another thread, each tried several times.

    Args:
        deliver: delivers a message, or raises an OSError if it may be tried again, and a
            `RefusedError` if not.
        addressee: whom they are for, in warnings.
        settings: how often it is tried.

    Attributes:
        n_delivered: messages that were delivered.
        n_lost: messages that were given up.
    """

    def __init__(
        self,
        deliver: Callable[[Message], None],
        addressee: str,
        settings: OutboxSettings | None = None,
    ) -> None:
        self.n_delivered = self.n_lost = self._n_put = 0
        self._deliver, self._addressee = deliver, addressee
        self._settings = settings or OutboxSettings()
        self._waiting: deque[Message] = deque()
        self._changed = threading.Condition()
        self._is_closing, self._is_over = False, threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def put(self, message: Message) -> None:
        """Take a message; it returns at once."""
        with self._changed:
            if len(self._waiting) >= self._settings.buffer_messages:
                self._waiting.popleft()
                self.n_lost += 1
            self._waiting.append(message)
            self._n_put += 1
            self._changed.notify_all()

    def __enter__(self) -> "Outbox":
        return self

    def __exit__(self, *details: object) -> None:
        """Wait a while for what is left, and tell what was not delivered."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(self._settings.closing_s)
        self._is_over.set()
        if self.n_delivered < self._n_put:
            logger.warning(
                "%s got %d of %d messages.", self._addressee, self.n_delivered, self._n_put
            )

    def _work(self) -> None:
        while (message := self._next()) is not None and not self._is_over.is_set():
            is_delivered = self._tried(message)
            with self._changed:
                self.n_delivered += is_delivered
                self.n_lost += not is_delivered

    def _next(self) -> Message | None:
        """The oldest message; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closing)
            return self._waiting.popleft() if self._waiting else None

    def _tried(self, message: Message) -> bool:
        """Try a message until it is delivered; whether it is."""
        settings, wait_s = self._settings, self._settings.first_wait_s
        for attempt in range(1, settings.attempts + 1):
            try:
                self._deliver(message)
            except RefusedError as error:
                logger.warning("%s refuses a message (%s).", self._addressee, error)
                return False
            except OSError as error:
                reason = error.strerror or str(error)
                if attempt == 1:
                    logger.warning("%s cannot be reached (%s).", self._addressee, reason)
            else:
                return True
            if attempt < settings.attempts and self._is_over.wait(wait_s):
                return False
            wait_s = min(2 * wait_s, settings.longest_wait_s)
        return False
