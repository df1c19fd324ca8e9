"""Peers are only worth comparing with while they keep the same promises: each is held to them on a real server."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import grpc
import psutil
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from actors.front.doors import Door
from bench.peers import DEFAULT_SKU, PEERS, PeerFailed, PeerProcess
from protos.cardkeep.v1 import allocation_pb2, allocation_pb2_grpc, types_pb2

KEEPERS = ("redis_lua", "postgres", "locked")
CARDS = 300
_EXPIRY_PATIENCE_S = 20.0

Start = Callable[..., PeerProcess]


class Shopper(NamedTuple):
    """A peer and a client of it."""

    peer: PeerProcess
    stub: "allocation_pb2_grpc.AllocationServiceAsyncStub"

    async def allocate(self, who: str, *, order: str = "", quantity: int = 1, hold_s: int = 0) -> types_pb2.Hold:
        """Ask once."""
        return await self.stub.Allocate(wish(who, order=order, quantity=quantity, hold_s=hold_s))

    async def batch(self, *items: allocation_pb2.AllocateRequest) -> list[allocation_pb2.AllocateResult]:
        """Ask for many."""
        reply = await self.stub.BatchAllocate(allocation_pb2.BatchAllocateRequest(items=items))
        return list(reply.results)


def wish(who: str, *, order: str = "", quantity: int = 1, hold_s: int = 0) -> allocation_pb2.AllocateRequest:
    """A request whose ids are made of a word."""
    request = allocation_pb2.AllocateRequest(
        parent=DEFAULT_SKU, quantity=quantity, order_ref=order or f"order-{who}", request_id=f"request-{who}"
    )
    if hold_s:
        request.hold_for.seconds = hold_s
    return request


def reason_of(failure: grpc.aio.AioRpcError) -> str:
    """The word of the error map a call ended with."""
    status = rpc_status.from_call(failure)
    [info] = [detail for detail in status.details if detail.Is(ErrorInfo.DESCRIPTOR)]
    told = ErrorInfo()
    info.Unpack(told)
    return told.reason


async def refused(call: "asyncio.Future[types_pb2.Hold] | object") -> str:
    """The reason a call is refused with."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call  # type: ignore[misc]
    return reason_of(raised.value)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start peers that are gone when the test is."""
    started: list[PeerProcess] = []

    def start(
        name: str, *, cards: int = CARDS, door: Door = Door.FAST, folder: Path = tmp_path / "peer"
    ) -> PeerProcess:
        if missing := PEERS[name].missing():
            pytest.skip(missing)
        peer = PeerProcess(name, door, folder, cards=cards)
        started.append(peer)
        peer.start()
        return peer

    yield start
    for peer in started:
        peer.stop()


@pytest.fixture
async def visit() -> AsyncIterator[Callable[[PeerProcess], Shopper]]:
    """Open a client of a peer."""
    channels: list[grpc.aio.Channel] = []

    def visit(peer: PeerProcess) -> Shopper:
        channel = grpc.aio.insecure_channel(peer.target)
        channels.append(channel)
        return Shopper(peer, allocation_pb2_grpc.AllocationServiceStub(channel))

    yield visit
    for channel in channels:
        await channel.close()


@pytest.fixture(params=KEEPERS)
def shopper(request: pytest.FixtureRequest, start: Start, visit: Callable[[PeerProcess], Shopper]) -> Shopper:
    """Each peer that keeps what it promises."""
    return visit(start(request.param))


@pytest.mark.parametrize("name", KEEPERS)
async def test_the_last_card_goes_to_one_of_two_hundred(
    name: str, start: Start, visit: Callable[[PeerProcess], Shopper]
) -> None:
    """However many ask in the same moment: one has it, all others are told that there is none."""
    shopper = visit(start(name, cards=1))
    answers = await asyncio.gather(*(shopper.allocate(f"{n}") for n in range(200)), return_exceptions=True)
    held = [answer for answer in answers if isinstance(answer, types_pb2.Hold)]
    assert len(held) == 1
    assert {reason_of(no) for no in answers if isinstance(no, grpc.aio.AioRpcError)} == {"OUT_OF_STOCK"}


async def test_all_cards_go_out_once_to_unary_and_batch_callers_together(shopper: Shopper) -> None:
    """400 wishes for 300 cards: each card is in one hold, and none is left behind."""
    batches = [[wish(f"batch-{caller}-{n}") for n in range(50)] for caller in range(4)]
    unary = [shopper.allocate(f"unary-{n}") for n in range(200)]
    answers = await asyncio.gather(*unary, *(shopper.batch(*items) for items in batches), return_exceptions=True)
    holds = [answer for answer in answers if isinstance(answer, types_pb2.Hold)]
    results = [result for answer in answers if isinstance(answer, list) for result in answer]
    holds += [result.hold for result in results if result.HasField("hold")]
    cards = [card.name for hold in holds for card in hold.cards]
    assert sorted(cards) == sorted(f"{DEFAULT_SKU}/cards/1-{serial}" for serial in range(CARDS))
    assert {result.refusal.reason for result in results if result.HasField("refusal")} <= {"OUT_OF_STOCK"}


async def test_the_same_request_gets_the_same_answer_while_the_first_is_under_way(shopper: Shopper) -> None:
    """Fifty tries at once and one later: one hold, one card gone."""
    tries = await asyncio.gather(*(shopper.allocate("same") for _ in range(50)))
    tries.append(await shopper.allocate("same"))
    assert len({(hold.name, hold.cards[0].name, hold.expire_time.ToMilliseconds()) for hold in tries}) == 1
    assert sum(not hold.replayed for hold in tries) == 1
    rest = await shopper.batch(*(wish(f"rest-{n}") for n in range(CARDS)))
    assert sum(result.HasField("hold") for result in rest) == CARDS - 1


async def test_a_no_is_remembered(shopper: Shopper) -> None:
    """Who was told that there is none hears it again, though cards came back since."""
    [held] = await shopper.batch(wish("all", quantity=CARDS))
    assert await refused(shopper.allocate("late")) == "OUT_OF_STOCK"
    await shopper.stub.Release(allocation_pb2.ReleaseRequest(name=held.hold.name, request_id="release"))
    assert await refused(shopper.allocate("late")) == "OUT_OF_STOCK"
    assert (await shopper.allocate("new")).quantity == 1


async def test_another_wish_under_a_known_id_or_order_is_refused(shopper: Shopper) -> None:
    """A request id means one body, an order one hold."""
    held = await shopper.allocate("first")
    assert await refused(shopper.allocate("first", quantity=2)) == "IDEMPOTENCY_KEY_REUSED"
    assert await refused(shopper.allocate("first", order="other")) == "IDEMPOTENCY_KEY_REUSED"
    assert (await shopper.allocate("second", order="order-first")).name == held.name
    assert await refused(shopper.allocate("third", order="order-first", quantity=2)) == "ORDER_REF_EXISTS"
    [again, twice] = await shopper.batch(wish("first"), wish("fourth", order="order-first", quantity=3))
    assert again.hold.name == held.name
    assert twice.refusal.reason == "ORDER_REF_EXISTS"


async def test_a_batch_answers_each_item_on_its_own(shopper: Shopper) -> None:
    """All or none for each; the same id twice in one batch is one wish."""
    results = await shopper.batch(
        wish("a", quantity=CARDS - 2), wish("b", quantity=2), wish("b", quantity=2), wish("c"), wish("b")
    )
    assert [result.hold.quantity for result in results] == [CARDS - 2, 2, 2, 0, 0]
    assert results[1].hold.name == results[2].hold.name
    assert [result.refusal.reason for result in results[3:]] == ["OUT_OF_STOCK", "IDEMPOTENCY_KEY_REUSED"]


async def test_too_few_cards_are_left_for_others(shopper: Shopper) -> None:
    """Who asks for more than there is gets none, and takes none away."""
    assert await refused(shopper.allocate("greedy", quantity=CARDS + 1)) == "OUT_OF_STOCK"
    assert (await shopper.allocate("content", quantity=CARDS)).quantity == CARDS


async def test_released_cards_can_be_had_again(shopper: Shopper) -> None:
    """Once, however often they are released."""
    held = await shopper.allocate("all", quantity=CARDS)
    release = allocation_pb2.BatchReleaseRequest(
        items=[
            allocation_pb2.ReleaseRequest(name=name, request_id="release")
            for name in (held.name, held.name, f"{DEFAULT_SKU}/holds/999999")
        ]
    )
    first, second, unknown = (await shopper.stub.BatchRelease(release)).results
    assert first.hold.state == second.hold.state == types_pb2.HOLD_STATE_RELEASED
    assert unknown.refusal.reason == "HOLD_NOT_FOUND"
    results = await shopper.batch(*(wish(f"next-{n}") for n in range(CARDS + 1)))
    assert len({card.name for result in results for card in result.hold.cards}) == CARDS
    assert results[-1].refusal.reason == "OUT_OF_STOCK"


async def test_an_expired_hold_gives_its_cards_back(shopper: Shopper) -> None:
    """Not before its time, and by itself; its order is spent."""
    held = await shopper.allocate("brief", quantity=CARDS, hold_s=1)
    until_s = time.monotonic() + _EXPIRY_PATIENCE_S
    tries = 0
    while (await shopper.batch(wish(f"try-{tries}")))[0].HasField("refusal") and time.monotonic() < until_s:
        tries += 1
        await asyncio.sleep(0.05)
    won = await shopper.allocate(f"try-{tries}")
    assert won.create_time.ToMilliseconds() >= held.expire_time.ToMilliseconds()
    assert await refused(shopper.allocate("other", order="order-brief", quantity=CARDS)) == "HOLD_EXPIRED"


async def test_what_was_acknowledged_survives_a_kill(
    shopper: Shopper, start: Start, visit: Callable[[PeerProcess], Shopper]
) -> None:
    """All processes are killed in the middle of a sale: the same ids get the same cards, and nobody else does."""
    acknowledged: dict[str, str] = {}

    async def buy(who: str) -> None:
        acknowledged[who] = (await shopper.allocate(who)).cards[0].name
        if len(acknowledged) == CARDS // 2:
            shopper.peer.kill()

    await asyncio.gather(*(buy(f"{n}") for n in range(CARDS)), return_exceptions=True)
    assert len(acknowledged) >= CARDS // 2
    again = visit(start(shopper.peer.name, folder=shopper.peer.folder))
    for who, card in acknowledged.items():
        hold = await again.allocate(who)
        assert (hold.cards[0].name, hold.replayed) == (card, True)
    rest = await again.batch(*(wish(f"rest-{n}") for n in range(CARDS)))
    assert not set(acknowledged.values()) & {card.name for result in rest for card in result.hold.cards}


@pytest.mark.parametrize("door", list(Door))
@pytest.mark.parametrize("name", list(PEERS))
async def test_a_reply_says_as_much_as_cardkeeps(
    name: str, door: Door, start: Start, visit: Callable[[PeerProcess], Shopper]
) -> None:
    """Unary and batch, behind both doors: the same fields, or the comparison would favour somebody."""
    shopper = visit(start(name, door=door))
    [result] = await shopper.batch(wish("b"))
    for hold in (await shopper.allocate("a"), result.hold):
        assert {field.name for field, _ in hold.ListFields()} == {
            *("name", "state", "cards", "order_ref", "create_time", "expire_time", "quantity", "epoch", "sequence")
        }
        assert {field.name for field, _ in hold.cards[0].ListFields()} == {"name", "batch", "expire_time"}
        assert hold.name.startswith(f"{DEFAULT_SKU}/holds/")
    assert (
        await refused(shopper.stub.Allocate(allocation_pb2.AllocateRequest(parent="tenants/t/skus/none")))
        == "SKU_NOT_FOUND"
    )


@pytest.mark.parametrize("name", list(PEERS))
def test_a_peer_stops_at_once_and_leaves_nobody_behind(name: str, start: Start) -> None:
    """Within two seconds of SIGTERM, its database too."""
    peer = start(name)
    family = [psutil.Process(pid) for pid in peer.pids]
    began_s = time.monotonic()
    peer.stop()
    assert time.monotonic() - began_s < 2.0
    assert not [member for member in family if member.is_running()]
    assert peer.pids == ()


def test_a_peer_that_cannot_start_says_why(tmp_path: Path) -> None:
    """A folder that is a file is nobody's data."""
    (tmp_path / "store").write_text("")
    with pytest.raises(PeerFailed, match="store"):
        PeerProcess("redis_lua", Door.FAST, tmp_path, cards=CARDS).start()
