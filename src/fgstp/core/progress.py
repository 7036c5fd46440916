"""How far work is: a bar on a terminal, and elsewhere, such as in a log, a line now and then."""

import sys
from io import StringIO
from typing import Any

from tqdm import tqdm

LINE_EVERY_S = 30.0
LINE = "{desc}: {n_fmt} of {total_fmt}{unit} ({percentage:.0f} %), {remaining} left{postfix}"


class ProgressBar(tqdm):  # type: ignore[type-arg]  # only its stubs are generic
    """tqdm's bar on stderr; where that is no terminal, a line each half minute and one at the end.

    Work of less than half a minute prints no line.

    Args:
        given: as for tqdm.
        named: as for tqdm, except `file` and those about its layout.
    """

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - those of tqdm
        self._in_lines = not sys.stderr.isatty()
        if self._in_lines:
            seconds = dict.fromkeys(("mininterval", "maxinterval", "delay"), LINE_EVERY_S)
            # What tqdm itself writes would move a cursor.
            named = {"bar_format": LINE} | named | seconds | {"file": StringIO()}
        super().__init__(*given, **named)

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Show the bar, or write the line."""
        if not self._in_lines:
            super().display(msg, pos)
        elif line := str(self) if msg is None else msg:
            print(line, file=sys.stderr, flush=True)  # noqa: T201 - no message of a logger


class StatusLine(ProgressBar):
    """A line on stderr that says how things are; where that is no terminal, one each half minute.

    Args:
        disable: whether there is none.
    """

    def __init__(self, *, disable: bool = False) -> None:
        super().__init__(bar_format="{desc}", leave=False, disable=disable)

    def show(self, text: str) -> None:
        """Say how things are now."""
        self.set_description_str(text, refresh=False)
        self.update(0)
