"""gRPC's messages out of the bytes of one stream: each behind a head of five, each with a largest size."""

import zlib
from collections.abc import Iterator

import grpc

from actors.front.http2.frames import MESSAGE_HEAD

#: Bytes of one request: an import chunk of 1,000 codes of 512 characters, or 1,000 Allocates.
message_bytes_max = 4 * 1024 * 1024

#: Of zlib: read what gzip wrote and what zlib wrote.
_EITHER_FORMAT = zlib.MAX_WBITS | 32


class MessageFault(Exception):
    """Bytes that are no messages we take: the call ends with this status."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.details = details


class Messages:
    """Cuts one stream into messages."""

    __slots__ = ("_buffer", "_encoding")

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._buffer = bytearray()

    @property
    def bytes_kept(self) -> int:
        """Bytes of a message that is not whole yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that are whole with these bytes. Raises MessageFault, as soon as the head tells."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= MESSAGE_HEAD.size:
            is_packed, size = MESSAGE_HEAD.unpack_from(buffer)
            if size > message_bytes_max:
                raise _too_large(size)
            end = MESSAGE_HEAD.size + size
            if len(buffer) < end:
                return
            message = bytes(buffer[MESSAGE_HEAD.size : end])
            del buffer[:end]
            yield unpacked(message, self._encoding) if is_packed else message


def unpacked(message: bytes, encoding: str) -> bytes:
    """A compressed message as it was; never more than `message_bytes_max` of it. Raises MessageFault."""
    if encoding not in ("gzip", "deflate"):
        raise MessageFault(grpc.StatusCode.UNIMPLEMENTED, f"Compression '{encoding}' is not known: use gzip or none")
    unpacking = zlib.decompressobj(_EITHER_FORMAT)
    try:
        plain = unpacking.decompress(message, message_bytes_max + 1)
    except zlib.error as fault:
        raise MessageFault(grpc.StatusCode.INTERNAL, f"A message said to be {encoding} is not: {fault}") from fault
    if len(plain) > message_bytes_max:
        raise _too_large(len(plain))
    if not unpacking.eof:
        raise MessageFault(grpc.StatusCode.INTERNAL, f"A message packed with {encoding} is cut off")
    return plain


def _too_large(size: int) -> MessageFault:
    return MessageFault(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        f"SERVER: Received message larger than max ({size} vs. {message_bytes_max})",
    )
