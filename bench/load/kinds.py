"""The kinds of calls: each a message made once by the generated code, in which only the ids are new for each call.

A message is kept in pieces, cut where the call's id stands; `id.join(pieces)` is the message of a call, be it of one
item or of a thousand. What is about a hold carries the hold's name besides, in front: field 1 of its request.
"""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import TypeVar

from google.protobuf.message import Message

from actors.front.http2.frames import MESSAGE_HEAD
from bench.load.exchange import Exchange
from bench.load.frames import Openings, message, request_block
from bench.load.ids import CALL_CHARS, item_chars
from bench.load.plan import ITEMS_MAX
from protos.cardkeep.v1 import allocation_pb2 as api

#: Stands where a call's id goes; no name has this character.
_HOLE = "~" * CALL_CHARS
_ITEMS = [item_chars(item) for item in range(ITEMS_MAX)]
_ONE = _HOLE + _ITEMS[0].decode()

#: The tag of a string that is field 1, and the tag and length of a request_id (field 15).
_FIELD_1 = b"\x0a"
_REQUEST_ID = b"\x7a" + bytes((len(_ONE),))

#: In a reply, a hold's name is field 1 of the hold; the tag of what follows is no digit.
_HOLD_NAME = re.compile(rb"\n.(tenants/[^/]+/skus/[^/]+/holds/[0-9]+)")


_Kind = TypeVar("_Kind", "AllocateKind", "HoldKind", "BatchReleaseKind")


class AllocateKind:
    """Allocate (one item), or BatchAllocate, of one SKU on the same terms."""

    def __init__(self, number: int, openings: Openings, terms: api.AllocateRequest, items: int | None = None) -> None:
        self.number = number
        self.openings = openings
        self.sku = terms.parent
        self.method = "Allocate" if items is None else "BatchAllocate"
        self._items = items or 1
        wishes = [_wish(terms, item) for item in range(self._items)]
        whole: Message = wishes[0] if items is None else api.BatchAllocateRequest(items=wishes)
        self._pieces = message(whole.SerializeToString()).split(_HOLE.encode())

    def call(self, id: bytes) -> Exchange:  # noqa: A002 - what it is
        """A call of this kind."""
        return Exchange(self, id, id.join(self._pieces), self._items)


class HoldKind:
    """Confirm or Release of one hold."""

    sku = ""

    def __init__(self, number: int, openings: Openings, request: api.ConfirmRequest | api.ReleaseRequest) -> None:
        self.number = number
        self.openings = openings
        self.method = "Confirm" if isinstance(request, api.ConfirmRequest) else "Release"
        raw = request.SerializeToString()
        self._size = len(raw)
        self._pieces = raw.split(_HOLE.encode())

    def call(self, id: bytes, name: bytes) -> Exchange:  # noqa: A002 - what it is
        """A call about the hold of this name."""
        field = b"%b%c%b" % (_FIELD_1, len(name), name)
        head = MESSAGE_HEAD.pack(0, len(field) + self._size)
        return Exchange(self, id, b"%b%b%b" % (head, field, id.join(self._pieces)), 1, name)


class BatchReleaseKind:
    """BatchRelease of as many holds as one likes."""

    sku = ""
    method = "BatchRelease"

    def __init__(self, number: int, openings: Openings) -> None:
        self.number = number
        self.openings = openings
        self._heads = _ItemHeads()

    def call(self, id: bytes, names: Sequence[bytes]) -> Exchange:  # noqa: A002 - what it is
        """A call about the holds of these names."""
        heads = self._heads
        tails = [b"", *_ITEMS[: len(names)]]
        last = tails.pop()
        pieces = [tail + heads[len(name)] + name + _REQUEST_ID for tail, name in zip(tails, names, strict=True)]
        body = id.join((*pieces, last))
        return Exchange(self, id, message(body), len(names), b"\n".join(names))


class Kinds:
    """Every kind of a script, numbered in the order of making."""

    def __init__(self, authority: str, deadline_ms: int) -> None:
        self.all: list[AllocateKind | HoldKind | BatchReleaseKind] = []
        self._authority = authority
        self._deadline_ms = deadline_ms
        self._openings: dict[str, Openings] = {}

    def allocate(self, sku: str, quantity: int, hold_for_ms: int | None, items: int | None = None) -> AllocateKind:
        """Allocate, or with `items` BatchAllocate, of a SKU of the tenant `default`."""
        terms = api.AllocateRequest(parent=f"tenants/default/skus/{sku}", quantity=quantity)
        if hold_for_ms is not None:
            terms.hold_for.FromTimedelta(timedelta(milliseconds=hold_for_ms))
        openings = self._of("Allocate" if items is None else "BatchAllocate")
        return self._add(AllocateKind(len(self.all), openings, terms, items))

    def confirm(self, paid_minor: int | None, currency: str) -> HoldKind:
        """Confirm, with what is paid unless the hold has no price."""
        request = api.ConfirmRequest(payment_ref=_ONE, request_id=_ONE)
        if paid_minor is not None:
            request.paid_amount.minor, request.paid_amount.currency = paid_minor, currency
        return self._add(HoldKind(len(self.all), self._of("Confirm"), request))

    def release(self) -> HoldKind:
        """Release."""
        return self._add(HoldKind(len(self.all), self._of("Release"), api.ReleaseRequest(request_id=_ONE)))

    def batch_release(self) -> BatchReleaseKind:
        """BatchRelease."""
        return self._add(BatchReleaseKind(len(self.all), self._of("BatchRelease")))

    def _of(self, method: str) -> Openings:
        if method not in self._openings:
            path = f"/cardkeep.v1.AllocationService/{method}"
            self._openings[method] = Openings(request_block(path, self._authority, self._deadline_ms))
        return self._openings[method]

    def _add(self, kind: _Kind) -> _Kind:
        self.all.append(kind)
        return kind


def hold_name(reply: bytes) -> bytes:
    """The name in a reply that is one hold, length prefix included: field 1, which stands first."""
    begin = MESSAGE_HEAD.size + 2
    return reply[begin : begin + reply[begin - 1]]


def hold_names(reply: bytes) -> list[bytes]:
    """The names of all holds in a reply to BatchAllocate; refused items have none."""
    return _HOLD_NAME.findall(reply)


def _wish(terms: api.AllocateRequest, item: int) -> api.AllocateRequest:
    name = _HOLE + _ITEMS[item].decode()
    wish = api.AllocateRequest(order_ref=name, request_id=name)
    wish.MergeFrom(terms)
    return wish


class _ItemHeads(dict[int, bytes]):
    """By length of a hold's name, what goes before it in an item of BatchRelease: two tags, two lengths."""

    def __missing__(self, size: int) -> bytes:
        item = size + 2 + len(_REQUEST_ID) + len(_ONE)
        length = bytes((item,)) if item < 0x80 else bytes((item & 0x7F | 0x80, item >> 7))
        self[size] = head = _FIELD_1 + length + _FIELD_1 + bytes((size,))
        return head
