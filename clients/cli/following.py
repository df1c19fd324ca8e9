"""Following a house that starts or stops: a spinner on a terminal, plain lines elsewhere, nothing for programs."""

import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from clients.cli import show

if TYPE_CHECKING:
    from rich.status import Status

#: How often run.json is looked at: a person notices no more.
look_every_s = 0.1

_TAIL_LINES = 5
_TAIL_BYTES = 4_096


class Follower:
    """Tells each new step once."""

    def __init__(self, title: str, *, quiet: bool) -> None:
        self._title = title
        self._quiet = quiet
        self._told = ""
        self._status: Status | None = None

    def __enter__(self) -> Self:
        screen = show.err()
        if not self._quiet and screen.is_terminal:
            self._status = screen.status(self._title)
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def tell(self, step: str) -> None:
        """What is being done now."""
        if self._quiet or not step or step == self._told:
            return
        self._told = step
        if self._status is None:
            show.err().print(f"{self._title}: {step}")
        else:
            self._status.update(f"{self._title}: {step}")

    def wait(self, for_s: float = look_every_s) -> None:
        """Until the next look."""
        time.sleep(for_s)


def last_lines(log: Path) -> str:
    """How a log ends."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.strip().splitlines()[-_TAIL_LINES:])
