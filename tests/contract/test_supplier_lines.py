"""What every supplier's line promises: nothing is said to have failed that may have been sold, and no code is lost.

Each line is tried against the sandbox in its dialect, over real HTTP.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clients.sandbox.mischief import Question, Rule, Trick
from clients.sandbox.profile import options_of
from clients.sandbox.shop import Policy, State
from engine.money import Money
from engine.supply.attempts import Accepted, Delivered, Failed, NotFound, NotSent, Refused, Reversed, Silent
from engine.supply.ports import Ability, Order, SupplierAway, Told
from engine.supply.suppliers import Idempotency
from tests.contract.supplier_stands import FOR_EVER_MS, Stand, codes, folder_stand, scenario, stand

SERVED = ["http", "dujiao-next", "acg-faka"]


@pytest.fixture(params=[*SERVED, "folder"])
async def at(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stand]:
    """A line of any protocol to a sandbox that behaves."""
    async with folder_stand(tmp_path) if request.param == "folder" else stand(scenario(request.param)) as made:
        yield made


@pytest.fixture(params=SERVED)
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Stand]:
    """A line over HTTP to a sandbox that behaves, so far."""
    async with stand(scenario(request.param)) as made:
        yield made


async def settled(at: Stand, order: Order, told: Told) -> Told:
    """How an order stands that was accepted: what the line learns by asking, with what it was told."""
    return await at.line.look_up(order, order_nos(told)) if isinstance(told.finding, Accepted) else told


def order_nos(told: Told) -> list[str]:
    """The supplier's number, if the finding tells one."""
    number = getattr(told.finding, "order_no", "")
    return [number] if number else []


async def test_an_order_brings_the_codes_that_were_sold_at_their_cost(at: Stand) -> None:
    """To the unit, the cent and the letter, under a number of the supplier's."""
    order = at.wish("GAME-10", 3)
    told = await settled(at, order, await at.line.order(order))
    assert codes(told) == at.sold(order)
    assert len(set(codes(told))) == 3
    assert isinstance(told.finding, Delivered)
    assert told.finding.units == 3
    assert told.finding.cost == Money(2_700, "CNY")
    assert told.finding.order_no


@pytest.mark.parametrize("quantity", [1, 100, 1_000])
async def test_any_quantity_arrives_whole(at: Stand, quantity: int) -> None:
    """And in the order of the supplier's."""
    order = at.wish("GAME-50", quantity)
    told = await settled(at, order, await at.line.order(order))
    assert codes(told) == at.sold(order)
    assert len(told.goods) == quantity


async def test_codes_of_any_script_arrive_as_they_are(at: Stand) -> None:
    """A code is text, not ASCII."""
    order = at.wish("UNICODE", 2)
    told = await settled(at, order, await at.line.order(order))
    assert codes(told) == at.sold(order)
    assert codes(told)[0].startswith("卡密-é-")


async def test_many_orders_at_once_do_not_mix(at: Stand) -> None:
    """Each gets its own, over however many connections."""
    orders = [at.wish("GAME-10", 2) for _ in range(20)]
    tolds = await asyncio.gather(*(at.line.order(order) for order in orders))
    for order, told in zip(orders, tolds, strict=True):
        assert codes(await settled(at, order, told)) == at.sold(order)


@pytest.mark.parametrize(
    ("product", "quantity"), [("SCARCE", 4), ("DEAREST", 1), ("NO-SUCH-THING", 1)], ids=["stock", "balance", "product"]
)
async def test_a_documented_no_is_a_refusal(at: Stand, product: str, quantity: int) -> None:
    """No stock, no balance, no such product: nothing was sold, and the next supplier may be asked at once."""
    order = at.wish(product, quantity)
    told = await at.line.order(order)
    assert isinstance(told.finding, Refused), told.finding
    assert told.finding.why
    assert at.sales(order) == []


