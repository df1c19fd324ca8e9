"""A whole house behind each door, as shops and their libraries meet it: clients, large answers, a door that closes."""

import asyncio

import grpc
from cardkeep_client import AsyncClient, Client, Hold, OutcomeUnknown
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from actors.front_host import FrontHost
from actors.store_facts import StoreFacts
from protos.cardkeep.v1 import allocation_pb2, inventory_pb2
from tests.api.breakdowns_provoked import frozen
from tests.api.failures import failure
from tests.api.raw_http2 import RawHttp2
from tests.api.small_house import (
    PATIENCE_S,
    SmallHouse,
    new_id,
    until,
    wish,
)


async def test_the_blocking_client_brings_cards_and_sells_them(house: SmallHouse) -> None:
    """Import, hold, sale: each card's code reaches its buyer."""

    def trade() -> list[str]:
        with Client(house.target) as shop:
            sku = shop.create_sku("vip", title="VIP").name
            assert shop.import_cards(sku, ["code 1", "code 2"], import_id="first").accepted == 2
            holds = [shop.allocate(sku, order_ref=order_ref) for order_ref in ("a", "b")]
            return [shop.confirm(hold, payment_ref=hold.order_ref).delivered[0].code for hold in holds]

    assert sorted(await asyncio.to_thread(trade)) == ["code 1", "code 2"]


async def test_large_answers_on_one_connection_come_whole(house: SmallHouse) -> None:
    """Four batches at once, each answer more than the 64 KB that HTTP/2 lets pass unasked."""
    sku = await house.sku(1_000)
    batches = [[wish(sku) for _ in range(250)] for _ in range(4)]
    answers = await asyncio.gather(
        *[
            house.allocation.BatchAllocate(allocation_pb2.BatchAllocateRequest(items=batch), timeout=PATIENCE_S)
            for batch in batches
        ]
    )
    for batch, answer in zip(batches, answers, strict=True):
        assert answer.ByteSize() > 65_535
        assert [result.hold.order_ref for result in answer.results] == [item.order_ref for item in batch]
    assert (await house.cards(sku)).held == 1_000


async def test_who_hangs_up_in_mid_call_leaves_nothing_under_way(own_house: SmallHouse) -> None:
    """Twenty Allocates and an import are cut off while the store hangs: they end with it, and holds are whole."""
    sku = await own_house.sku(20)
    stream = own_house.inventory.ImportCards()
    await stream.write(
        inventory_pb2.ImportCardsRequest(header=inventory_pb2.ImportHeader(parent=sku, import_id=new_id()))
    )
    await stream.read()
    line = await RawHttp2.connect(int(own_house.target.split(":")[1]))
    with frozen(own_house.server_pid):
        for stream_no in range(1, 41, 2):
            line.call(stream_no, "/cardkeep.v1.AllocationService/Allocate", wish(sku).SerializeToString())
        await own_house.calls_under_way(21)
        await own_house.decided(sku)
        await line.hang_up()
        stream.cancel()
    await until(lambda: own_house.front._reception.calls_under_way == 0)
    assert 1 <= (await own_house.cards(sku)).held <= 20


async def test_a_call_that_nobody_answered_in_time_ends_once(own_house: SmallHouse) -> None:
    """The store hangs well past the deadline: one call came, one call left, and nothing waits any more."""
    sku = await own_house.sku(2)
    reception = own_house.front._reception
    with frozen(own_house.server_pid):
        assert (await failure(own_house.allocation.Allocate(wish(sku), timeout=0.5))).reason == "OUTCOME_UNKNOWN"
        waiting = asyncio.create_task(own_house.allocate(sku))
        await own_house.calls_under_way(1)
    assert (await waiting).quantity == 1
    assert (reception.calls_under_way, reception.waiting) == (0, {})


async def test_who_watches_our_health_and_never_reads_holds_nobody_up(house: SmallHouse) -> None:
    """More watchers than an executor has threads: sales go on, and the end is not put off."""
    line = await RawHttp2.connect(int(house.target.split(":")[1]), window=0)
    for number in range(100):
        line.call(2 * number + 1, "/grpc.health.v1.Health/Watch")
    assert (await house.allocate(await house.sku(1))).quantity == 1
    await asyncio.wait_for(house.front.drain(), 10)
    await line.hang_up()


async def test_a_drain_moves_a_working_client_to_the_other_front_end(house: SmallHouse) -> None:
    """Two front ends on one port; eight buyers go on buying while one of the two stops.

    A call that crosses grpc.aio's goodbye may hear CANCELLED, which is a doubt; the same request then gets its answer.
    """
    sku = await house.sku(1_000)
    port = int(house.target.split(":")[1])
    settings = house.settings.model_copy(update={"port": port})
    facts = StoreFacts("embedded", "valkey 9", await house.store.open())
    other = FrontHost(settings, facts, house.desks.buyers, clock=house.clock)
    assert await other.start() == port
    bought: list[Hold] = []
    is_over = asyncio.Event()

    async def buy() -> None:
        async with AsyncClient(house.target, channels=2) as shop:
            while not is_over.is_set():
                order_ref = new_id()
                try:
                    hold = await shop.allocate(sku, order_ref=order_ref)
                except OutcomeUnknown as doubt:
                    hold = await shop.allocate(sku, order_ref=order_ref, request_id=doubt.request_id)
                bought.append(hold)

    buyers = [asyncio.create_task(buy()) for _ in range(8)]
    await until(lambda: len(bought) >= 50)
    await other.drain()
    after = len(bought) + 50
    await until(lambda: len(bought) >= after or any(buyer.done() for buyer in buyers))
    is_over.set()
    await asyncio.gather(*buyers)
    assert (await house.cards(sku)).held == len(bought)


async def test_a_front_end_knows_its_buyers_and_only_them(house: SmallHouse) -> None:
    """For them its imports rest; what staff do, and other imports, slow none down."""
    sku = await house.sku(1)
    pace = house.front._reception.pace
    assert pace._pool is None
    await house.allocation.Allocate(wish(sku))
    assert str(pace._pool) == sku


async def test_when_to_ask_again_is_said_in_details_and_in_a_trailer(house: SmallHouse) -> None:
    """What a draining front end says: our clients read the one, a library's own retries the other."""
    sku = await house.sku(1)
    house.front._reception.is_draining = True
    call = house.allocation.Allocate(wish(sku))
    assert await call.code() is grpc.StatusCode.UNAVAILABLE
    house.front._reception.is_draining = False
    trailers = dict(await call.trailing_metadata())
    retry = RetryInfo()
    [detail] = [
        detail
        for detail in Status.FromString(trailers["grpc-status-details-bin"]).details
        if detail.Is(RetryInfo.DESCRIPTOR)
    ]
    detail.Unpack(retry)
    assert retry.retry_delay.ToMilliseconds() == 50
    assert trailers.get("grpc-retry-pushback-ms") == "50"
