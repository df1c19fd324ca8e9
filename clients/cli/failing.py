"""How a command fails: its exit code, one line about what happened, one line about what to do next.

What a server's no means is in refusal_words.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from clients.cli.refusal_words import next_step, what_happened

if TYPE_CHECKING:
    from cardkeep_client import CardkeepError


class ExitCode(IntEnum):
    """What a script may rely on."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    OUTCOME_UNKNOWN = 4
    UNREACHABLE = 5


EXIT_CODES: Mapping[ExitCode, str] = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "failed; nothing was sold or changed unless the text says so",
    ExitCode.USAGE: "the command was typed wrong",
    ExitCode.REFUSED: "refused by the engine, a definite no (OUT_OF_STOCK, say); nothing was taken",
    ExitCode.OUTCOME_UNKNOWN: "outcome unknown: it may have happened; run the printed command, it never acts twice",
    ExitCode.UNREACHABLE: "no server answers; start one with `cardkeep up`",
}


@dataclass(kw_only=True, eq=False)
class CommandFailed(Exception):
    """Ends a command. `facts` are for programs; texts are for people and hold no code of a card."""

    what: str
    do: str
    exit_code: ExitCode = ExitCode.FAILED
    reason: str = "FAILED"
    request_id: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.what

    def as_plain(self) -> dict[str, object]:
        """The failure as a JSON document."""
        return {
            "error": {
                "reason": self.reason,
                "what": self.what,
                "do": self.do,
                "exit_code": int(self.exit_code),
                "request_id": self.request_id,
                "facts": dict(self.facts),
            }
        }


def wrong_usage(what: str, do: str) -> CommandFailed:
    """The command was typed wrong."""
    return CommandFailed(what=what, do=do, exit_code=ExitCode.USAGE, reason="USAGE")


def unreachable(target: str) -> CommandFailed:
    """Nobody listens there."""
    return CommandFailed(
        what=f"No Cardkeep server answers at {target}.",
        do="Start one with `cardkeep up`, or say where it is with --server host:port.",
        exit_code=ExitCode.UNREACHABLE,
        reason="UNREACHABLE",
        facts={"server": target},
    )


def failure_of(error: "CardkeepError", *, again: str, target: str, about: Mapping[str, str]) -> CommandFailed:
    """The failure an error of the client is.

    `again` is the command that asks again with the same request id; `about` is what the command named.
    """
    what = what_happened(error, about)
    facts = dict(error.metadata)
    match error.did_it_happen:
        case "unknown" if error.reason != "CARD_UNREADABLE":
            do = f"It may have happened. Ask again, it never acts twice:\n  {again}"
            code = ExitCode.OUTCOME_UNKNOWN
            what = f"No answer, so the outcome of request {error.request_id} is unknown."
        case "refused":
            do, code = next_step(error, about, "Nothing was taken."), ExitCode.REFUSED
        case "no" if error.reason == "NO_ANSWER" and error.code == "UNAVAILABLE":
            return unreachable(target)
        case _:
            do, code = next_step(error, about, "Nothing happened. Run the command again in a moment."), ExitCode.FAILED
    return CommandFailed(
        what=what, do=do, exit_code=code, reason=error.reason, request_id=error.request_id, facts=facts
    )
