"""An import over the wire: same chunks every time, progress, resuming without a card lost or doubled."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from cardkeep_client import ImportProgress, ImportRow, Money, OutcomeUnknown, WrongState
from cardkeep_client.importing import Importing
from cardkeep_client.v1 import inventory_pb2
from cardkeep_client.wishes import ImportSource

SKU = "tenants/acme/skus/vip"


class Intake:
    """A shop's stock room: takes chunks in order, knows what it has, and breaks off where it is told to."""

    def __init__(self, *, break_before: tuple[int, ...] = (), lose_answer_of: tuple[int, ...] = ()) -> None:
        self.codes: list[str] = []
        self.next_chunk = 0
        self.headers: list[inventory_pb2.ImportHeader] = []
        self.chunk_sizes: list[int] = []
        self.ends: list[int] = []
        self._break_before = list(break_before)
        self._lose_answer_of = list(lose_answer_of)

    def serve(
        self, requests: Iterator[inventory_pb2.ImportCardsRequest], context: grpc.ServicerContext
    ) -> Iterator[inventory_pb2.ImportCardsResponse]:
        """One connection."""
        self.headers.append(next(requests).header)
        opened = inventory_pb2.ImportOpened(next_chunk=self.next_chunk, accepted=len(self.codes))
        yield inventory_pb2.ImportCardsResponse(opened=opened)
        for request in requests:
            if request.HasField("end"):
                self.ends.append(request.end.chunks)
                report = inventory_pb2.ImportReport(accepted=len(self.codes))
                yield inventory_pb2.ImportCardsResponse(report=report)
                return
            yield inventory_pb2.ImportCardsResponse(received=self._take(request.chunk, context))

    def _take(self, chunk: inventory_pb2.ImportChunk, context: grpc.ServicerContext) -> inventory_pb2.ChunkReceived:
        if chunk.chunk_no in self._break_before:
            self._break_before.remove(chunk.chunk_no)
            context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
        assert chunk.chunk_no == self.next_chunk, "chunks come one by one"
        self.next_chunk += 1
        self.chunk_sizes.append(len(chunk.rows))
        refused = [
            inventory_pb2.RefusedLine(line_no=row.line_no, reason="DUPLICATE_IN_FILE")
            for row in chunk.rows
            if row.code in self.codes
        ]
        self.codes += [row.code for row in chunk.rows if row.code not in self.codes]
        if chunk.chunk_no in self._lose_answer_of:
            self._lose_answer_of.remove(chunk.chunk_no)
            context.abort(grpc.StatusCode.UNAVAILABLE, "gone after the chunk was stored")
        return inventory_pb2.ChunkReceived(chunk_no=chunk.chunk_no, accepted=len(self.codes), refused_lines=refused)


async def test_a_file_is_cut_into_chunks_and_progress_is_told(ask: Any, server: Any) -> None:
    """83 rows are 32 + 32 + 19; each answer moves the progress; the last row's duplicate is named."""
    intake = Intake()
    server.will("ImportCards", intake.serve)
    heard: list[ImportProgress] = []
    report = await ask(
        "import_cards",
        "vip",
        [f"CODE-{number}" for number in range(82)] + ["CODE-0"],
        import_id="file-1",
        source="supplier",
        unit_cost=Money(900, "CNY"),
        expire_time=datetime(2030, 1, 1, tzinfo=UTC),
        importer="lin",
        on_progress=heard.append,
    )
    header = intake.headers[0]
    assert (header.parent, header.import_id, header.source, header.importer) == (SKU, "file-1", "supplier", "lin")
    assert (header.unit_cost.minor, header.expire_time.seconds) == (900, 1_893_456_000)
    assert (intake.chunk_sizes, intake.ends) == ([32, 32, 19], [3])
    assert intake.codes == [f"CODE-{number}" for number in range(82)]
    assert [progress.accepted for progress in heard] == [32, 64, 82]
    assert (report.lines, report.accepted, report.refused, report.duplicates_in_file) == (83, 82, 1, 1)
    assert [line.line_no for line in report.refused_lines] == [83]


@pytest.mark.parametrize("breaks", [{"break_before": (0, 1, 7, 19)}, {"lose_answer_of": (0, 3, 19)}])
async def test_a_broken_connection_is_resumed_within_the_call(
    ask: Any, server: Any, breaks: dict[str, tuple[int, ...]]
) -> None:
    """Whether a chunk or only its answer got lost: every card comes in once, in order."""
    intake = Intake(**breaks)
    connections = 1 + sum(len(points) for points in breaks.values())
    server.will("ImportCards", *[intake.serve] * connections)
    codes = [f"CODE-{number}" for number in range(200)]
    report = await ask("import_cards", "vip", iter(codes), import_id="file-1", chunk_rows=10)
    assert intake.codes == codes
    assert (report.lines, report.accepted, intake.ends) == (200, 200, [20])
    assert len(intake.headers) == connections


