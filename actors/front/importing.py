"""ImportCards: codes come in plain here and leave sealed. Nothing behind this room ever sees one.

Each chunk is checked line by line, freed of what is in the file twice or in stock already, sealed, and
received by the pool in one durable step; only then is it acknowledged. An import that broke off goes on
with the chunk its batch names next.
"""

import secrets
from array import array
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from itertools import groupby
from typing import NamedTuple
from unicodedata import category

from actors.front import checks
from actors.front.reception import Reception
from actors.front.refusals import Refusal, refusal_of
from actors.front.translate import from_batch
from engine import limits
from engine.money import is_currency
from engine.names import BatchNo, Card, PoolName, batch_name, batch_of, serial_of
from engine.secrecy.normal import normal_code
from engine.stock import commands as ask
from engine.stock import outcomes as said
from engine.stock.terms import Terms
from protos.cardkeep.v1 import inventory_pb2

#: Refused lines named in the final report; their count by reason is always whole.
lines_in_report_max = 1_000

#: Tries to receive one chunk when another import brings the same codes at the same moment.
_TRIES_PER_CHUNK = 3


class _Line(NamedTuple):
    line_no: int
    code: str
    expires_at_ms: int | None
    print: bytes


class Import:
    """One stream of one import."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._began_ms = reception.clock.now_ms()
        self._refused: list[inventory_pb2.RefusedLine] = []
        self._reasons: Counter[str] = Counter()
        #: Line numbers of the cards this stream brought, by serial from `_first_serial` on: 8 bytes a card.
        self._lines = array("q")
        self._first_serial = 0
        self.import_id = ""

    async def run(
        self, requests: AsyncIterator[inventory_pb2.ImportCardsRequest]
    ) -> AsyncIterator[inventory_pb2.ImportCardsResponse]:
        """Header, chunks, end; an answer to each."""
        first = await anext(aiter(requests), None)
        if first is None or not first.HasField("header"):
            raise Refusal("INVALID_FIELD", {"field": "header"}, "The first message of an import is its header.")
        pool, view = await self._open(first.header)
        opened = inventory_pb2.ImportOpened(
            batch=batch_name(pool, view.batch),
            next_chunk=view.next_chunk,
            accepted=view.received,
            complete=not view.is_open,
        )
        yield inventory_pb2.ImportCardsResponse(opened=opened)
        terms = await self._terms(pool)
        data_key = await self._reception.cards.data_key(pool, view.batch)
        self._first_serial = view.received
        step = said.Received(view.next_chunk, view.received, again=True)
        async for request in requests:
            if request.HasField("end"):
                yield inventory_pb2.ImportCardsResponse(report=await self._close(pool, view.batch, request.end, step))
                return
            if not request.HasField("chunk"):
                raise Refusal("INVALID_FIELD", {"field": "step"}, "After the header come chunks, then the end.")
            refused: Sequence[inventory_pb2.RefusedLine] = ()
            checks.item_count(len(request.chunk.rows), "rows", limits.chunk_cards_max)
            if request.chunk.chunk_no >= step.next_chunk:
                lines, refused = await self._check(pool, view, terms, request.chunk, next_serial=step.next_serial)
                before = step.next_serial
                step, late = await self._receive(
                    pool, view, data_key, step, chunk_no=request.chunk.chunk_no, lines=lines
                )
                refused = [*refused, *late]
                self._count(0 if step.again else step.next_serial - before, refused)
            received = inventory_pb2.ChunkReceived(
                chunk_no=request.chunk.chunk_no, accepted=step.next_serial, refused_lines=refused
            )
            yield inventory_pb2.ImportCardsResponse(received=received)

    async def _open(self, header: inventory_pb2.ImportHeader) -> tuple[PoolName, said.BatchView]:
        pool = checks.pool(header.parent)
        self.import_id = checks.request_id(header.import_id, "import_id")
        command = ask.OpenBatch(
            f"open/{secrets.token_hex(16)}",
            self.import_id,
            checks.free_text(header.source, "source"),
            checks.free_text(header.importer, "importer"),
            checks.money(header.unit_cost, "unit_cost") if header.HasField("unit_cost") else None,
            checks.moment_ms(header.expire_time, "expire_time") if header.HasField("expire_time") else None,
            await self._reception.vault.new_data_key(pool),
        )
        _, outcome = await self._reception.ask(pool, command, 0)
        assert isinstance(outcome, said.ImportReady)
        return pool, outcome.view

    async def _terms(self, pool: PoolName) -> Terms:
        _, shelf = await self._reception.ask(pool, ask.GetShelf(), 0)
        assert isinstance(shelf, said.Shelf)
        return shelf.terms

    async def _check(
        self,
        pool: PoolName,
        view: said.BatchView,
        terms: Terms,
        chunk: inventory_pb2.ImportChunk,
        *,
        next_serial: int,
    ) -> tuple[list[_Line], list[inventory_pb2.RefusedLine]]:
        """The lines that may become cards, and the others with their reasons.

        A card of this batch from `next_serial` on came in with this very chunk, by another stream of this import:
        it is no duplicate, and the pool will say that it has the chunk.
        """
        now_ms = self._reception.clock.now_ms()
        codes = [row.code.strip() for row in chunk.rows]
        prints = await self._reception.vault.fingerprint(pool, codes)
        known = await self._reception.cards.trace(pool, prints)
        seen: dict[bytes, int] = {}
        lines: list[_Line] = []
        refused: list[inventory_pb2.RefusedLine] = []
        for row, code, fingerprint, card in zip(chunk.rows, codes, prints, known, strict=True):
            reason = _fault(code, row, terms)
            if reason:
                refused.append(_refused(row.line_no, reason))
                continue
            has_own_end = row.HasField("expire_time")
            expires_at_ms = checks.moment_ms(row.expire_time, "expire_time") if has_own_end else view.expires_at_ms
            own_serial = None if card is None or batch_of(card) != view.batch else serial_of(card)
            if expires_at_ms is not None and expires_at_ms <= now_ms:
                refused.append(_refused(row.line_no, "ALREADY_EXPIRED"))
            elif fingerprint in seen or (own_serial is not None and own_serial < next_serial):
                first_line = seen.get(fingerprint) or self._line_of(card)
                refused.append(_refused(row.line_no, "DUPLICATE_IN_FILE", first_line))
            elif card is not None and own_serial is None:
                refused.append(_refused(row.line_no, "DUPLICATE_IN_STOCK"))
            else:
                seen[fingerprint] = row.line_no
                lines.append(_Line(row.line_no, code, expires_at_ms, fingerprint))
        return lines, refused

    def _line_of(self, card: Card | None) -> int:
        """The line that brought a card of this import; 0 when another stream did."""
        place = -1 if card is None else serial_of(card) - self._first_serial
        return self._lines[place] if 0 <= place < len(self._lines) else 0

    async def _receive(
        self,
        pool: PoolName,
        view: said.BatchView,
        data_key: bytes,
        step: said.Received,
        *,
        chunk_no: int,
        lines: list[_Line],
    ) -> tuple[said.Received, list[inventory_pb2.RefusedLine]]:
        """Seal the lines and let the pool receive them; drop what another import brought meanwhile."""
        late: list[inventory_pb2.RefusedLine] = []
        for _ in range(_TRIES_PER_CHUNK):
            lines.sort(key=lambda line: line.expires_at_ms or 0)
            sealed = await self._reception.vault.seal(
                pool, view.batch, data_key, step.next_serial, [line.code for line in lines]
            )
            lots = tuple(
                (len(list(group)), expires_at_ms)
                for expires_at_ms, group in groupby(lines, key=lambda line: line.expires_at_ms)
            )
            prints = tuple(line.print for line in lines)
            command = ask.Receive(view.batch, chunk_no, step.next_serial, lots, prints, tuple(sealed))
            _, outcome = await self._reception.hear(pool, command, 0)
            if isinstance(outcome, said.Refused) and outcome.reason is said.Reason.DUPLICATES_IN_STOCK:
                twice = {int(place) for place in dict(outcome.facts)["places"].split(",")}
                late += [_refused(lines[place].line_no, "DUPLICATE_IN_STOCK") for place in sorted(twice)]
                lines = [line for place, line in enumerate(lines) if place not in twice]
                continue
            if isinstance(outcome, said.Refused):
                raise refusal_of(pool, command, outcome)
            assert isinstance(outcome, said.Received)
            # When another stream brought further chunks too, their lines are not known here.
            is_alone = outcome.next_chunk == chunk_no + 1
            unknown = [0] * (outcome.next_serial - step.next_serial)
            self._lines.extend([line.line_no for line in lines] if is_alone else unknown)
            return outcome, late
        raise Refusal("OVERLOADED", text="Another import brings the same codes at the same time; retry this one.")

    async def _close(
        self, pool: PoolName, batch: BatchNo, end: inventory_pb2.ImportEnd, step: said.Received
    ) -> inventory_pb2.ImportReport:
        if end.chunks != step.next_chunk:
            raise Refusal("IMPORT_OUT_OF_STEP", {"nextChunk": step.next_chunk})
        _, outcome = await self._reception.ask(pool, ask.CloseBatch(batch), 0)
        assert isinstance(outcome, said.ImportWhole)
        report = inventory_pb2.ImportReport(
            batch=from_batch(pool, outcome.view),
            accepted=outcome.view.received,
            refused=self._reasons.total(),
            refused_lines=self._refused,
            refused_by_reason=self._reasons,
            duplicates_in_file=self._reasons["DUPLICATE_IN_FILE"],
            duplicates_in_stock=self._reasons["DUPLICATE_IN_STOCK"],
        )
        report.elapsed.FromMilliseconds(self._reception.clock.now_ms() - self._began_ms)
        return report

    def _count(self, accepted: int, refused: Sequence[inventory_pb2.RefusedLine]) -> None:
        self._reception.metrics.imported("accepted", accepted)
        self._refused.extend(refused[: lines_in_report_max - len(self._refused)])
        for line in refused:
            self._reasons[line.reason] += 1
            self._reception.metrics.imported(line.reason, 1)


_MESSAGES = {
    "EMPTY_CODE": "The line has no code.",
    "CODE_TOO_LONG": f"The code is longer than {limits.code_chars_max} characters.",
    "CODE_NOT_TEXT": "The code has control characters; was the file read in the right encoding?",
    "INVALID_TIME": "The expiry is no moment between the years 1 and 9999.",
    "ALREADY_EXPIRED": "The card has expired already.",
    "INVALID_MONEY": "The face value is no amount of money.",
    "FACE_VALUE_MISMATCH": "The face value is not the one of this SKU.",
    "DUPLICATE_IN_FILE": "The code stands in this import before.",
    "DUPLICATE_IN_STOCK": "The code is in stock already, or was sold.",
}


def _fault(code: str, row: inventory_pb2.ImportRow, terms: Terms) -> str:
    """What is wrong with a line by itself; empty when nothing is."""
    if not normal_code(code):
        return "EMPTY_CODE"
    if len(code) > limits.code_chars_max:
        return "CODE_TOO_LONG"
    if any(category(character) == "Cc" and character != "\t" for character in code):
        return "CODE_NOT_TEXT"
    if row.HasField("face_value"):
        value = row.face_value
        if not 0 <= value.minor <= limits.money_minor_max or not is_currency(value.currency):
            return "INVALID_MONEY"
        if terms.face_value not in {None, (value.minor, value.currency)}:
            return "FACE_VALUE_MISMATCH"
    if row.HasField("expire_time") and not checks.is_moment(row.expire_time):
        return "INVALID_TIME"
    return ""


def _refused(line_no: int, reason: str, first_line: int = 0) -> inventory_pb2.RefusedLine:
    where = f" First seen on line {first_line}." if first_line else ""
    return inventory_pb2.RefusedLine(line_no=line_no, reason=reason, message=_MESSAGES[reason] + where)
