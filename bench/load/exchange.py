"""An exchange: one call, from the moment it should start to the bytes it was answered with."""

import binascii
from functools import lru_cache
from typing import NamedTuple, Protocol

from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from actors.front.http2.frames import MESSAGE_HEAD
from bench.load import hpack
from bench.load.frames import Openings

#: gRPC's status codes by number.
STATUS_NAMES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
OK, UNKNOWN, UNAVAILABLE = 0, 2, 14

#: Who insists asks again after CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, INTERNAL and UNAVAILABLE: it may have happened,
#: or will when it is asked again. Any other is an answer.
ASKED_AGAIN = frozenset((1, UNKNOWN, 4, 13, UNAVAILABLE))

#: Trailers that were read before are not read again; almost all are alike. Each is some 300 bytes.
_TRAILERS_KEPT = 4_096


class Kind(Protocol):
    """What calls of one kind have in common."""

    #: Its place in the history's list of kinds.
    number: int
    method: str
    #: The SKU's name, of an Allocate; else "".
    sku: str
    openings: Openings


class Exchange:
    """One call. Thousands are made each second, so what is set later is not set before."""

    __slots__ = ("id", "intended_ns", "invoked_ns", "items", "kind", "message", "reply", "subject", "trailers")

    #: Set when it starts: the moment it was to, and the moment it did.
    intended_ns: int
    invoked_ns: int
    #: Set when it is answered.
    trailers: bytes

    #: Whether the same was asked before.
    is_retry = False

    def __init__(self, kind: Kind, id: bytes, message: bytes, items: int, subject: bytes = b"") -> None:  # noqa: A002
        self.kind = kind
        #: What the ids of its items begin with.
        self.id = id
        #: How many wishes it carries.
        self.items = items
        #: With gRPC's length prefix, as it is sent.
        self.message = message
        #: The hold's name it is about, or several, a line each; empty for an Allocate.
        self.subject = subject
        #: With the prefix, as far as it has come.
        self.reply = b""

    def reply_message(self) -> bytes:
        """The reply without its length prefix."""
        return self.reply[MESSAGE_HEAD.size :]


class Retry(Exchange):
    """The same call once more."""

    __slots__ = ()
    is_retry = True


class Outcome(NamedTuple):
    """How a call ended: its status, and of an error the reason in its ErrorInfo ("" when there was none)."""

    status: int
    reason: str


@lru_cache(_TRAILERS_KEPT)
def outcome(trailers: bytes) -> Outcome:
    """What a block of trailers says. A status that cannot be read is UNKNOWN, as gRPC has it."""
    try:
        found = dict(hpack.fields(trailers))
    except (hpack.HpackError, IndexError) as broken:
        return Outcome(UNKNOWN, f"unreadable trailers: {broken}")
    status = found.get("grpc-status", "")
    if not status.isdecimal():
        return Outcome(UNKNOWN, "no grpc-status")
    if int(status) == OK:
        return Outcome(OK, "")
    return Outcome(int(status), _reason(found.get("grpc-status-details-bin", "")))


def _reason(details: str) -> str:
    """The reason of the ErrorInfo in a google.rpc.Status (base64, its padding left out)."""
    try:
        raw = binascii.a2b_base64(details + "=" * (-len(details) % 4))
        found = ErrorInfo()
        for detail in Status.FromString(raw).details:
            if detail.Unpack(found):
                return str(found.reason)
    except (binascii.Error, DecodeError) as broken:
        return f"unreadable details: {broken}"
    return ""


def error(status: int, reason: str) -> bytes:
    """Trailers as a server writes them, for an error that came otherwise. `reason` is short: a few words."""
    details = Status(code=status)
    details.details.add().Pack(ErrorInfo(reason=reason))
    text = binascii.b2a_base64(details.SerializeToString(), newline=False)
    return hpack.literal(b"grpc-status", b"%d" % status) + hpack.literal(b"grpc-status-details-bin", text)


#: The server did not look at the call: nothing happened.
REFUSED = error(UNAVAILABLE, "REFUSED_STREAM")
