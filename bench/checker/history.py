"""What a history file has, line by line. See docs/history-format.md; what is here are its lines as values.

Moments are milliseconds since 1970. Names of holds and cards are any text that is unique within their SKU.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any

VERSION = 1

NEVER = float("inf")

#: How an operation ended.
OK, FAIL, NOT_DONE, INFO = "ok", "fail", "not_done", "info"
_ENDS = frozenset((OK, FAIL, NOT_DONE, INFO))

ALLOCATE, CONFIRM, RELEASE, EXTEND, REPLACE, GET_HOLD, WITHDRAW = (
    *("allocate", "confirm", "release", "extend", "replace", "get_hold", "withdraw"),
)
_KINDS = frozenset((ALLOCATE, CONFIRM, RELEASE, EXTEND, REPLACE, GET_HOLD, WITHDRAW))

ACTIVE, CONFIRMED, RELEASED, EXPIRED = "ACTIVE", "CONFIRMED", "RELEASED", "EXPIRED"


class HistoryUnreadable(Exception):
    """The file is no history, or a line of it is none; the text says where."""


@dataclass(slots=True)
class Operation:
    """One asking and its answer. A request that was sent twice is two operations with one request_id."""

    kind: str
    request_id: str
    #: The hold it was about (of an allocate: the one it got).
    hold: str
    invoked_at_ms: float
    #: NEVER where no answer came.
    returned_at_ms: float
    end: str
    reason: str
    order_ref: str
    quantity: int
    #: Allocate: fewer cards than asked for are welcome. Confirm: fresh cards will do if the hold has ended.
    partial: bool
    late: bool
    #: Of an ok: the hold's state and its cards as the answer showed them. Of a replace: the fresh card alone.
    state: str
    cards: tuple[str, ...]
    #: 0 where the answer did not say.
    epoch: int
    seq: int
    replayed: bool
    #: The hold's deadline, by the answer; NEVER where it did not say.
    expires_at_ms: float
    #: The house's moment of this very change, and of the hold's end; 0 where the answer did not say.
    at_ms: float
    ended_at_ms: float
    #: Number of its line.
    line: int

    @property
    def is_fresh(self) -> bool:
        """Whether `seq` is the place of this very change, and not merely one after it."""
        return self.end == OK and self.seq > 0 and not self.replayed and self.kind != GET_HOLD

    def words(self) -> str:
        """For people: what was asked, and what was answered where."""
        asked = f"line {self.line}: {self.kind} {self.request_id or self.hold}"
        if self.end != OK:
            return f"{asked} ({self.reason or self.end})"
        where = f" at {self.epoch}/{self.seq}" if self.seq else ""
        again = ", replayed" if self.replayed else ""
        return f"{asked} (hold {self.hold}, cards {', '.join(self.cards) or 'none'}{where}{again})"


@dataclass(slots=True)
class Import:
    """Cards that came into stock, or may have (`end` INFO)."""

    import_id: str
    #: All names are `prefix` and a number from `first` on.
    prefix: str
    first: int
    count: int
    invoked_at_ms: float
    returned_at_ms: float
    end: str
    #: 0 where the answer did not say.
    seq: int
    #: Whether the cards themselves end some day: then nobody can count on them.
    perishable: bool
    line: int


@dataclass(slots=True)
class Final:
    """A hold as it was read after everything had ended."""

    hold: str
    state: str
    order_ref: str
    cards: tuple[str, ...]
    seq: int
    line: int


@dataclass(slots=True)
class Books:
    """What the house counted after everything had ended."""

    received: int
    on_shelf: int
    held: int
    sold: int
    void: int
    counted_at_ms: float
    laws_broken: tuple[str, ...]
    line: int


@dataclass(slots=True)
class Digests:
    """The state as it was served, and as a replay from scratch made it."""

    served: str
    replayed: str
    line: int


@dataclass(slots=True)
class SkuHistory:
    """All there is about one SKU."""

    sku: str
    #: How far the house's clock may be from the clients', either way.
    clock_error_ms: float = 1.0
    operations: list[Operation] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    #: By import_id: how many cards a supplier says it delivered.
    delivered: dict[str, int] = field(default_factory=dict)
    finals: list[Final] = field(default_factory=list)
    books: list[Books] = field(default_factory=list)
    digests: list[Digests] = field(default_factory=list)

    def add(self, about: Mapping[str, Any], line: int) -> None:
        """Take in one line. Raises KeyError, TypeError or ValueError when it does not read like one."""
        kind = about["type"]
        if kind == "op":
            self.operations.append(_operation(about, line))
        elif kind == "import":
            self.imports.extend(_imports(about, line))
        elif kind == "delivery":
            self.delivered[about["import_id"]] = self.delivered.get(about["import_id"], 0) + int(about["count"])
        elif kind == "final":
            cards = tuple(about.get("cards", ()))
            order_ref, seq = about.get("order_ref", ""), int(about.get("seq", 0))
            self.finals.append(Final(about["hold"], about["state"], order_ref, cards, seq, line))
        elif kind == "books":
            received, on_shelf, held, sold, void = (
                int(about[name]) for name in ("received", "on_shelf", "held", "sold", "void")
            )
            counted_at_ms, broken = float(about["counted_at_ms"]), tuple(about.get("laws_broken", ()))
            self.books.append(Books(received, on_shelf, held, sold, void, counted_at_ms, broken, line))
        elif kind == "digests":
            self.digests.append(Digests(about["served"], about["replayed"], line))
        else:
            raise ValueError(f"{kind!r} is no kind of line")


def _operation(about: Mapping[str, Any], line: int) -> Operation:
    get = about.get
    kind, end, returned_at_ms, expires_at_ms = about["kind"], about["end"], get("returned_at_ms"), get("expires_at_ms")
    if kind not in _KINDS or end not in _ENDS:
        raise ValueError(f"{kind!r} ({end!r}) is no operation")
    return Operation(
        kind,
        get("request_id", ""),
        get("hold", ""),
        float(about["invoked_at_ms"]),
        NEVER if returned_at_ms is None else float(returned_at_ms),
        end,
        get("reason", ""),
        get("order_ref", ""),
        int(get("quantity", 0)),
        bool(get("partial", False)),
        bool(get("late", False)),
        get("state", ""),
        tuple(get("cards", ())),
        int(get("epoch", 0)),
        int(get("seq", 0)),
        bool(get("replayed", False)),
        NEVER if expires_at_ms is None else float(expires_at_ms),
        float(get("at_ms", 0.0)),
        float(get("ended_at_ms", 0.0)),
        line,
    )


def _imports(about: Mapping[str, Any], line: int) -> Iterator[Import]:
    if about["end"] not in (OK, INFO):
        raise ValueError(f"an import is ok or info, not {about['end']!r}")
    returned_at_ms = about.get("returned_at_ms")
    for prefix, first, count in about["ranges"]:
        yield Import(
            about.get("import_id", ""),
            prefix,
            int(first),
            int(count),
            float(about["invoked_at_ms"]),
            NEVER if returned_at_ms is None else float(returned_at_ms),
            about["end"],
            int(about.get("seq", 0)),
            bool(about.get("perishable", False)),
            line,
        )


def opened(path: Path) -> BufferedReader | gzip.GzipFile:
    """The file's text, unpacked where its name ends in .gz. Raises HistoryUnreadable."""
    try:
        return gzip.open(path) if path.suffix == ".gz" else path.open("rb")
    except OSError as away:
        raise HistoryUnreadable(f"{path} cannot be read: {away}") from away


def read_head(line: bytes) -> float:
    """The first line: how far the house's clock may be off, in milliseconds. Raises HistoryUnreadable."""
    try:
        head = json.loads(line)
        if head["type"] == "history" and head["version"] == VERSION:
            return float(head.get("clock_error_ms", 1.0))
    except (ValueError, KeyError, TypeError):
        pass
    raise HistoryUnreadable(f"it does not begin like a Cardkeep history of version {VERSION}")