@pytest.mark.parametrize(
    "rule",
    [
        Rule(Trick.HANG, ms=FOR_EVER_MS, commits=True),
        Rule(Trick.HANG, ms=FOR_EVER_MS),
        Rule(Trick.DROP, commits=True),
        Rule(Trick.DROP),
        Rule(Trick.HTML, commits=True),
        Rule(Trick.HTML),
        Rule(Trick.DOWN, commits=True),
        Rule(Trick.DOWN),
        Rule(Trick.BAD_JSON, commits=True),
    ],
    ids=lambda rule: f"{rule.trick}-{'after' if rule.commits else 'before'}",
)
async def test_what_is_not_understood_is_silence(served: Stand, rule: Rule) -> None:
    """A time-out, a broken connection, a web page, a 503, half an answer: it may have been sold or not."""
    served.misbehaves(rule)
    order = served.wish()
    told = await served.line.order(order)
    assert isinstance(told.finding, Silent), told.finding
    assert not told.goods
    assert len(served.sales(order)) == rule.commits


async def test_without_a_connection_nothing_was_sent(served: Stand) -> None:
    """A refused connection is the one failure that surely did not happen."""
    await served.sandbox.door(is_open=False)
    order = served.wish()
    assert isinstance((await served.line.order(order)).finding, NotSent)
    assert not isinstance((await served.line.look_up(order, ["1"])).finding, NotSent | NotFound | Failed)
    await served.sandbox.door(is_open=True)
    assert codes(await settled(served, order, await served.line.order(order))) == served.sold(order)


async def test_a_purchase_that_was_never_answered_is_found_by_asking(served: Stand) -> None:
    """By our id where the supplier keeps it, or by sending the same id again where that is safe; bought once."""
    served.misbehaves(Rule(Trick.HANG, ms=FOR_EVER_MS, commits=True, times=1))
    order = served.wish("GAME-10", 2)
    assert isinstance((await served.line.order(order)).finding, Silent)
    if served.sandbox.scenario.dialect == "acg-faka":
        again = await served.line.order(order)
        assert isinstance(again.finding, Silent), "it knows the id, and says no more"
        assert len(served.sales(order)) == 1
        return
    told = await served.line.look_up(order, [])
    if isinstance(told.finding, Silent):
        told = await settled(served, order, await served.line.order(order))
    assert codes(told) == served.sold(order)
    assert len(served.sales(order)) == 1


async def test_what_is_worked_on_is_accepted_and_later_delivered(served: Stand) -> None:
    """The codes come by asking, once they are there."""
    served.misbehaves(Rule(Trick.PROCESSING))
    order = served.wish("GAME-10", 2)
    first = await served.line.order(order)
    assert isinstance(first.finding, Accepted)
    assert first.finding.order_no
    assert isinstance((await served.line.look_up(order, order_nos(first))).finding, Accepted)
    assert served.sandbox.shop.deliver() == 1
    assert codes(await served.line.look_up(order, order_nos(first))) == served.sold(order)


async def test_asking_twice_tells_the_same(at: Stand) -> None:
    """What is delivered stays so, under the same number."""
    order = at.wish()
    first = await settled(at, order, await at.line.order(order))
    for _ in range(2):
        assert await at.line.look_up(order, order_nos(first)) == first


async def test_no_answer_is_taken_for_another(served: Stand) -> None:
    """An answer that comes twice on one connection must not be read as the next request's."""
    served.misbehaves(Rule(Trick.ECHO, times=3, ms=20))
    for _ in range(6):
        order = served.wish()
        told = await settled(served, order, await served.line.order(order))
        if isinstance(told.finding, Delivered):
            assert codes(told) == served.sold(order)
        else:
            assert isinstance(told.finding, Silent)


async def test_a_price_seven_times_as_high_is_told(served: Stand) -> None:
    """The line tells what it cost; that it is too dear, the ledger says."""
    served.misbehaves(Rule(Trick.DEAR))
    order = served.wish("GAME-10", 1)
    told = await settled(served, order, await served.line.order(order))
    assert isinstance(told.finding, Delivered)
    assert told.finding.cost == Money(6_300, "CNY")


async def test_the_balance_is_what_is_left(served: Stand) -> None:
    """In the supplier's currency."""
    assert Ability.BALANCE in served.line.abilities
    before = await served.line.balance()
    await served.line.order(served.wish("GAME-10", 2))
    assert before == Money(100_000_000, "CNY")
    assert await served.line.balance() == Money(100_000_000 - 1_800, "CNY")


