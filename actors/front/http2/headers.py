"""What a request's headers say, and the header blocks of answers (HPACK, RFC 7541).

Reading a block is dear, and a caller's library sends the same few bytes for every call once both sides' tables know
its headers. So a connection keeps what its blocks said, as long as its table stays as it is.
"""

import base64
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from hpack import Decoder, HPACKError, OversizedHeaderListError
from hpack.table import HeaderTable

from actors.front.http2.frames import COMPRESSION_ERROR, ENHANCE_YOUR_CALM

#: Bytes of a request's header list, counted as HTTP/2 does (32 more a field). Refused above that, call by call.
list_bytes_max = 16 * 1024

#: Bytes of a header block on the wire, and of the list it may unfold to: above that the connection ends.
block_bytes_max, unfolded_bytes_max = 64 * 1024, 256 * 1024

#: What blocks said, kept by connection: some methods times some deadlines.
_kept_max = 64

#: Blocks of refusals, kept by server.
_refusals_kept_max = 1_024

_FIELD_BYTES = 32
_EXHAUSTED = 8
_UNITS_S = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_TIMEOUT_DIGITS_MAX = 8

#: The block of the headers that go before an answer: `:status: 200` as the static table has it, `content-type` by the
#: name it has there.
BEFORE_ANSWERS = b"\x88\x0f\x10\x10application/grpc"


class ConnectionFault(Exception):
    """The other side breaks the protocol in a way that ends the connection. `code` is one of HTTP/2's."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Opening(NamedTuple):
    """What a request's headers say. `http_status` is 0 when it is a call of gRPC, else what to answer it with."""

    path: str
    timeout_s: float | None
    encoding: str
    metadata: tuple[tuple[str, str | bytes], ...]
    is_too_large: bool
    http_status: int


class RequestHeaders:
    """One connection's reader of header blocks."""

    def __init__(self) -> None:
        self._table = _Table()
        self._decoder = Decoder(max_header_list_size=unfolded_bytes_max)
        self._decoder.header_table = self._table
        self._said: dict[bytes, Opening] = {}

    def read(self, block: bytes) -> Opening:
        """What this block says. Raises ConnectionFault: what comes after an unreadable block cannot be read."""
        said = self._said.get(block)
        if said is not None:
            return said
        before = self._table.state()
        try:
            fields = [(bytes(name), bytes(value)) for name, value in self._decoder.decode(block, raw=True)]
        except HPACKError as fault:
            code = ENHANCE_YOUR_CALM if isinstance(fault, OversizedHeaderListError) else COMPRESSION_ERROR
            raise ConnectionFault(code, f"headers: {fault}") from fault
        said = _opening(fields)
        if self._table.state() != before:
            self._said.clear()
        elif len(self._said) < _kept_max:
            self._said[block] = said
        return said


class _Table(HeaderTable):
    """A table that counts what is put into it."""

    def __init__(self) -> None:
        super().__init__()
        self._added = 0

    def add(self, name: bytes, value: bytes) -> None:
        """See HeaderTable."""
        self._added += 1
        super().add(name, value)

    def state(self) -> tuple[int, int, int]:
        """Differs whenever the table does: it only changes by what is added and by what falls out."""
        return self._added, len(self.dynamic_entries), self.maxsize


def _opening(fields: Sequence[tuple[bytes, bytes]]) -> Opening:
    """Read the fields of one request."""
    size = sum(len(name) + len(value) + _FIELD_BYTES for name, value in fields)
    known = dict(fields)
    path = known.get(b":path", b"").decode("latin-1")
    encoding = known.get(b"grpc-encoding", b"identity").decode("latin-1")
    http_status = 0
    if known.get(b":method") != b"POST":
        http_status = 405
    elif not known.get(b"content-type", b"").startswith(b"application/grpc"):
        http_status = 415
    elif (timeout_s := _timeout_s(known.get(b"grpc-timeout"))) is not None and timeout_s < 0:
        http_status = 400
    return Opening(
        path=path,
        timeout_s=None if http_status else timeout_s,
        encoding=encoding,
        metadata=tuple(_metadatum(name, value) for name, value in fields if not name.startswith(b":")),
        is_too_large=size > list_bytes_max,
        http_status=http_status,
    )


def _timeout_s(said: bytes | None) -> float | None:
    """Seconds of a `grpc-timeout`; None without one, negative for one that cannot be read."""
    if said is None:
        return None
    text = said.decode("latin-1")
    digits, unit = text[:-1], _UNITS_S.get(text[-1:])
    if unit is None or not (digits.isascii() and digits.isdigit()) or len(digits) > _TIMEOUT_DIGITS_MAX:
        return -1.0
    return int(digits) * unit


def _metadatum(name: bytes, value: bytes) -> tuple[str, str | bytes]:
    key = name.decode("latin-1")
    if not key.endswith("-bin"):
        return key, value.decode("latin-1")
    try:
        return key, base64.b64decode(value + b"=" * (-len(value) % 4))
    except ValueError:
        return key, b""


@lru_cache(_refusals_kept_max)
def ended_badly(code: int, details: str, trailers: tuple[tuple[str, str | bytes], ...], *, is_first: bool) -> bytes:
    """The block of the trailers of a call that failed; `is_first`: nothing went before it."""
    fields = [(b"grpc-status", b"%d" % code)]
    if details:
        fields.append((b"grpc-message", quote(details, safe=_PLAIN_IN_DETAILS).encode()))
    fields += [(key.encode(), _trailer(key, value)) for key, value in trailers]
    return (BEFORE_ANSWERS if is_first else b"") + b"".join(_literal(name, value) for name, value in fields)


def refusal_unread(opening: Opening) -> bytes:
    """The block of the answer to a request that is no call of gRPC, or says too much of itself."""
    if opening.http_status:
        return _literal(b":status", b"%d" % opening.http_status)
    return ended_badly(_EXHAUSTED, f"Metadata of more than {list_bytes_max} bytes", (), is_first=True)


def _trailer(key: str, value: str | bytes) -> bytes:
    if not key.endswith("-bin"):
        return value.encode() if isinstance(value, str) else value
    return base64.b64encode(value if isinstance(value, bytes) else value.encode()).rstrip(b"=")


def _literal(name: bytes, value: bytes) -> bytes:
    """A field, literal without indexing (RFC 7541, section 6.2.2)."""
    return b"\0" + _text(name) + _text(value)


def _text(plain: bytes) -> bytes:
    """A string, not Huffman-coded (section 5.2), after its length, an integer with a prefix of seven bits."""
    length = len(plain)
    if length < 127:
        return bytes((length,)) + plain
    head, rest = [127], length - 127
    while rest >= 128:
        head.append(rest & 127 | 128)
        rest >>= 7
    return bytes((*head, rest)) + plain


#: What stays as it is in `grpc-message`: printable ASCII but the percent sign.
_PLAIN_IN_DETAILS = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")

#: The block of the trailers of a call that went well.
ENDED_WELL = _literal(b"grpc-status", b"0")
