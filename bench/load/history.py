"""What was asked and what was answered, call by call: the client's witness for the audit."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


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


def read(path: Path) -> Iterator[Call]:
    """Every call of one client process, in the order of their ends; the unanswered ones last.

    Raises ValueError when the file is not a history or ends in the middle of a call.
    """
    raise NotImplementedError
