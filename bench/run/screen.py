"""What a run says while it runs: one line that moves on a terminal, plain lines in a pipe. All of it on stderr."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status


class Screen:
    """Progress of one run."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._began_s = time.monotonic()
        self._status: Status | None = None
        self._place = ""

    @contextmanager
    def moving(self) -> Iterator[None]:
        """While inside, `say` moves one line on a terminal."""
        if not self._console.is_terminal:
            yield
            return
        with self._console.status("") as self._status:
            yield
        self._status = None

    def enter(self, place: str) -> None:
        """Where in the run we are, such as "round 2 of 5"; stands before what is said."""
        self._place = place

    def say(self, what: str) -> None:
        """What is being done now."""
        text = f"{self._place}: {what}" if self._place else what
        line = f"{time.monotonic() - self._began_s:6.1f} s  {text}"
        if self._status is None:
            self._console.print(line, soft_wrap=True, markup=False, highlight=False)
        else:
            self._status.update(line)

    def keep(self, what: str) -> None:
        """Something that should still be read when the run is over."""
        self._console.print(what, soft_wrap=True, markup=False, highlight=False)
