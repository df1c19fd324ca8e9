"""ImportCards: codes come in plain here and leave sealed. Nothing behind this room ever sees one.

Each chunk is checked, fingerprinted and sealed by the sealing process, and received by the pool in a durable
step; only then is it acknowledged. While the pool receives chunks the next are sealed, for the serials that they
will most likely have. What is in stock already the pool says, and the chunk comes again without it. An import
that broke off goes on with the chunk its batch names next.

Chunks are small, so that who buys meanwhile hardly waits for one. While nobody buys, all that are sealed are received
in one step.
"""

import asyncio
import secrets
from array import array
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from itertools import takewhile

from actors.front import checks
from actors.front.chunks import Chunk, SealedChunk, Turned
from actors.front.lots import in_lots
from actors.front.reception import Reception
from actors.front.refusals import Refusal, refusal_of
from actors.front.translate import from_batch
from engine import limits
from engine.names import Card, PoolName, batch_name, batch_of, serial_of
from engine.stock import commands as ask
from engine.stock import outcomes as said
from engine.stock.terms import Terms
from protos.cardkeep.v1 import inventory_pb2

#: Refused lines named in the final report; their count by reason is always whole.
lines_in_report_max = 1_000

#: Messages read ahead, at most: what is received in one step while nobody buys, about a thousand cards as our client
#: sends them; of the largest chunks, some 30 MB. A lot is sealed while the one before is received.
messages_ahead_max = 32

#: Tries to receive one chunk: a first, one without what is in stock, and more for what other imports bring meanwhile.
_TRIES_PER_CHUNK = 4

_Step = tuple[inventory_pb2.ImportCardsRequest, SealedChunk | None]
"""A message, with its chunk sealed if it has one that is news."""


