"""An import whose messages were made before: what is measured is the house, not the making of a million rows.

A `Cargo` is the bytes of one import stream; `bring` sends it, a few chunks ahead of the answers as the client does,
and notes when each chunk was acknowledged.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import grpc
from cardkeep_client.importing import CHUNK_ROWS, CHUNKS_AHEAD

from protos.cardkeep.v1 import inventory_pb2

#: As the client sends them.
CHUNK_CARDS = CHUNK_ROWS

_METHOD = "/cardkeep.v1.InventoryService/ImportCards"
_TENANT = "tenants/default/skus/"


@dataclass(frozen=True, slots=True)
class Cargo:
    """One import, serialised: a header, and chunks of CHUNK_CARDS cards of 24 characters each."""

    header: bytes
    chunks: tuple[bytes, ...]

    @classmethod
    def of(cls, sku: str, import_id: str, cards: int) -> "Cargo":
        """An import of so many fresh cards, a multiple of CHUNK_CARDS; other import_ids have other codes."""
        if cards % CHUNK_CARDS:
            raise ValueError(f"{cards} cards are no whole chunks of {CHUNK_CARDS}")
        header = inventory_pb2.ImportHeader(parent=_TENANT + sku, import_id=f"{sku}-{import_id}")
        return cls(
            inventory_pb2.ImportCardsRequest(header=header).SerializeToString(),
            tuple(_chunk(number, import_id) for number in range(cards // CHUNK_CARDS)),
        )


@dataclass(slots=True)
class Brought:
    """What came of it: cards in stock by when the house said so (monotonic seconds), beginning and end."""

    began_s: float = 0.0
    ended_s: float = 0.0
    acknowledged: list[tuple[float, int]] = field(default_factory=list)

    @property
    def cards(self) -> int:
        """All that are in stock."""
        return self.acknowledged[-1][1] if self.acknowledged else 0

    @property
    def cards_per_s(self) -> float:
        """From the first message to the last answer."""
        return self.cards / (self.ended_s - self.began_s)

    @property
    def cards_in_a_second(self) -> float:
        """In its median whole second: what goes on for most of its time, whatever it did before and after."""
        seconds = range(int(self.ended_s - self.began_s))
        return median(self.between(self.began_s + second, self.began_s + second + 1) for second in seconds)

    def between(self, from_s: float, until_s: float) -> int:
        """Cards acknowledged in a span of time."""
        return self._until(until_s) - self._until(from_s)

    def _until(self, moment_s: float) -> int:
        return max((cards for at_s, cards in self.acknowledged if at_s <= moment_s), default=0)


def bring(target: str, cargo: Cargo, *, enough: threading.Event | None = None) -> Brought:
    """Send an import and wait for its end; `enough` ends it before its last chunk. Raises grpc.RpcError."""
    brought = Brought(began_s=time.monotonic())
    room = threading.Semaphore(CHUNKS_AHEAD)
    with grpc.insecure_channel(target) as channel:
        stream: Any = channel.stream_stream(_METHOD, None, inventory_pb2.ImportCardsResponse.FromString)
        for answer in stream(_messages(cargo, room, enough or threading.Event())):
            if answer.HasField("received"):
                brought.acknowledged.append((time.monotonic(), answer.received.accepted))
                room.release()
    brought.ended_s = time.monotonic()
    return brought


def _messages(cargo: Cargo, room: threading.Semaphore, enough: threading.Event) -> Iterator[bytes]:
    sent = 0
    yield cargo.header
    for chunk in cargo.chunks:
        room.acquire()
        if enough.is_set():
            break
        yield chunk
        sent += 1
    end = inventory_pb2.ImportEnd(chunks=sent)
    yield inventory_pb2.ImportCardsRequest(end=end).SerializeToString()


def _chunk(number: int, import_id: str) -> bytes:
    first = number * CHUNK_CARDS
    lines = range(first, first + CHUNK_CARDS)
    codes = [f"{import_id[:8]:-<8}-{line:08d}-{line * 2_654_435_761 % 10**6:06d}" for line in lines]
    rows = [inventory_pb2.ImportRow(line_no=line + 1, code=code) for line, code in zip(lines, codes, strict=True)]
    chunk = inventory_pb2.ImportChunk(chunk_no=number, rows=rows)
    return inventory_pb2.ImportCardsRequest(chunk=chunk).SerializeToString()
