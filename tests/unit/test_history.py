"""Rows of history: what each event leaves behind, once, and that the rows of a random life add up to the pool."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant

from engine import limits
from engine.history.chronicle import Chronicle, payment_print
from engine.history.tables import REPLACEMENT, SALE, HoldCount, Price, Receipt, Refund, Row, Sale, Withdrawal
from engine.money import Money
from engine.names import BatchNo, HoldNo, PoolName, card_at
from engine.stock import commands as ask
from engine.stock.codec import pack_record, read_record
from engine.stock.events import Event
from engine.stock.pool import Pool
from engine.stock.terms import Terms
from tests.examples import examples
from tests.unit.priced import RULES
from tests.unit.test_pool_machine import PoolMachine

_NAME = PoolName("default", "DEMO")
_MINUTE_MS = 1_800_000_000_000


class _Life:
    """A pool whose life is written down."""

    def __init__(self) -> None:
        self.pool, self.chronicle = Pool(_NAME), Chronicle()
        self.now_ms = _MINUTE_MS
        self.happened: list[Event] = []
        self._mirror = Pool(_NAME)

    def tell(self, command: Any) -> None:
        """Ask, and let the chronicle hear what the journal would."""
        for event in self.pool.handle(command, self.now_ms).events:
            self._mirror.apply(event)
            self.chronicle.happened(self._mirror.state, event)
            self.happened.append(event)

    def stock(self, batch: int, cards: int, cost: Money | None = None, expires_at_ms: int | None = None) -> None:
        """A batch of cards."""
        opened = ask.OpenBatch(f"open-{batch}", f"import-{batch}", f"source-{batch}", "ann", cost, expires_at_ms, b"")
        self.tell(opened)
        each = (b"x",) * cards
        self.tell(ask.Receive(BatchNo(batch), 0, 0, ((cards, expires_at_ms),), each, each))

    def sell(self, order: str, quantity: int, paid: Money | None = None) -> None:
        """A hold, paid."""
        self.tell(ask.Allocate(f"a-{order}", order, quantity, 60_000))
        number = self.pool.state.holds.last
        self.tell(ask.Confirm(f"c-{order}", number, f"pay-{order}", paid))

    def rows(self, table: str) -> Sequence[Any]:
        """What one table has."""
        return self.chronicle.rows(self._mirror.state)[table]


def test_a_sale_has_a_row_for_each_batch_it_got_cards_of() -> None:
    """Each with the cost of the cards that were really shipped."""
    life = _Life()
    life.tell(ask.Configure("terms", Terms(price=Money(1500, "CNY"))))
    life.stock(1, 2, Money(1000, "CNY"))
    life.stock(2, 5, Money(1100, "CNY"))
    life.sell("o1", 3, Money(4500, "CNY"))
    first, second = life.rows("sales")
    seq = life.pool.state.seq
    place = (seq, _MINUTE_MS, "default", "DEMO", SALE, 1, "o1", "")
    payment = payment_print("pay-o1")
    assert first == Sale(*place, 2, 1500, "CNY", 3000, "CNY", 1, "import-1", "source-1", 1000, "CNY", payment)
    assert second == Sale(*place, 1, 1500, "CNY", 1500, "CNY", 2, "import-2", "source-2", 1100, "CNY", payment)


def test_without_a_price_what_was_paid_is_shared_out_to_the_last_minor_unit() -> None:
    """100 for three cards of two batches: 34 + … no unit is lost; and of nothing said, nothing is made up."""
    life = _Life()
    life.stock(1, 2)
    life.stock(2, 2)
    life.sell("o1", 3, Money(100, "CNY"))
    assert [(row.units, row.price_minor, row.revenue_minor) for row in life.rows("sales")] == [
        (2, None, 67),
        (1, None, 33),
    ]
    life.sell("o2", 1)
    assert life.rows("sales")[-1].revenue_minor is None
    assert life.rows("sales")[-1].unit_cost_minor is None


def test_a_replacement_ships_a_card_and_earns_nothing() -> None:
    """Its cost counts, from the batch it came from."""
    life = _Life()
    life.tell(ask.Configure("terms", Terms(price=Money(1500, "CNY"))))
    life.stock(1, 1, Money(1000, "CNY"))
    life.stock(2, 1, Money(1100, "CNY"))
    life.sell("o1", 1, Money(1500, "CNY"))
    life.tell(ask.Replace("r", HoldNo(1), card_at(BatchNo(1), 0), "does not open"))
    last = life.rows("sales")[-1]
    assert (last.kind, last.units, last.revenue_minor, last.revenue_currency) == (REPLACEMENT, 1, 0, "CNY")
    assert (last.batch, last.unit_cost_minor) == (2, 1100)
    life.tell(ask.Configure("free", Terms(price=None)))
    life.stock(3, 2)
    life.sell("o2", 1)
    life.tell(ask.Replace("r2", HoldNo(2), card_at(BatchNo(3), 0), "does not open"))
    assert life.rows("sales")[-1].revenue_minor is None


def test_cards_that_arrive_are_told_by_expiry() -> None:
    """With batch, import, source, importer and cost."""
    life = _Life()
    life.stock(1, 3, Money(1000, "CNY"), _MINUTE_MS + limits.DAY_MS)
    each = (b"x",) * 4
    life.tell(ask.Receive(BatchNo(1), 1, 3, ((1, None), (2, _MINUTE_MS + 1), (1, None)), each, each))
    place = (_MINUTE_MS, "default", "DEMO", 1, "import-1", "source-1", "ann")
    assert life.rows("receipts") == [
        Receipt(2, *place, 3, _MINUTE_MS + limits.DAY_MS, 1000, "CNY"),
        Receipt(3, *place, 2, None, 1000, "CNY"),
        Receipt(3, *place, 2, _MINUTE_MS + 1, 1000, "CNY"),
    ]


def test_withdrawals_say_how_many_moved() -> None:
    """A held card does not move now; a whole batch is named as such."""
    life = _Life()
    life.stock(1, 4)
    life.tell(ask.Allocate("a", "o", 1, 60_000))
    two = (card_at(BatchNo(1), 0), card_at(BatchNo(1), 3))
    life.tell(ask.Withdraw("w1", ask.QUARANTINE, BatchNo(1), two, "odd"))
    life.tell(ask.Withdraw("w2", ask.VOID, BatchNo(1), (), "bad"))
    place = (_MINUTE_MS, "default", "DEMO", 1, "source-1")
    assert life.rows("withdrawals") == [
        Withdrawal(4, *place, "QUARANTINE", 1, False, "odd"),
        Withdrawal(5, *place, "VOID", 3, True, "bad"),
    ]


def test_a_payment_that_bought_nothing_is_a_refund_with_its_reason() -> None:
    """And names no payment."""
    life = _Life()
    life.stock(1, 1)
    life.tell(ask.Allocate("a", "o", 1, 60_000))
    life.now_ms += 60_000
    life.tell(ask.Confirm("c", HoldNo(1), "pay-secret", Money(7, "CNY")))
    seq = 4  # opened, received, held, expired, and now the refund is the fifth
    assert life.rows("refunds") == [
        Refund(
            seq + 1,
            life.now_ms,
            "default",
            "DEMO",
            1,
            "o",
            "HOLD_EXPIRED",
            7,
            "CNY",
            False,
            payment_print("pay-secret"),
        )
    ]
    assert "pay-secret" not in repr(life.chronicle.rows(life.pool.state))
    assert payment_print("") == ""


def test_holds_are_counted_by_the_minute() -> None:
    """Begun, sold, given back, expired, and who found the shelf too empty."""
    life = _Life()
    life.stock(1, 3)
    life.sell("o1", 1)
    life.tell(ask.Allocate("a2", "o2", 2, 60_000))
    life.tell(ask.Release("r2", HoldNo(2)))
    life.tell(ask.Allocate("a3", "o3", 3, 60_000))
    life.tell(ask.Allocate("a4", "o4", 1, 60_000))
    life.tell(ask.Allocate("odd", "o5", 0, 60_000))
    life.now_ms += 60_000
    life.tell(ask.Release("r4", HoldNo(3)))
    assert life.rows("holds") == [
        HoldCount(8, 3, _MINUTE_MS, "default", "DEMO", 3, 4, 1, 1, 0, 1),
        HoldCount(10, 10, _MINUTE_MS + 60_000, "default", "DEMO", 0, 0, 0, 0, 1, 0),
    ]


def test_a_price_is_told_when_it_is_set() -> None:
    """Other terms tell nothing; no price is told, too."""
    life = _Life()
    life.tell(ask.Configure("t1", Terms(price=Money(500, "CNY"))))
    life.tell(ask.Configure("t2", Terms(title="Cards"), ("title",)))
    life.tell(ask.Configure("t3", Terms(price=None), ("price",)))
    place, own = (_MINUTE_MS, "default", "DEMO"), ("", 0, None, "", "", "STAFF")
    assert life.rows("prices") == [Price(1, *place, 500, "CNY", *own), Price(3, *place, None, "", *own)]


def test_a_price_of_a_channel_is_told_with_what_it_was_and_who_changed_it_why() -> None:
    """One event may set several; what changes nothing tells nothing, and terms that do are no longer told blindly."""
    life = _Life()
    shop, own = ask.ChannelPrice("shop", Money(900, "CNY")), ask.ChannelPrice("", Money(1_000, "CNY"))
    life.tell(ask.SetPrices("s1", (own, shop), "ann", "for spring"))
    life.tell(ask.SetPrices("s2", (shop._replace(price=None),), "bob", ""))
    life.tell(ask.Configure("t1", Terms(price=Money(1_000, "CNY"), title="Cards"), ("price", "title")))
    life.tell(ask.Configure("t2", Terms(price=Money(1_100, "CNY")), ("price",)))
    place = (_MINUTE_MS, "default", "DEMO")
    assert life.rows("prices") == [
        Price(1, *place, 1_000, "CNY", "", 0, None, "", "ann", "STAFF"),
        Price(1, *place, 900, "CNY", "shop", 0, None, "", "ann", "STAFF"),
        Price(3, *place, None, "", "shop", 0, 900, "CNY", "bob", "STAFF"),
        Price(6, *place, 1_100, "CNY", "", 0, 1_000, "CNY", "", "STAFF"),
    ]


@pytest.mark.parametrize(("is_automatic", "who"), [(True, ""), (False, "bob")])
def test_a_price_that_follows_its_cost_is_told_whoever_lets_it(is_automatic: bool, who: str) -> None:
    """By itself, or as staff approved it: 10.00 that cost 10.00 is to earn a fifth: 12.50. What waits is untold."""
    life = _Life()
    life.tell(ask.SetPrices("s1", (ask.ChannelPrice("", Money(1_000, "CNY")),), "ann", ""))
    life.tell(ask.SetPriceRule("r1", "", ask.PriceRule("CNY", RULES._replace(needs_approval=not is_automatic)), "ann"))
    life.stock(1, 2, Money(1_000, "CNY"))
    life.tell(ask.Review())
    if not is_automatic:
        assert len(life.rows("prices")) == 1
        life.tell(ask.DecideSuggestion("d1", 1, approve=True, who="bob"))
    (*_, row) = life.rows("prices")
    assert (row.before_minor, row.price_minor, row.who, row.reasons) == (1_000, 1_250, who, "COST")


def test_a_clearance_is_told_step_by_step_as_the_price_of_its_batch() -> None:
    """Accepted, stepped and ended; a step at which the price stays tells nothing. Proposing one tells nothing."""
    life = _Life()
    day_ms = 86_400_000
    life.stock(1, 40, Money(800, "CNY"), _MINUTE_MS + 10 * day_ms)
    life.tell(ask.SetPrices("s1", (ask.ChannelPrice("", Money(1_000, "CNY")),), "ann", ""))
    life.tell(ask.ProposeClearance("p1", BatchNo(1), "", 100, 2_000, 1_000, "ann"))
    life.tell(ask.AcceptClearance("a1", 1, "bob"))
    life.now_ms += 4 * day_ms
    life.tell(ask.Review())
    life.tell(ask.EndClearance("e1", 1, "cat", ""))
    told = [(row.batch, row.before_minor, row.price_minor, row.who, row.reasons) for row in life.rows("prices")[1:]]
    # The plan of docs/prices.md: 7.89, 5.78, 3.67, a third of ten days each.
    assert told == [
        (1, 1_000, 789, "bob", "CLEARANCE"),
        (1, 789, 578, "", "CLEARANCE"),
        (1, 578, 1_000, "cat", "CLEARANCE_OVER"),
    ]


class HistoryMachine(PoolMachine):
    """The random life of a pool, written down from what its journal says."""

    def __init__(self) -> None:
        super().__init__()
        self.chronicle = Chronicle()
        self.happened: list[Event] = []

    def journal(self, happened: Any) -> None:
        """See PoolMachine.journal."""
        for event in read_record(pack_record(1, self.pool.state.seq, happened)).events:
            self.replica.apply(event)
            self.chronicle.happened(self.replica.state, event)
            self.happened.append(event)

    @invariant()
    def rows_add_up_to_the_pool(self) -> None:
        """Sold and received by batch, revenue by hold, holds by how they ended."""
        rows = self.chronicle.rows(self.replica.state)
        batches = self.pool.state.batches
        assert _sum(rows["sales"]) == {number: batch.sold for number, batch in batches.items() if batch.sold}
        assert _sum(rows["receipts"]) == {number: batch.received for number, batch in batches.items()}
        states = Counter(deal.state for deal in self.model.deals.values())
        counts: Any = rows["holds"]
        assert sum(row.held for row in counts) == len(self.model.deals)
        assert sum(row.confirmed for row in counts) == states["CONFIRMED"]
        active = len(self.pool.state.holds.active)
        # A hold that was confirmed late had ended before, so it is counted twice.
        late = sum(deal.reacquired for deal in self.model.deals.values())
        ended = sum(row.confirmed + row.released + row.expired for row in counts)
        assert len(self.model.deals) - active <= ended <= len(self.model.deals) - active + late
        for number, deal in self.model.deals.items():
            of_hold: list[Any] = [row for row in rows["sales"] if row.hold == number]  # type: ignore[union-attr]
            if deal.price and of_hold:
                assert sum(row.revenue_minor for row in of_hold) == deal.price.minor * len(deal.cards)

    def teardown(self) -> None:
        """Written down in two parts, or twice over with a part known, it is the same."""
        cut = len(self.happened) // 2
        parts = [_written(self.happened[:cut], {}), _written(self.happened, dict.fromkeys(_UP_TO, cut))]
        whole = self.chronicle.rows(self.replica.state)
        for table in set(whole) - {"holds"}:
            assert [*parts[0][table], *parts[1][table]] == whole[table]
        assert _counted([*parts[0]["holds"], *parts[1]["holds"]]) == _counted(whole["holds"])


_UP_TO = ("sales", "refunds", "receipts", "withdrawals", "holds", "prices")


def _written(events: Sequence[Event], after: Mapping[str, int]) -> Mapping[str, Sequence[Row]]:
    pool, chronicle = Pool(_NAME), Chronicle(after)
    for event in events:
        pool.apply(event)
        chronicle.happened(pool.state, event)
    return chronicle.rows(pool.state)


def _sum(rows: Sequence[Any]) -> dict[int, int]:
    units: Counter[int] = Counter()
    for row in rows:
        units[row.batch] += row.units
    return dict(units)


def _counted(rows: Sequence[Any]) -> dict[int, list[int]]:
    """Counts by minute, whatever rows they stand in."""
    minutes: dict[int, list[int]] = {}
    for row in rows:
        numbers = minutes.setdefault(row.at_ms, [0] * len(row[5:]))
        minutes[row.at_ms] = [one + other for one, other in zip(numbers, row[5:], strict=True)]
    return minutes


TestHistoryMachine = HistoryMachine.TestCase
TestHistoryMachine.settings = settings(
    max_examples=examples(40),
    stateful_step_count=40,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
