"""One chunk of an import: checked line by line, fingerprinted and sealed in one go.

Runs in the sealing process (sealing_process.py): it is all of an import that costs by the card, and the
only part that sees codes. A chunk is worked on anew from its bytes whenever something about it has
changed; nothing of it is kept in between.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from actors.front.moments import is_moment, whole_ms
from engine import limits
from engine.money import is_currency
from engine.names import BatchNo, PoolName
from engine.ports import Vault
from engine.secrecy.normal import code_fault
from protos.cardkeep.v1 import inventory_pb2


class Chunk(NamedTuple):
    """A chunk and all that its cards depend on. `rows` is an `ImportChunk` as it travels."""

    tenant: str
    sku: str
    batch: BatchNo
    data_key: bytes
    first_serial: int
    #: When cards end whose line does not say it; None for never.
    expires_at_ms: int | None
    #: Minor units and currency, where the SKU has one.
    face_value: tuple[int, str] | None
    now_ms: int
    #: Prints of cards that are here already.
    known: Sequence[bytes]
    rows: bytes


class Turned(NamedTuple):
    """A line that becomes no card. `reason` is empty for a known card: whoever knew it knows why."""

    line_no: int
    reason: str
    first_line: int
    print: bytes


class SealedChunk(NamedTuple):
    """Cards as the pool receives them, in order of serial, with the lines they stood on; and the lines turned away."""

    first_serial: int
    lots: tuple[tuple[int, int | None], ...]
    prints: tuple[bytes, ...]
    sealed: tuple[bytes, ...]
    lines: Sequence[int]
    turned: Sequence[Turned]


class _Line(NamedTuple):
    line_no: int
    code: str
    expires_at_ms: int | None
    print: bytes


async def sealed_chunks(vault: Vault, chunks: Sequence[Chunk]) -> Sequence[SealedChunk]:
    """Do what is to do, each chunk but the first for the serials after the one before.

    Raises UnreadableCard for a bad data key, KeyRingRefused.
    """
    sealed: list[SealedChunk] = []
    for chunk in chunks:
        first = sealed[-1].first_serial + len(sealed[-1].lines) if sealed else chunk.first_serial
        sealed.append(await _sealed_chunk(vault, chunk._replace(first_serial=first)))
    return sealed


async def _sealed_chunk(vault: Vault, chunk: Chunk) -> SealedChunk:
    pool = PoolName(chunk.tenant, chunk.sku)
    lines, turned = await _checked(vault, pool, chunk)
    lines.sort(key=lambda line: line.expires_at_ms or 0)
    lots = tuple(
        (len(list(group)), expires_at_ms)
        for expires_at_ms, group in groupby(lines, key=lambda line: line.expires_at_ms)
    )
    sealed = await vault.seal(pool, chunk.batch, chunk.data_key, chunk.first_serial, [line.code for line in lines])
    prints = tuple(line.print for line in lines)
    return SealedChunk(chunk.first_serial, lots, prints, tuple(sealed), [line.line_no for line in lines], turned)


async def _checked(vault: Vault, pool: PoolName, chunk: Chunk) -> tuple[list[_Line], list[Turned]]:
    """The lines that may become cards, and the others."""
    rows = inventory_pb2.ImportChunk.FromString(chunk.rows).rows
    codes = [row.code.strip() for row in rows]
    prints = await vault.fingerprint(pool, codes)
    known = frozenset(chunk.known)
    seen: dict[bytes, int] = {}
    lines: list[_Line] = []
    turned: list[Turned] = []
    for row, code, print_ in zip(rows, codes, prints, strict=True):
        reason = _fault(code, row, chunk.face_value)
        if reason:
            turned.append(Turned(row.line_no, reason, 0, print_))
            continue
        expires_at_ms = whole_ms(row.expire_time) if row.HasField("expire_time") else chunk.expires_at_ms
        if expires_at_ms is not None and expires_at_ms <= chunk.now_ms:
            turned.append(Turned(row.line_no, "ALREADY_EXPIRED", 0, print_))
        elif print_ in known:
            turned.append(Turned(row.line_no, "", 0, print_))
        elif print_ in seen:
            turned.append(Turned(row.line_no, "DUPLICATE_IN_FILE", seen[print_], print_))
        else:
            seen[print_] = row.line_no
            lines.append(_Line(row.line_no, code, expires_at_ms, print_))
    return lines, turned


def _fault(code: str, row: inventory_pb2.ImportRow, face_value: tuple[int, str] | None) -> str:
    """What is wrong with a line by itself; empty when nothing is."""
    fault = code_fault(code)
    if fault:
        return fault
    if row.HasField("face_value"):
        value = row.face_value
        if not 0 <= value.minor <= limits.money_minor_max or not is_currency(value.currency):
            return "INVALID_MONEY"
        if face_value not in {None, (value.minor, value.currency)}:
            return "FACE_VALUE_MISMATCH"
    if row.HasField("expire_time") and not is_moment(row.expire_time):
        return "INVALID_TIME"
    return ""
