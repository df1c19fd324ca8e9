"""The sealing process: chunks come back sealed for their cards, whatever happens to the process; no code stays."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import psutil
import pytest

from actors.adapters.key_ring import KeyRingFile
from actors.adapters.local_vault import LocalVault
from actors.front.chunks import Chunk, SealedChunk, Turned
from actors.front.sealing import Sealing
from engine.errors import UnreadableCard
from engine.names import BatchNo, PoolName, card_at
from engine.ports import SealedCard
from protos.cardkeep.v1 import inventory_pb2, types_pb2
from tests.api.canaries import CANARIES, files_below, leaks
from tests.api.small_house import rows

POOL = PoolName("shop", "vip-30")
BATCH = BatchNo(3)
NOW_MS = 1_790_000_000_000
SOON_MS, LATER_MS = NOW_MS + 1_000, NOW_MS + 2_000


@pytest.fixture
def rings(tmp_path: Path) -> KeyRingFile:
    """A new ring on disk."""
    file = KeyRingFile(tmp_path / "keys")
    file.create_if_missing(may_create=True, now_ms=NOW_MS)
    return file


@pytest.fixture
async def sealing(tmp_path: Path) -> AsyncIterator[Sealing]:
    """A front end's way to a process of its own over the ring."""
    way = Sealing(tmp_path / "keys")
    yield way
    await way.close()


async def chunk(rings: KeyRingFile, codes: Sequence[str], **fields: object) -> Chunk:
    """Codes on lines from 1, as the cards of batch 3 from serial 40 on, unless `fields` say otherwise."""
    data_key = await LocalVault(rings).new_data_key(POOL)
    lines = inventory_pb2.ImportChunk(rows=rows(codes)).SerializeToString()
    return Chunk(*POOL, BATCH, data_key, 40, None, None, NOW_MS, (), lines)._replace(**fields)  # type: ignore[arg-type]


async def opened(rings: KeyRingFile, asked: Chunk, answer: SealedChunk) -> Sequence[str]:
    """The codes of an answer, opened as a sale opens them."""
    return await LocalVault(rings).open(
        POOL,
        [
            SealedCard(card_at(BATCH, serial), asked.data_key, code)
            for serial, code in enumerate(answer.sealed, start=answer.first_serial)
        ],
    )


async def test_a_chunk_comes_back_sealed_for_its_cards(rings: KeyRingFile, sealing: Sealing) -> None:
    """Each code opens as the card it will be, under the prints that the vault here would make."""
    asked = await chunk(rings, CANARIES)
    [answer] = await sealing.seal([asked])
    assert (answer.first_serial, answer.lots, answer.turned) == (40, ((len(CANARIES), None),), [])
    assert await opened(rings, asked, answer) == list(CANARIES)
    assert list(answer.prints) == await LocalVault(rings).fingerprint(POOL, CANARIES)
    assert list(answer.lines) == [1, 2, 3, 4, 5]


async def test_chunks_that_are_sealed_together_get_serials_in_a_row(rings: KeyRingFile, sealing: Sealing) -> None:
    """A line that becomes no card takes no serial, in whichever of them it stands."""
    asked = [await chunk(rings, codes) for codes in (["a", " ", "b"], [" "], ["c"])]
    answers = await sealing.seal(asked)
    assert [answer.first_serial for answer in answers] == [40, 42, 42]
    assert [await opened(rings, *each) for each in zip(asked, answers, strict=True)] == [["a", "b"], [], ["c"]]


async def test_cards_lie_in_the_order_of_their_ends(rings: KeyRingFile, sealing: Sealing) -> None:
    """The lots count them, the codes and lines follow; a line without an end has the header's."""
    lines = rows(["late", "soon", "header's", "soon too"])
    for place, end_ms in {0: LATER_MS, 1: SOON_MS, 3: SOON_MS}.items():
        lines[place].expire_time.FromMilliseconds(end_ms)
    asked = await chunk(
        rings, [], rows=inventory_pb2.ImportChunk(rows=lines).SerializeToString(), expires_at_ms=LATER_MS
    )
    [answer] = await sealing.seal([asked])
    assert answer.lots == ((2, SOON_MS), (2, LATER_MS))
    assert await opened(rings, asked, answer) == ["soon", "soon too", "late", "header's"]
    assert list(answer.lines) == [2, 4, 1, 3]


