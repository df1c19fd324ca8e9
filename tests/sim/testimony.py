"""What the simulator's callers were told, in the form of a history (docs/history-format.md).

The checker of `bench/checker/` judges it; it knows nothing of the engine, of the journal, or of this simulator.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from actors.asking import Answer
from bench.checker.check import check_sku
from bench.checker.history import VERSION, SkuHistory
from bench.checker.verdict import Verdict
from engine.names import SERIAL_BITS, SERIAL_MAX, BatchNo, Card, PoolName
from engine.stock import commands as ask
from engine.stock import outcomes as said
from engine.stock.outcomes import Outcome

#: The clocks of owners are wrong by at most this, and they count whole milliseconds.
CLOCK_ERROR_MS = 90_001.0

_KINDS: dict[type, str] = {
    ask.Allocate: "allocate",
    ask.Confirm: "confirm",
    ask.Release: "release",
    ask.Extend: "extend",
    ask.Replace: "replace",
    ask.GetHold: "get_hold",
    ask.Withdraw: "withdraw",
}

Line = dict[str, Any]


class Testimony:
    """Every line about every pool."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._chunks: dict[tuple[PoolName, BatchNo, int], Line] = {}

    def heard(self, pool: PoolName, command: ask.Command, asked_ms: float, heard_ms: float, answer: Answer) -> None:
        """An answer; without an outcome it says that nothing happened."""
        if isinstance(command, ask.Receive):
            # "Again" is also said to who brings more of a chunk than was taken: it does not say what came in.
            if isinstance(answer.outcome, said.Received) and not answer.outcome.again:
                came = {"end": "ok", "returned_at_ms": heard_ms, "seq": answer.seq}
                self._chunks[pool, command.batch, command.chunk] = _import(pool, command, asked_ms) | came
            elif isinstance(answer.outcome, said.Received):
                self.silent(pool, command, asked_ms)
            return
        if type(command) in _KINDS:
            line = {**_asked(pool, command, asked_ms), "returned_at_ms": heard_ms, **_end(answer)}
            self.lines.append(line)

    def silent(self, pool: PoolName, command: ask.Command, asked_ms: float) -> None:
        """It may have happened."""
        if isinstance(command, ask.Receive):
            may_have_come = _import(pool, command, asked_ms) | {"end": "info"}
            chunk = self._chunks.setdefault((pool, command.batch, command.chunk), may_have_come)
            if chunk["end"] == "info":  # Of several askings any may have been the one, the earliest too.
                chunk["invoked_at_ms"] = min(asked_ms, chunk["invoked_at_ms"])
        elif type(command) in _KINDS:
            self.lines.append({**_asked(pool, command, asked_ms), "end": "info"})

    def undone(self, pool: PoolName, command: ask.Command, asked_ms: float, heard_ms: float) -> None:
        """Nothing happened, it was said."""
        if type(command) in _KINDS:
            self.lines.append({**_asked(pool, command, asked_ms), "returned_at_ms": heard_ms, "end": "not_done"})

    def end(
        self, pool: PoolName, audited: Outcome | None, found: Iterable[Outcome | None], counted_at_ms: float
    ) -> None:
        """The count of everything, and holds as they were read, at the very end."""
        for outcome in found:
            if isinstance(outcome, said.HoldFound):
                view = outcome.view
                line = {"type": "final", "sku": pool.sku, "hold": str(view.hold), "state": view.state.value}
                self.lines.append(line | {"order_ref": view.order_ref, "cards": list(map(_card, view.cards))})
        if isinstance(audited, said.Audited):
            self._books(pool, audited, counted_at_ms)

    def _books(self, pool: PoolName, audited: said.Audited, counted_at_ms: float) -> None:
        shelf, broken = audited.shelf, list(audited.violations)
        counts = {name: getattr(shelf, name) for name in ("received", "on_shelf", "held", "sold", "void")}
        line = {"type": "books", "sku": pool.sku, "counted_at_ms": counted_at_ms, "laws_broken": broken}
        self.lines.append(line | counts)

    def digests(self, pool: PoolName, served: str, replayed: str) -> None:
        """The living pool, and what a replay makes of its journal."""
        self.lines.append({"type": "digests", "sku": pool.sku, "served": served, "replayed": replayed})

    def whole(self) -> list[Line]:
        """Every line, imports included."""
        return [*self._chunks.values(), *self.lines]

    def verdict(self) -> Verdict:
        """What the checker says of it."""
        return judge(self.whole())


def write(path: Path, lines: list[Line]) -> None:
    """The lines as a file for `python -m bench check-history`."""
    head = {"type": "history", "version": VERSION, "clock_error_ms": CLOCK_ERROR_MS, "about": "a simulated house"}
    path.write_text("".join(json.dumps(line) + "\n" for line in (head, *lines)))


def judge(lines: list[Line]) -> Verdict:
    """What the checker says of some lines."""
    histories: dict[str, SkuHistory] = {}
    for number, line in enumerate(lines, 1):
        if line["sku"] not in histories:
            histories[line["sku"]] = SkuHistory(line["sku"], CLOCK_ERROR_MS)
        histories[line["sku"]].add(line, number)
    verdict = Verdict()
    for history in histories.values():
        check_sku(history, verdict)
    return verdict


def _card(card: Card) -> str:
    return f"{card >> SERIAL_BITS}-{card & SERIAL_MAX}"


def _import(pool: PoolName, command: ask.Receive, asked_ms: float) -> Line:
    return {
        "type": "import",
        "sku": pool.sku,
        "import_id": str(command.batch),
        "ranges": [[f"{command.batch}-", command.first_serial, len(command.prints)]],
        "invoked_at_ms": asked_ms,
        "perishable": any(expires_at_ms is not None for _, expires_at_ms in command.lots),
    }


def _asked(pool: PoolName, command: ask.Command, asked_ms: float) -> Line:
    line: Line = {"type": "op", "sku": pool.sku, "kind": _KINDS[type(command)], "invoked_at_ms": asked_ms}
    match command:
        case ask.Allocate():
            line |= {"order_ref": command.order_ref, "quantity": command.quantity, "partial": command.partial}
        case ask.Confirm():
            line |= {"hold": str(command.hold), "quantity": command.quantity, "late": command.late == ask.REACQUIRE}
        case ask.Release() | ask.Extend() | ask.Replace() | ask.GetHold():
            line["hold"] = str(command.hold)
    if isinstance(command, ask.Remembered):
        line["request_id"] = command.request_id
    return line


def _end(answer: Answer) -> Line:
    line: Line = {"end": "ok", "epoch": answer.epoch, "seq": answer.seq, "replayed": answer.replayed}
    match answer.outcome:
        case None:
            return {"end": "not_done"}
        case said.Refused(reason):
            return line | {"end": "fail", "reason": reason.value}
        case said.Held():
            return line | _shown(answer.outcome.view) | {"at_ms": answer.outcome.created_at_ms}
        case said.Replaced(view, _, fresh):
            return line | {"hold": str(view.hold), "cards": [_card(fresh)]}
        case said.HoldFound(view) | said.Confirmed(view) | said.Released(view) | said.Extended(view):
            return line | _shown(view)
    return line


def _shown(view: said.HoldView) -> Line:
    is_over = view.state in (said.HoldState.RELEASED, said.HoldState.EXPIRED)
    return {
        "hold": str(view.hold),
        "state": view.state.value,
        "cards": [] if is_over else list(map(_card, view.cards)),
        "expires_at_ms": view.expires_at_ms,
        "ended_at_ms": view.ended_at_ms,
    }
