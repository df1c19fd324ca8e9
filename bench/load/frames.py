"""HTTP/2 frames as bytes (RFC 9113, sections 4 and 6), and a gRPC request's headers encoded once."""

from struct import Struct

from bench.load import hpack

FRAME_BYTES_MAX = 16_384
WINDOW_BYTES_AT_START = 65_535
WINDOW_BYTES_MAX = (1 << 31) - 1
STREAM_ID_MAX = (1 << 31) - 1

DATA, HEADERS, RST_STREAM, SETTINGS = 0x0, 0x1, 0x3, 0x4
PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0x6, 0x7, 0x8, 0x9

END_STREAM = ACK = 0x1
END_HEADERS, PADDED, PRIORITY = 0x4, 0x8, 0x20

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 1, 2, 3, 4, 5

NO_ERROR, REFUSED_STREAM, CANCEL = 0x0, 0x7, 0x8

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

HEAD_BYTES = 9
#: Length (24 bits) and type (8) as one number, flags, stream.
HEAD = Struct(">IBI")
SETTING = Struct(">HI")
NUMBER = Struct(">I")

#: What goes before a message of gRPC: not compressed, so many bytes.
MESSAGE_HEAD = Struct(">BI")

#: Entries of HPACK's static table (RFC 7541, appendix A): `:method: POST` and `:scheme: http` whole, two by name.
_POST, _HTTP = b"\x83", b"\x86"
_AUTHORITY, _PATH = b"\x01", b"\x04"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return HEAD.pack(len(payload) << 8 | kind, flags, stream) + payload


def message(payload: bytes) -> bytes:
    """A length-prefixed message of gRPC."""
    return MESSAGE_HEAD.pack(0, len(payload)) + payload


def request_block(path: str, authority: str, deadline_ms: int) -> bytes:
    """The header block of every request to one method."""
    return b"".join(
        (
            _POST,
            _HTTP,
            _PATH + hpack.text(path.encode()),
            _AUTHORITY + hpack.text(authority.encode()),
            hpack.literal(b"te", b"trailers"),
            hpack.literal(b"content-type", b"application/grpc"),
            hpack.literal(b"user-agent", b"cardkeep-load"),
            hpack.literal(b"grpc-timeout", b"%dm" % deadline_ms),
        )
    )


class Openings(dict[int, tuple[bytes, bytes, bytes]]):
    """Of one method, by length of the message: what goes before it, with two holes for the stream's id.

    `stream.join(openings[size])` is the HEADERS frame and the head of the one DATA frame.
    """

    def __init__(self, block: bytes) -> None:
        super().__init__()
        assert len(block) <= FRAME_BYTES_MAX
        self.block = block

    def __missing__(self, size: int) -> tuple[bytes, bytes, bytes]:
        before_stream = HEAD_BYTES - 4
        headers = frame(HEADERS, END_HEADERS, 0, self.block)[:before_stream]
        data = HEAD.pack(size << 8 | DATA, END_STREAM, 0)[:before_stream]
        self[size] = opening = (headers, self.block + data, b"")
        return opening
