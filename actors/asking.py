"""What is asked of an owner in one go, and how whoever asked hears what came of it."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from engine.stock.commands import Command
from engine.stock.outcomes import Outcome

Asked = tuple[int, Command]
"""The last moment its caller waits for it, in milliseconds since 1970 (0 = no bound), and the command."""


class Answer(NamedTuple):
    """An outcome with the epoch and seq it rests on; None when the deadline passed before its turn."""

    epoch: int
    seq: int
    replayed: bool
    outcome: Outcome | None


class Hearer(Protocol):
    """Who hears what came of commands, once: a future, or what is like one."""

    def done(self) -> bool:
        """Whether it heard already, or listens no more."""

    def set_result(self, answers: Sequence[Answer], /) -> None:
        """Hear the answers, in the order of the commands."""

    def set_exception(self, failure: Exception, /) -> None:
        """Hear why there are none."""


def tell_failure(hearer: Hearer, failure: Exception) -> None:
    """Tell whoever still listens."""
    if not hearer.done():
        hearer.set_exception(failure)
