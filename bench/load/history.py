"""What was asked and what was answered, call by call: the client's witness for the audit.

**The file**: a line of JSON (what each kind of call is), then a record for each call that ended: `_RECORD`, the call's
id, its subject, and what came: the reply message as it was received, or the trailers of an error. Nothing is parsed
while the load runs; whoever reads pays for it.

A client that may be killed writes each call down once more before it is sent (`begun`), and gives every turn to the
system, which keeps it. Such a history may end in the middle of a record.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import IO, NamedTuple

from actors.front.http2.frames import MESSAGE_HEAD
from bench.load.exchange import OK, Exchange, Kind, outcome
from bench.load.ids import CALL_CHARS, item_chars
from bench.load.plan import ITEMS_MAX

_FORMAT = "cardkeep load history 1"
#: Number of its kind, items, invoked, completed (0: never), status (-1: none), bytes of subject and of what came.
_RECORD = Struct("<IHqqbII")
_UNANSWERED, _BEGUN = -1, -2
_BUFFER_BYTES = 1 << 18
_ITEMS = [item_chars(item).decode() for item in range(ITEMS_MAX)]


class _Cut(ValueError):
    def __init__(self) -> None:
        super().__init__("the history ends in the middle of a call")


class Item(NamedTuple):
    """One wish of a call: a unary call has one, a batch call one for each of its items, in order."""

    #: The wish's own id; the same again in a later call is a retry.
    request_id: str
    #: Allocate: the order_ref. Confirm: the payment_ref. Release: "".
    ref: str
    #: Allocate: the SKU, `tenants/default/skus/…`. Confirm and Release: the hold's name.
    subject: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call as its client saw it. What it did happened between `invoked_ns` and `completed_ns`."""

    #: "Allocate", "Confirm", "Release", "BatchAllocate" or "BatchRelease".
    method: str
    items: tuple[Item, ...]
    #: CLOCK_MONOTONIC, so that processes of one machine agree. Taken before the first byte was sent …
    invoked_ns: int
    #: … and after the last byte of the answer was read; None when no answer came: what happened is unknown.
    completed_ns: int | None
    #: The gRPC status (0 is OK); None when no answer came.
    status: int | None
    #: Of an error: the reason of its ErrorInfo, "" when it had none.
    reason: str
    #: Of an OK answer: the serialised reply message, for the generated classes to parse.
    reply: bytes


class Writer:
    """The history of one client process, being written. `close` writes what is still in memory."""

    def __init__(self, path: Path, kinds: Sequence[Kind], *, is_killable: bool = False) -> None:
        self.path = path
        self._file = path.open("wb", buffering=_BUFFER_BYTES)
        described = [{"method": kind.method, "sku": kind.sku} for kind in kinds]
        head = {"format": _FORMAT, "kinds": described, "killable": is_killable}
        self._file.write(json.dumps(head).encode() + b"\n")

    def answered(self, ended: Exchange, status: int, completed_ns: int) -> None:
        """Write down a call and its answer."""
        self._write(ended, completed_ns, status, ended.trailers if status else ended.reply)

    def unanswered(self, ended: Exchange) -> None:
        """Write down a call of which nobody knows what it did."""
        self._write(ended, 0, _UNANSWERED, b"")

    def begun(self, begun: Iterable[Exchange]) -> None:
        """Write down calls before they are sent, and let the system have all that was written."""
        for call in begun:
            self._write(call, 0, _BEGUN, b"")
        self._file.flush()

    def close(self) -> None:
        """The file is complete."""
        self._file.close()

    def _write(self, ended: Exchange, completed_ns: int, status: int, came: bytes) -> None:
        kind, subject = ended.kind.number, ended.subject
        head = _RECORD.pack(kind, ended.items, ended.invoked_ns, completed_ns, status, len(subject), len(came))
        self._file.write(b"".join((head, ended.id, subject, came)))


def read(path: Path) -> Iterator[Call]:
    """Every call of one client process, in the order of their ends; those never answered, last.

    Raises ValueError when the file is not a history or ends in the middle of a call.
    """
    with path.open("rb", buffering=_BUFFER_BYTES) as file:
        try:
            about = json.loads(file.readline())
        except ValueError:
            about = {}
        if not isinstance(about, dict) or about.get("format") != _FORMAT:
            raise ValueError(f"{path} is no history")
        kinds = [(kind["method"], kind["sku"]) for kind in about["kinds"]]
        begun: dict[tuple[str, int], Call] = {}
        while record := _record(kinds, file, is_killable=bool(about.get("killable"))):
            status, call = record
            key = call.items[0].request_id, call.invoked_ns
            if status == _BEGUN:
                begun[key] = call
            else:
                begun.pop(key, None)
                yield call
        yield from begun.values()


def _record(kinds: Sequence[tuple[str, str]], file: IO[bytes], *, is_killable: bool) -> tuple[int, Call] | None:
    """The next record, with its status; None at the end. Raises ValueError."""
    head = file.read(_RECORD.size)
    try:
        return _call(kinds, head, file) if head else None
    except _Cut:
        if is_killable:
            return None
        raise


def _call(kinds: Sequence[tuple[str, str]], head: bytes, file: IO[bytes]) -> tuple[int, Call]:
    if len(head) < _RECORD.size:
        raise _Cut
    kind, items, invoked_ns, completed_ns, status, subject_bytes, came_bytes = _RECORD.unpack(head)
    method, sku = kinds[kind]
    rest = file.read(CALL_CHARS + subject_bytes + came_bytes)
    if len(rest) < CALL_CHARS + subject_bytes + came_bytes:
        raise _Cut
    call_id = rest[:CALL_CHARS].decode()
    subjects = [sku] * items if sku else rest[CALL_CHARS : CALL_CHARS + subject_bytes].decode().split("\n")
    came = rest[CALL_CHARS + subject_bytes :]
    ids = [call_id + _ITEMS[item] for item in range(items)]
    has_ref = method not in ("Release", "BatchRelease")
    return status, Call(
        method=method,
        items=tuple([Item(name, name if has_ref else "", on) for name, on in zip(ids, subjects, strict=True)]),
        invoked_ns=invoked_ns,
        completed_ns=completed_ns or None,
        status=None if status < OK else status,
        reason=outcome(came).reason if status > OK else "",
        reply=came[MESSAGE_HEAD.size :] if status == OK else b"",
    )