async def test_an_import_is_resumed_by_a_later_call(ask: Any, server: Any) -> None:
    """The first caller dies with its file half read; the second sends only what is missing."""
    intake = Intake()
    server.will("ImportCards", intake.serve, intake.serve)

    def half_a_file() -> Iterator[str]:
        yield from codes[:100]
        raise OSError("disk gone")

    codes = [f"CODE-{number}" for number in range(200)]
    with pytest.raises(OSError, match="disk gone"):
        await ask("import_cards", "vip", half_a_file(), import_id="file-1", chunk_rows=10)
    had = intake.next_chunk
    report = await ask("import_cards", "vip", codes, import_id="file-1", chunk_rows=10)
    assert intake.codes == codes
    assert len(intake.chunk_sizes) == 20
    assert intake.ends == [20], "the broken file must not have ended the import"
    assert (report.lines, report.accepted) == (200, 200)
    assert had <= 10


async def test_rows_keep_their_own_terms(ask: Any, server: Any) -> None:
    """Line number, expiry and face value of a row are its own; a moment without a zone is refused here."""
    seen: list[inventory_pb2.ImportChunk] = []

    def serve(requests: Any, _context: Any) -> Iterator[inventory_pb2.ImportCardsResponse]:
        next(requests)
        yield inventory_pb2.ImportCardsResponse(opened=inventory_pb2.ImportOpened())
        seen.append(next(requests).chunk)
        yield inventory_pb2.ImportCardsResponse(received=inventory_pb2.ChunkReceived())
        next(requests)
        yield inventory_pb2.ImportCardsResponse(report=inventory_pb2.ImportReport())

    server.will("ImportCards", serve)
    row = ImportRow(17, "SECRET", expire_time=datetime(2030, 1, 1, tzinfo=UTC), face_value=Money(5_000, "CNY"))
    await ask("import_cards", "vip", [row], import_id="file-1")
    (sent,) = seen[0].rows
    assert (sent.line_no, sent.code, sent.expire_time.seconds) == (17, "SECRET", 1_893_456_000)
    assert (sent.face_value.minor, sent.face_value.currency) == (5_000, "CNY")
    assert "SECRET" not in repr(row)
    with pytest.raises(ValueError, match="no time zone"):
        await ask("import_cards", "vip", [], import_id="f", expire_time=datetime(2030, 1, 1))  # noqa: DTZ001


def ending(refusal: Callable[..., Any], code: grpc.StatusCode, reason: str) -> Callable[..., Iterator[Any]]:
    """A server that opens an import, takes one more message, and then ends it with a reason."""

    def serve(requests: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        next(requests)
        yield inventory_pb2.ImportCardsResponse(opened=inventory_pb2.ImportOpened())
        next(requests)
        refusal(code, reason, pushback="1")(None, context)

    return serve


async def test_a_refusal_stops_an_import(ask: Any, server: Any, refusal: Callable[..., Any]) -> None:
    """IMPORT_CLOSED is final. It may take a second connection to hear it, when a chunk was on its way."""
    closed = ending(refusal, grpc.StatusCode.FAILED_PRECONDITION, "IMPORT_CLOSED")
    server.will("ImportCards", closed, closed)
    with pytest.raises(WrongState):
        await ask("import_cards", "vip", ["A"], import_id="file-1")
    assert len(server.seen) <= 2


async def test_an_import_that_fails_says_how_to_go_on(ask: Any, server: Any, refusal: Callable[..., Any]) -> None:
    """A store that stays away leaves an import that can be resumed, never a plain no."""
    away = ending(refusal, grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
    server.will("ImportCards", *[away] * 9)
    with pytest.raises(OutcomeUnknown) as caught:
        await ask("import_cards", "vip", ["A"], import_id="file-1")
    assert "same import_id" in str(caught.value)
    assert len(server.seen) == 4, "four tries without progress"


async def test_a_refusal_is_heard_although_chunks_are_on_their_way(
    ask: Any, server: Any, refusal: Callable[..., Any]
) -> None:
    """grpc.aio hides the status of a stream that ends under a message; the caller must still hear the reason."""

    def serve(requests: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        next(requests)
        yield inventory_pb2.ImportCardsResponse(opened=inventory_pb2.ImportOpened())
        next(requests)
        refusal(grpc.StatusCode.FAILED_PRECONDITION, "BATCH_RECALLED")(None, context)

    server.will("ImportCards", *[serve] * 4)
    with pytest.raises(WrongState) as caught:
        await ask("import_cards", "vip", [f"CODE-{number}" for number in range(50)], import_id="file-1", chunk_rows=1)
    assert caught.value.reason == "BATCH_RECALLED"


def test_one_chunk_at_a_time_travels_after_a_failure() -> None:
    """48 ahead on a whole connection; one after a break, until it is answered, so that no status is hidden."""

    def opened(next_chunk: int) -> inventory_pb2.ImportCardsResponse:
        return inventory_pb2.ImportCardsResponse(opened=inventory_pb2.ImportOpened(next_chunk=next_chunk))

    def sent() -> list[int]:
        return [message.chunk.chunk_no for message in importing.outgoing()]

    importing = Importing("acme", ImportSource(sku="vip", import_id="f"), map(str, range(100)), chunk_rows=1)
    importing.connect()
    assert sent() == [], "nothing before the server says where to begin"
    importing.incoming(opened(0))
    assert sent() == list(range(48))
    importing.connect()
    importing.incoming(opened(1))
    assert sent() == [1]
    importing.incoming(inventory_pb2.ImportCardsResponse(received=inventory_pb2.ChunkReceived(chunk_no=1)))
    assert sent() == list(range(2, 50))
