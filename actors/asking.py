"""What is asked of an owner in one go, and how whoever asked hears what came of it."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from engine.stock.commands import Command
from engine.stock.outcomes import Outcome

Asked = tuple[int, Command]
"""The last moment its caller waits for it, in milliseconds since 1970 (0 = no bound), and the command."""


class Reply(NamedTuple):
    """An outcome with its place in the pool's history; `outcome` is None when the deadline had passed."""

    seq: int
    replayed: bool
    outcome: Outcome | None


TOO_LATE = Reply(0, replayed=False, outcome=None)

Decided = tuple[int, Sequence[Reply]]
"""The epoch in which commands were decided, and a reply to each."""


_Heard_contra = TypeVar("_Heard_contra", contravariant=True)


class Hearer(Protocol[_Heard_contra]):
    """Who hears what came of commands, once: a future, or what is like one."""

    def done(self) -> bool:
        """Whether it heard already, or listens no more."""

    def set_result(self, heard: _Heard_contra, /) -> None:
        """Hear the answers, in the order of the commands."""

    def set_exception(self, failure: Exception, /) -> None:
        """Hear why there are none."""


def tell_failure(hearer: Hearer[Any], failure: Exception) -> None:
    """Tell whoever still listens."""
    if not hearer.done():
        hearer.set_exception(failure)
