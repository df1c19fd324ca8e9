"""A gRPC request's headers, encoded once."""

from actors.front.http2.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    FRAME_BYTES_MAX,
    HEAD,
    HEAD_BYTES,
    HEADERS,
    MESSAGE_HEAD,
    frame,
)
from bench.load import hpack

#: Entries of HPACK's static table (RFC 7541, appendix A): `:method: POST` and `:scheme: http` whole, two by name.
_POST, _HTTP = b"\x83", b"\x86"
_AUTHORITY, _PATH = b"\x01", b"\x04"


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