async def test_the_price_list_is_whole(served: Stand) -> None:
    """With what can be ordered by the name it has there, and the stock where it is counted."""
    listed = {product.title: product for product in await served.line.products()}
    assert set(listed) == {ware.title for ware in served.sandbox.shop.wares.values()}
    assert listed["Game card 10"].unit_cost == Money(900, "CNY")
    assert listed["Three of them"].stock == 3
    assert listed["Game card 10"].product == served.wish("GAME-10").product


async def test_a_recharge_tops_up_its_account_once_and_brings_no_codes(served: Stand) -> None:
    """However often the same id is sent."""
    order = served.wish("TOPUP-10", 1, account="player-7")
    first = await served.line.order(order)
    for _ in range(2):
        await served.line.order(order)
    told = await settled(served, order, first)
    assert isinstance(told.finding, Delivered)
    assert (told.finding.units, told.goods) == (1, ())
    assert told.finding.cost == Money(950, "CNY")
    assert [(sale.account, sale.topped_up) for sale in served.sales(order)] == [("player-7", 1)]


async def test_a_code_that_is_bad_or_was_sold_before_arrives_as_it_is(served: Stand) -> None:
    """What a code is worth, whoever shelves it says; the line loses none."""
    before, order = served.wish("GAME-10"), served.wish("GAME-10", 3)
    first = codes(await settled(served, before, await served.line.order(before)))
    served.misbehaves(Rule(Trick.SOLD_CODE))
    told = codes(await settled(served, order, await served.line.order(order)))
    assert told == served.sold(order)
    assert told[0] == first[0]


@pytest.mark.parametrize("dialect", SERVED)
async def test_wrong_credentials_are_refused_and_buy_nothing(dialect: str) -> None:
    """They are a documented no, so that a mistyped key leaves no doubts behind."""
    async with stand(scenario(dialect), secret="mistyped") as at:
        order = at.wish()
        assert isinstance((await at.line.order(order)).finding, Refused)
        assert at.sales(order) == []
        with pytest.raises(SupplierAway):
            await at.line.balance()
        with pytest.raises(SupplierAway):
            await at.line.products()


async def test_a_dujiao_next_takes_back_what_it_has_not_delivered() -> None:
    """And says no to the rest, which says nothing of the order."""
    async with stand(scenario("dujiao-next")) as at:
        delivered, pending = at.wish(), at.wish()
        numbers = order_nos(await at.line.order(delivered))
        at.misbehaves(Rule(Trick.PROCESSING))
        others = order_nos(await at.line.order(pending))
        assert isinstance((await at.line.reverse(delivered, numbers)).finding, Silent)
        assert isinstance((await at.line.reverse(pending, others)).finding, Reversed)
        assert [sale.state for sale in at.sales(delivered) + at.sales(pending)] == [State.DELIVERED, State.REVERSED]