class Import:
    """One stream of one import."""

    _pool: PoolName
    _view: said.BatchView
    _terms: Terms
    _data_key: bytes
    #: What the pool has, as far as this stream knows.
    _step: said.Received

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._began_ms = reception.clock.now_ms()
        self._refused: list[inventory_pb2.RefusedLine] = []
        self._reasons: Counter[str] = Counter()
        #: Line numbers of the cards this stream brought, by serial from `_view.received` on: 8 bytes a card.
        self._lines = array("q")
        #: The first serial of the next chunk to be sealed, if every chunk before it comes in as it is.
        self._foreseen = 0
        self.import_id = ""

    async def run(
        self, requests: AsyncIterator[inventory_pb2.ImportCardsRequest]
    ) -> AsyncIterator[inventory_pb2.ImportCardsResponse]:
        """Header, chunks, end; an answer to each."""
        first = await anext(aiter(requests), None)
        if first is None or not first.HasField("header"):
            raise Refusal("INVALID_FIELD", {"field": "header"}, "The first message of an import is its header.")
        await self._open(first.header)
        opened = inventory_pb2.ImportOpened(
            batch=batch_name(self._pool, self._view.batch),
            next_chunk=self._view.next_chunk,
            accepted=self._view.received,
            complete=not self._view.is_open,
        )
        yield inventory_pb2.ImportCardsResponse(opened=opened)
        async with aclosing(self._sealed_ahead(requests)) as steps:
            async for some in steps:
                heard = iter(await self._ask_together(some))
                for request, sealed in some:
                    if request.HasField("end"):
                        yield inventory_pb2.ImportCardsResponse(report=await self._close(request.end))
                        return
                    if not request.HasField("chunk"):
                        raise Refusal("INVALID_FIELD", {"field": "step"}, "After the header come chunks, then the end.")
                    checks.item_count(len(request.chunk.rows), "rows", limits.chunk_cards_max)
                    refused = await self._receive(request.chunk, sealed, next(heard, None))
                    received = inventory_pb2.ChunkReceived(
                        chunk_no=request.chunk.chunk_no, accepted=self._step.next_serial, refused_lines=refused
                    )
                    yield inventory_pb2.ImportCardsResponse(received=received)

    async def _open(self, header: inventory_pb2.ImportHeader) -> None:
        pool = self._pool = checks.pool(header.parent)
        self.import_id = checks.request_id(header.import_id, "import_id")
        command = ask.OpenBatch(
            f"open/{secrets.token_hex(16)}",
            self.import_id,
            checks.free_text(header.source, "source"),
            checks.free_text(header.importer, "importer"),
            checks.money(header.unit_cost, "unit_cost") if header.HasField("unit_cost") else None,
            checks.moment_ms(header.expire_time, "expire_time") if header.HasField("expire_time") else None,
            await self._reception.vault.new_data_key(pool),
            checks.money(header.landed_unit_cost, "landed_unit_cost") if header.HasField("landed_unit_cost") else None,
        )
        _, outcome = await self._reception.ask(pool, command, 0)
        assert isinstance(outcome, said.ImportReady)
        view = self._view = outcome.view
        _, shelf = await self._reception.ask(pool, ask.GetShelf(), 0)
        assert isinstance(shelf, said.Shelf)
        self._terms = shelf.terms
        self._data_key = await self._reception.cards.data_key(pool, view.batch)
        self._step = said.Received(view.next_chunk, view.received, again=True)
        self._foreseen = view.received

    async def _sealed_ahead(
        self, requests: AsyncIterator[inventory_pb2.ImportCardsRequest]
    ) -> AsyncGenerator[Sequence[_Step], None]:
        """What the caller sends, in order: a message at a time while somebody buys, else all that came."""
        ready: asyncio.Queue[Sequence[_Step] | Exception] = asyncio.Queue(1)
        sealing = asyncio.get_running_loop().create_task(self._seal_all(requests, ready))
        try:
            while some := await ready.get():
                if isinstance(some, Exception):
                    raise some
                yield some
        finally:
            sealing.cancel()

    async def _seal_all(
        self,
        requests: AsyncIterator[inventory_pb2.ImportCardsRequest],
        ready: "asyncio.Queue[Sequence[_Step] | Exception]",
    ) -> None:
        try:
            lots = in_lots(requests, ahead_max=messages_ahead_max, takes_more=self._takes_more)
            async with aclosing(lots):
                async for some in lots:
                    await ready.put(await self._sealed(some))
        except Exception as failure:  # noqa: BLE001 - it is raised where the stream is answered, after what came before
            await ready.put(failure)
        else:
            await ready.put(())

    def _takes_more(self, some: Sequence[inventory_pb2.ImportCardsRequest]) -> bool:
        """Together they have less than two of the largest chunks."""
        is_short = sum(len(request.chunk.rows) for request in some) < limits.chunk_cards_max
        return is_short and not self._reception.pace.is_selling

    async def _sealed(self, some: Sequence[inventory_pb2.ImportCardsRequest]) -> Sequence[_Step]:
        news = [request.chunk for request in some if self._is_news(request)]
        chunks = [self._chunk(chunk, self._foreseen) for chunk in news]
        sealed = await self._reception.sealing.seal(chunks) if chunks else ()
        self._foreseen += sum(len(chunk.lines) for chunk in sealed)
        each = iter(sealed)
        return [(request, next(each) if self._is_news(request) else None) for request in some]

    def _is_news(self, request: inventory_pb2.ImportCardsRequest) -> bool:
        """Whether it brings a chunk within bounds that was not there when the stream began."""
        is_small = len(request.chunk.rows) <= limits.chunk_cards_max
        return request.HasField("chunk") and is_small and request.chunk.chunk_no >= self._view.next_chunk

    async def _seal(
        self, chunk: inventory_pb2.ImportChunk, first_serial: int, known: Sequence[bytes] = ()
    ) -> SealedChunk:
        (sealed,) = await self._reception.sealing.seal([self._chunk(chunk, first_serial, known)])
        return sealed

    def _chunk(self, chunk: inventory_pb2.ImportChunk, first_serial: int, known: Sequence[bytes] = ()) -> Chunk:
        return Chunk(
            *self._pool,
            self._view.batch,
            self._data_key,
            first_serial,
            self._view.expires_at_ms,
            self._terms.face_value,
            self._reception.clock.now_ms(),
            known,
            chunk.SerializeToString(),
        )

    async def _ask_together(self, steps: Sequence[_Step]) -> Sequence[said.Outcome]:
        """What the pool says to the first chunks of these, asked to receive them in one step, up to its first no.

        Nothing when there is one alone.
        """
        commands: list[ask.Receive] = []
        next_serial = self._step.next_serial
        for request, sealed in steps:
            is_next = sealed is not None and request.chunk.chunk_no == self._step.next_chunk + len(commands)
            if sealed is None or not is_next or sealed.first_serial != next_serial:
                break
            next_serial += len(sealed.lines)
            commands.append(self._command(request.chunk, sealed))
        if len(commands) < 2:
            return ()
        async with self._turn():
            answers = await self._reception.hear_all(self._pool, commands, 0)
        outcomes = [answer.outcome for answer in answers if answer.outcome is not None]
        taken = sum(1 for _ in takewhile(lambda outcome: isinstance(outcome, said.Received), outcomes))
        return outcomes[: taken + 1]

    async def _receive(
        self, chunk: inventory_pb2.ImportChunk, sealed: SealedChunk | None, heard: said.Outcome | None
    ) -> Sequence[inventory_pb2.RefusedLine]:
        """Let the pool receive a chunk, and say what it could not take. `_step` is where the pool is then.

        `heard` is what the pool has said to the chunk already, if it was asked.
        """
        foreseen = 0 if sealed is None else len(sealed.lines)
        if sealed is None or chunk.chunk_no < self._step.next_chunk:
            self._foreseen -= foreseen
            return ()
        before = self._step
        sealed, self._step = await self._received(chunk, sealed, heard)
        came = self._step.next_serial - before.next_serial
        self._foreseen += came - foreseen
        # When another stream brought further chunks too, or these lines, the lines of their cards are not known here.
        is_ours = self._step.next_chunk == chunk.chunk_no + 1 and len(sealed.lines) == came
        refused = await self._refused_lines(sealed, before if self._step.again else None)
        self._lines.extend(sealed.lines if is_ours else [0] * came)
        self._count(0 if self._step.again else came, refused)
        return refused

    async def _received(
        self, chunk: inventory_pb2.ImportChunk, sealed: SealedChunk, heard: said.Outcome | None
    ) -> tuple[SealedChunk, said.Received]:
        """The chunk as the pool took it: for the serials that are next, and without what is in stock."""
        known: list[bytes] = []
        for _ in range(_TRIES_PER_CHUNK):
            if heard is None and sealed.first_serial != self._step.next_serial:
                sealed = await self._seal(chunk, self._step.next_serial, known)
            command = self._command(chunk, sealed)
            outcome, heard = heard or await self._asked(command), None
            if isinstance(outcome, said.Received):
                return sealed, outcome
            assert isinstance(outcome, said.Refused)
            if outcome.reason is not said.Reason.DUPLICATES_IN_STOCK:
                raise refusal_of(self._pool, command, outcome)
            known += [sealed.prints[int(place)] for place in dict(outcome.facts)["places"].split(",")]
            sealed = await self._seal(chunk, sealed.first_serial, known)
        raise Refusal("OVERLOADED", text="Another import brings the same codes at the same time; retry this one.")

    def _command(self, chunk: inventory_pb2.ImportChunk, sealed: SealedChunk) -> ask.Receive:
        return ask.Receive(
            self._view.batch, chunk.chunk_no, sealed.first_serial, sealed.lots, sealed.prints, sealed.sealed
        )

    async def _asked(self, command: ask.Receive) -> said.Outcome:
        async with self._turn():
            _, outcome = await self._reception.hear(self._pool, command, 0)
        return outcome

    def _turn(self) -> AbstractAsyncContextManager[None]:
        """A chunk's turn. The owner in this process sees the same buyers, and gives it one itself."""
        reception = self._reception
        is_home = reception.dispatch.is_at_home(self._pool)
        return nullcontext() if is_home else reception.pace.turn(beside=self._pool)

    async def _refused_lines(
        self, sealed: SealedChunk, before: said.Received | None
    ) -> Sequence[inventory_pb2.RefusedLine]:
        """The lines turned away, each with its reason.

        A chunk that was there already, brought by another stream, was not looked through by the pool: then `before` is
        where this stream stood, and what is older than that was turned away then.
        """
        prints = [line.print for line in sealed.turned if not line.reason]
        turned = list(sealed.turned)
        if before is not None:
            prints += sealed.prints
            turned += [
                Turned(line_no, "", 0, print_) for line_no, print_ in zip(sealed.lines, sealed.prints, strict=True)
            ]
        found = await self._reception.cards.trace(self._pool, prints) if prints else ()
        card_of = dict(zip(prints, found, strict=True))
        refused = []
        for line in turned:
            card = card_of.get(line.print)
            if line.reason:
                refused.append(_refused(line.line_no, line.reason, line.first_line))
            elif card is None or batch_of(card) != self._view.batch:
                refused.append(_refused(line.line_no, "DUPLICATE_IN_STOCK"))
            elif before is None or serial_of(card) < before.next_serial:
                refused.append(_refused(line.line_no, "DUPLICATE_IN_FILE", self._line_of(card)))
        return refused

    def _line_of(self, card: Card) -> int:
        """The line that brought a card of this import; 0 when another stream did."""
        place = serial_of(card) - self._view.received
        return self._lines[place] if 0 <= place < len(self._lines) else 0

    async def _close(self, end: inventory_pb2.ImportEnd) -> inventory_pb2.ImportReport:
        if end.chunks != self._step.next_chunk:
            raise Refusal("IMPORT_OUT_OF_STEP", {"nextChunk": self._step.next_chunk})
        _, outcome = await self._reception.ask(self._pool, ask.CloseBatch(self._view.batch), 0)
        assert isinstance(outcome, said.ImportWhole)
        report = inventory_pb2.ImportReport(
            batch=from_batch(self._pool, outcome.view),
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


def _refused(line_no: int, reason: str, first_line: int = 0) -> inventory_pb2.RefusedLine:
    where = f" First seen on line {first_line}." if first_line else ""
    return inventory_pb2.RefusedLine(line_no=line_no, reason=reason, message=_MESSAGES[reason] + where)
