"""An import on its way, without IO: which message to send now, what an answer means, where to resume.

The file is cut into the same chunks every time, so that a resumed import can skip what is in stock. A few
chunks travel ahead of their answers; those are kept until answered, and sent again after a broken connection.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from cardkeep_client import answers
from cardkeep_client.allocation_calls import money, sku_name, timestamp
from cardkeep_client.errors import CardkeepError, Facts, InvalidRequest, NotDone
from cardkeep_client.statuses import Asked, outcome_unknown
from cardkeep_client.stock_results import ImportProgress, ImportReport, RefusedLine
from cardkeep_client.v1 import inventory_pb2
from cardkeep_client.wishes import ImportRow, ImportSource

#: Rows of one chunk unless told otherwise. While somebody buys, a server writes one chunk at a time, and who meets one
#: of 32 cards hardly waits longer than for another buyer; of a thousand, 4 ms. While nobody does, it writes
#: all that came, so an import into a quiet house is fast either way.
CHUNK_ROWS = 32

#: Chunks that travel ahead of their answers: those that a server writes together, and half as many to come next.
CHUNKS_AHEAD = 48

#: Refused lines kept with their text; all are counted.
REFUSED_LINES_MAX = 1_000


class Importing:
    """One import over any number of connections."""

    def __init__(
        self,
        tenant: str,
        source: ImportSource,
        rows: Iterable[ImportRow | str],
        *,
        chunk_rows: int = CHUNK_ROWS,
        on_progress: Callable[[ImportProgress], None] | None = None,
    ) -> None:
        self._header = _header(tenant, source)
        next_step = "Call import_cards again with the same import_id: it resumes."
        self.asked = Asked(True, source.import_id, next_step, resumes=True)
        self._rows = _numbered(rows)
        self._chunk_rows = chunk_rows
        self._on_progress = on_progress
        self._ahead: deque[inventory_pb2.ImportChunk] = deque()
        self._ahead_max = CHUNKS_AHEAD
        self._unsent = 0
        self._connected = False
        self._opened = False
        self._ended = False
        self._next_chunk = 0
        self._chunks = 0
        self._lines = 0
        self._accepted = 0
        self._refused: Counter[str] = Counter()
        self._refused_lines: list[RefusedLine] = []
        self.report: ImportReport | None = None

    def connect(self) -> inventory_pb2.ImportCardsRequest:
        """The first message of a connection; everything unanswered will be sent again.

        After a failure one chunk travels at a time until one is answered: a server that fails on a chunk can
        then say why, where a message on its way would hide the answer.
        """
        self._ahead_max = 1 if self._connected else CHUNKS_AHEAD
        self._connected = True
        self._opened = self._ended = False
        return inventory_pb2.ImportCardsRequest(header=self._header)

    def outgoing(self) -> Iterator[inventory_pb2.ImportCardsRequest]:
        """What to send now: chunks up to the bound, and the end when there are no more."""
        while self._opened and not self._ended:
            if len(self._ahead) - self._unsent >= self._ahead_max:
                return
            if self._unsent or self._read_chunk():
                chunk = self._ahead[-self._unsent]
                self._unsent -= 1
                yield inventory_pb2.ImportCardsRequest(chunk=chunk)
            else:
                self._ended = True
                yield inventory_pb2.ImportCardsRequest(end=inventory_pb2.ImportEnd(chunks=self._chunks))

    def incoming(self, answer: inventory_pb2.ImportCardsResponse) -> None:
        """Takes one answer of the server; `report` is set when it was the last."""
        match answer.WhichOneof("step"):
            case "opened":
                self._resume(answer.opened)
            case "received":
                self._received(answer.received)
            case "report":
                self._finish(answer.report)

    def broken_off(self, error: CardkeepError) -> CardkeepError:
        """The error the caller hears: "not done" would be wrong, for some chunks may be in stock."""
        return outcome_unknown(self.asked, error.message, error.facts) if isinstance(error, NotDone) else error

    def check_whole(self) -> None:
        """The server closed the connection without an error; raises OutcomeUnknown when it gave no report."""
        if self.report is None:
            facts = Facts("NO_ANSWER", "OK", request_id=self.asked.request_id)
            raise outcome_unknown(self.asked, "The server ended the import without a report", facts)

    def _resume(self, opened: inventory_pb2.ImportOpened) -> None:
        self._opened = True
        self._next_chunk = opened.next_chunk
        self._accepted = opened.accepted
        while self._ahead and self._ahead[0].chunk_no < opened.next_chunk:
            self._ahead.popleft()
        if self._ahead and self._ahead[0].chunk_no > opened.next_chunk:
            raise _out_of_step(opened.next_chunk, self._ahead[0].chunk_no)
        self._unsent = len(self._ahead)

    def _received(self, received: inventory_pb2.ChunkReceived) -> None:
        if not self._ahead or self._ahead[0].chunk_no != received.chunk_no:
            raise _out_of_step(received.chunk_no, self._ahead[0].chunk_no if self._ahead else self._chunks)
        self._ahead.popleft()
        self._ahead_max = CHUNKS_AHEAD
        self._next_chunk = received.chunk_no + 1
        self._accepted = received.accepted
        self._refused.update(line.reason for line in received.refused_lines)
        room = REFUSED_LINES_MAX - len(self._refused_lines)
        self._refused_lines += map(answers.refused_line, received.refused_lines[:room])
        if self._on_progress is not None:
            self._on_progress(ImportProgress(self._lines, self._accepted, self._refused.total()))

    def _finish(self, report: inventory_pb2.ImportReport) -> None:
        self.report = ImportReport(
            batch=answers.batch(report.batch),
            lines=self._lines,
            accepted=report.accepted,
            refused=self._refused.total(),
            refused_lines=tuple(self._refused_lines),
            refused_by_reason=dict(self._refused),
            elapsed=answers.span(report.elapsed),
        )

    def _read_chunk(self) -> bool:
        """Reads the next chunk that is missing in stock; False at the end of the rows."""
        while rows := self._take_rows():
            chunk_no = self._chunks
            self._chunks += 1
            self._lines += len(rows)
            if chunk_no >= self._next_chunk:
                self._ahead.append(inventory_pb2.ImportChunk(chunk_no=chunk_no, rows=map(_row, rows)))
                self._unsent = 1
                return True
        return False

    def _take_rows(self) -> list[ImportRow]:
        return list(islice(self._rows, self._chunk_rows))


def _numbered(rows: Iterable[ImportRow | str]) -> Iterator[ImportRow]:
    """Bare codes get their line numbers."""
    for line_no, row in enumerate(rows, start=1):
        yield ImportRow(line_no, row) if isinstance(row, str) else row


def _header(tenant: str, source: ImportSource) -> inventory_pb2.ImportHeader:
    return inventory_pb2.ImportHeader(
        parent=sku_name(tenant, source.sku),
        import_id=source.import_id,
        source=source.source,
        unit_cost=money(source.unit_cost),
        landed_unit_cost=money(source.landed_unit_cost),
        expire_time=timestamp(source.expire_time),
        importer=source.importer,
    )


def _row(row: ImportRow) -> inventory_pb2.ImportRow:
    return inventory_pb2.ImportRow(
        line_no=row.line_no, code=row.code, expire_time=timestamp(row.expire_time), face_value=money(row.face_value)
    )


def _out_of_step(server: int, ours: int) -> CardkeepError:
    facts = Facts("IMPORT_OUT_OF_STEP", "FAILED_PRECONDITION", {"nextChunk": str(server)})
    return InvalidRequest(
        f"The server speaks of chunk {server}, this import of chunk {ours}: someone else sends the same import_id",
        facts,
    )
