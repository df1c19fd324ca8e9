"""What the clients of a load were told, as a file for the checker of histories (docs/history-format.md)."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.audit import NOT_DONE, OK, UNKNOWN, Books, Call

Line = dict[str, Any]

#: The house says whole milliseconds; a client's monotonic clock is put beside the wall clock once, after the load.
_CLOCK_ERROR_MS = 2.0

#: A level above saves a tenth of the bytes and takes twice the time.
_GZIP_LEVEL = 1

_FOREVER = float("inf")

#: What a hold is after it was just made, sold or released; if it is anything else, the change was another's.
_DONE = {"allocate": "ACTIVE", "confirm": "CONFIRMED", "release": "RELEASED"}


def write_history(
    path: Path, told: Iterable[tuple[int, Iterable[Call]]], rest: Iterable[Line], *, clock_wrong_ms: float = 0.0
) -> None:
    """Write calls, each part with the quantity its Allocates asked for, and what else is known. Makes the folder.

    `clock_wrong_ms`: by how much the house's clock was set wrong at times, either way.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", compresslevel=_GZIP_LEVEL, encoding="utf-8") as file:
        error_ms = _CLOCK_ERROR_MS + clock_wrong_ms
        head = {"type": "history", "version": 1, "clock_error_ms": error_ms, "about": "a load of the bench"}
        file.write(json.dumps(head) + "\n")
        for quantity, calls in told:
            file.writelines(json.dumps(operation(call, quantity)) + "\n" for call in calls)
        file.writelines(json.dumps(line) + "\n" for line in rest)


def operation(call: Call, quantity: int) -> Line:
    """One call as a line."""
    is_allocate = call.kind == "allocate"
    line: Line = {
        "type": "op",
        "sku": call.subject.split("/", 4)[3],
        "kind": call.kind,
        "request_id": call.request_id,
        "invoked_at_ms": call.sent_ms,
        "end": _end(call.answer),
    }
    if call.answered_ms < _FOREVER:
        line["returned_at_ms"] = call.answered_ms
    if is_allocate:
        line |= {"order_ref": call.ref, "quantity": quantity}
    else:
        line["hold"] = short(call.subject)
    if call.answer != OK:
        return line | {"reason": call.answer}
    line |= {"hold": short(call.hold), "state": call.state, "cards": [short(card) for card in call.cards]}
    line |= {"epoch": call.epoch, "seq": call.seq, "expires_at_ms": call.expires_ms}
    if call.replayed:
        return line | {"replayed": True}
    # A load has an order_ref for each request and ends each hold by one, so these moments are this very change's.
    if call.state == _DONE.get(call.kind):
        line["at_ms"] = call.made_ms if is_allocate else call.ended_ms
    if call.kind == "release":
        line["ended_at_ms"] = call.ended_ms
    return line


def books_line(books: Books) -> Line:
    """The house's own count."""
    counts = {name: getattr(books, name) for name in ("received", "on_shelf", "held", "sold", "void")}
    about = {"counted_at_ms": books.counted_at_ms, "laws_broken": list(books.violations)}
    return {"type": "books", "sku": books.sku, **counts, **about}


def short(name: str) -> str:
    """The last part of a name: within one SKU it says it all."""
    return name.rpartition("/")[2]


def _end(answer: str) -> str:
    if answer == OK:
        return "ok"
    if answer in NOT_DONE:
        return "not_done"
    return "info" if answer in UNKNOWN else "fail"