async def test_a_line_that_becomes_no_card_says_why(rings: KeyRingFile, sealing: Sealing) -> None:
    """Every reason a line can have by itself or beside its neighbours; serials have no gap."""
    lines = rows(["good", " ", "x" * 513, "bell\x07", "good", "tab\tis fine", "over", "worth 5", "worth 7", "known"])
    lines[6].expire_time.FromMilliseconds(NOW_MS)
    lines[7].face_value.CopyFrom(types_pb2.Money(minor=5, currency="CNY"))
    lines[8].face_value.CopyFrom(types_pb2.Money(minor=7, currency="CNY"))
    [known] = await LocalVault(rings).fingerprint(POOL, ["known"])
    asked = await chunk(
        rings,
        [],
        rows=inventory_pb2.ImportChunk(rows=lines).SerializeToString(),
        face_value=(5, "CNY"),
        known=[known],
    )
    [answer] = await sealing.seal([asked])
    assert await opened(rings, asked, answer) == ["good", "tab\tis fine", "worth 5"]
    assert [(line.line_no, line.reason, line.first_line) for line in answer.turned] == [
        (2, "EMPTY_CODE", 0),
        (3, "CODE_TOO_LONG", 0),
        (4, "CODE_NOT_TEXT", 0),
        (5, "DUPLICATE_IN_FILE", 1),
        (7, "ALREADY_EXPIRED", 0),
        (9, "FACE_VALUE_MISMATCH", 0),
        (10, "", 0),
    ]
    assert answer.turned[-1] == Turned(10, "", 0, known)


async def test_a_killed_process_is_replaced_and_the_chunk_is_sealed(rings: KeyRingFile, sealing: Sealing) -> None:
    """Between two chunks, so that the second finds nobody there."""
    asked = await chunk(rings, CANARIES)
    await sealing.seal([asked])
    first = sealing.pid
    assert first is not None
    process = psutil.Process(first)
    process.kill()
    [answer] = await sealing.seal([asked])
    assert await opened(rings, asked, answer) == list(CANARIES)
    assert sealing.pid != first


async def test_failures_come_back_as_what_they_are(rings: KeyRingFile, sealing: Sealing) -> None:
    """A bad data key is an unreadable card; a mistake has a name, and no text that could quote a code."""
    asked = await chunk(rings, CANARIES)
    with pytest.raises(UnreadableCard, match="data key"):
        await sealing.seal([asked._replace(data_key=b"not one")])
    with pytest.raises(RuntimeError) as mistake:
        await sealing.seal([asked._replace(rows=CANARIES[0].encode())])
    assert str(mistake.value) == "the sealing process made a mistake: DecodeError"


async def test_the_process_shows_no_code_to_others_and_gives_way_to_the_sale(
    rings: KeyRingFile, sealing: Sealing, tmp_path: Path
) -> None:
    """Neither its command line nor its surroundings nor a file; and its niceness is above ours."""
    await sealing.seal([await chunk(rings, CANARIES)])
    pid = sealing.pid
    assert pid is not None
    process = psutil.Process(pid)
    shown = [("command line", process.cmdline()), ("environment", process.environ().values())]
    assert leaks([*((place, "\n".join(texts).encode()) for place, texts in shown), *files_below(tmp_path)]) == []
    outputs = [Path(f"/proc/{pid}/fd/{number}") for number in (1, 2)]
    assert {str(output.readlink()) for output in outputs} == {os.devnull}
    assert process.nice() == min(19, os.nice(0) + 10)


async def test_the_process_ends_with_its_front_end(rings: KeyRingFile, tmp_path: Path) -> None:
    """A front end that is gone, however it went, leaves nobody with keys behind: the line ends, the process too."""
    way = Sealing(tmp_path / "keys")
    await way.seal([await chunk(rings, CANARIES)])
    pid = way.pid
    assert pid is not None
    process = psutil.Process(pid)
    assert way._starting is not None
    (await way._starting).close()
    await asyncio.to_thread(process.wait, 20)
    assert not process.is_running()
    await way.close()