@pytest.mark.parametrize("dialect", ["http"])
class TestWhereTheProtocolKeepsOurId:
    """What only suppliers can do that know our id: the generic protocol."""

    async def test_not_found_is_said_only_by_the_supplier(self, dialect: str) -> None:
        """Of an order that never arrived it says so; of a page or a failure nothing follows."""
        async with stand(scenario(dialect)) as at:
            order = at.wish()
            assert isinstance((await at.line.look_up(order, [])).finding, NotFound)
            for trick in (Trick.HTML, Trick.DOWN, Trick.BAD_JSON, Trick.DROP):
                at.misbehaves(Rule(trick, on=Question.LOOK_UP))
                assert isinstance((await at.line.look_up(order, [])).finding, Silent)

    @pytest.mark.parametrize(
        ("idempotency", "answers", "sales"),
        [
            (Idempotency.REPLAY, Delivered, 1),
            (Idempotency.REJECT_WITH_ID, Accepted, 1),
            (Idempotency.REJECT_BLIND, Silent, 1),
            (Idempotency.REPLAY_UNLESS_FAILED, Delivered, 1),
            (Idempotency.NONE, Delivered, 2),
        ],
    )
    async def test_the_same_id_again(self, dialect: str, idempotency: Idempotency, answers: type, sales: int) -> None:
        """By the supplier's class: told again, refused with or without its number, or bought a second time."""
        async with stand(scenario(dialect, policy=Policy(idempotency))) as at:
            order = at.wish("GAME-10", 2)
            first = await at.line.order(order)
            again = await at.line.order(order)
            assert isinstance(again.finding, answers)
            assert len(at.sales(order)) == sales
            if sales == 1:
                assert await at.line.look_up(order, []) == first
            if isinstance(again.finding, Accepted):
                assert order_nos(again) == order_nos(first)

    async def test_after_a_failed_order_the_same_id_may_buy_anew(self, dialect: str) -> None:
        """Only of that class; under REPLAY it stays failed."""
        for idempotency, finding in ((Idempotency.REPLAY, Failed), (Idempotency.REPLAY_UNLESS_FAILED, Delivered)):
            async with stand(scenario(dialect, policy=Policy(idempotency))) as at:
                at.misbehaves(Rule(Trick.FAIL_LATER, times=1))
                order = at.wish()
                assert isinstance((await at.line.order(order)).finding, Accepted)
                at.sandbox.shop.deliver()
                assert isinstance((await at.line.look_up(order, [])).finding, Failed)
                assert isinstance((await at.line.order(order)).finding, finding)

    async def test_a_purchase_is_taken_back(self, dialect: str) -> None:
        """Reversed is what the supplier confirms, and its ledger shows."""
        async with stand(scenario(dialect)) as at:
            order = at.wish()
            await at.line.order(order)
            assert isinstance((await at.line.reverse(order, [])).finding, Reversed)
            assert [sale.state for sale in at.sales(order)] == [State.REVERSED]
            assert at.sandbox.shop.balance == Money(100_000_000, "CNY")
            assert isinstance((await at.line.look_up(order, [])).finding, Reversed)

    async def test_a_no_to_a_reversal_says_nothing_of_the_purchase(self, dialect: str) -> None:
        """It may not be taken for a refusal of the order: that would make it failed."""
        async with stand(scenario(dialect, policy=Policy(may_reverse=False))) as at:
            order = at.wish()
            await at.line.order(order)
            assert isinstance((await at.line.reverse(order, [])).finding, Silent)

    async def test_the_statement_has_what_was_bought_by_our_id(self, dialect: str) -> None:
        """The oldest first, with what was charged; what was taken back, at nothing."""
        async with stand(scenario(dialect)) as at:
            kept, reversed_ = at.wish("GAME-10", 2), at.wish("GAME-50", 1)
            for order in (kept, reversed_):
                await at.line.order(order)
            await at.line.reverse(reversed_, [])
            rows = await at.line.statement(0, 10**15)
            assert [(row.attempt, row.units, row.cost) for row in rows] == [
                (kept.attempt, 2, Money(1_800, "CNY")),
                (reversed_.attempt, 1, Money(0, "CNY")),
            ]
            assert await at.line.statement(0, rows[0].at_ms) == []

    async def test_codes_have_the_date_they_end_on(self, dialect: str) -> None:
        """Where the supplier says it."""
        async with stand(scenario(dialect)) as at:
            order = at.wish("GAME-50", 1)
            told = await at.line.order(order)
            sale = at.sales(order)[0]
            assert [good.expires_at_ms for good in told.goods] == [sale.at_ms + 365 * 86_400_000]


@pytest.mark.parametrize("signing", ["hmac-sha256", "md5", "rsa-sha256", "bearer"])
async def test_each_signing_is_taken_and_its_absence_is_not(signing: str) -> None:
    """The sandbox checks it with code of its own."""
    of = scenario("http", signing=signing)
    async with stand(of) as at:
        order = at.wish("UNICODE", 1)
        assert codes(await at.line.order(order)) == at.sold(order)
        assert codes(await at.line.look_up(order, [])) == at.sold(order)
    async with stand(of, options={**options_of(of), "sign": "none"}) as at:
        order = at.wish()
        assert isinstance((await at.line.order(order)).finding, Refused)
        assert at.sales(order) == []
