"""Lines of histories, short to write: a SKU with a few cards, and calls that last from one moment to another."""

from collections.abc import Iterable, Sequence
from typing import Any

from bench.checker.check import check_sku
from bench.checker.history import SkuHistory
from bench.checker.verdict import Verdict

Line = dict[str, Any]

#: Far beyond whatever a test does.
LATER_MS = 900_000.0


def judge(lines: Iterable[Line], *, clock_error_ms: float = 0.0) -> Verdict:
    """What the checker says of them."""
    histories: dict[str, SkuHistory] = {}
    for number, line in enumerate(lines, 2):
        history = histories.setdefault(line["sku"], SkuHistory(line["sku"], clock_error_ms))
        history.add(line, number)
    verdict = Verdict()
    for history in histories.values():
        check_sku(history, verdict)
    return verdict


def broken(lines: Iterable[Line], *, clock_error_ms: float = 0.0) -> set[str]:
    """The rules that are seen to be broken."""
    return set(judge(lines, clock_error_ms=clock_error_ms).broken)


def stocked(count: int, **changed: Any) -> Line:
    """An import of so many cards, 1-0 and on, that was answered before any call."""
    line = {"type": "import", "sku": "A", "import_id": "first", "ranges": [["1-", 0, count]], "end": "ok", "seq": 1}
    return line | {"invoked_at_ms": 1.0, "returned_at_ms": 2.0} | changed


def call(kind: str, name: str, span: tuple[float, float | None], **answer: Any) -> Line:
    """A call that lasted from one moment to another; without a second one nobody heard an answer."""
    asked_ms, heard_ms = span
    line = {"type": "op", "sku": "A", "kind": kind, "request_id": name, "invoked_at_ms": asked_ms}
    return line | {"returned_at_ms": heard_ms, "end": "ok" if heard_ms is not None else "info"} | answer


def held(hold: str, cards: Sequence[str], seq: int, span: tuple[float, float | None], **changed: Any) -> Line:
    """An Allocate that got cards; the house says that it was in the middle of the call."""
    terms = {"order_ref": f"order-{hold}", "quantity": len(cards), "expires_at_ms": LATER_MS, "epoch": 1}
    line = call("allocate", f"a{hold}", span, hold=hold, state="ACTIVE", cards=list(cards), seq=seq, **terms)
    return line | {"at_ms": (span[0] + (span[1] or span[0])) / 2} | changed


def refused(name: str, span: tuple[float, float], *, quantity: int = 1, **changed: Any) -> Line:
    """An Allocate that was told that there are too few cards."""
    return call("allocate", name, span, end="fail", reason="OUT_OF_STOCK", quantity=quantity) | changed


def sold(hold: str, cards: Sequence[str], seq: int, span: tuple[float, float], **changed: Any) -> Line:
    """A Confirm that bought these cards."""
    answer = {"state": "CONFIRMED", "cards": list(cards), "seq": seq, "epoch": 1}
    return call("confirm", f"c{hold}", span, hold=hold, **answer) | changed


def released(hold: str, seq: int, span: tuple[float, float], **changed: Any) -> Line:
    """A Release that ended a hold."""
    ended_ms = (span[0] + span[1]) / 2
    answer = {"state": "RELEASED", "seq": seq, "epoch": 1, "ended_at_ms": ended_ms}
    return call("release", f"r{hold}", span, hold=hold, **answer) | changed


def no(kind: str, hold: str, reason: str, span: tuple[float, float], **changed: Any) -> Line:
    """A call about a hold that was refused."""
    return call(kind, f"{kind}-{hold}-{span[0]}", span, hold=hold, end="fail", reason=reason) | changed


def books(received: int, *, held: int = 0, sold: int = 0, void: int = 0, at_ms: float = 1_000.0) -> Line:
    """What an honest house counts at the end."""
    counts = {"received": received, "held": held, "sold": sold, "void": void}
    return {"type": "books", "sku": "A", "counted_at_ms": at_ms, "on_shelf": received - held - sold - void, **counts}


def final(hold: str, state: str, cards: Sequence[str] = ()) -> Line:
    """A hold as it was read at the end."""
    return {"type": "final", "sku": "A", "hold": hold, "state": state, "cards": list(cards)}
