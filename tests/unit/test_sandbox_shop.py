"""The sandbox's shop alone: its money and stock add up, whatever it is told to do wrong."""

import hashlib

import pytest

from clients.sandbox.control import ledger_row
from clients.sandbox.shop import No, Policy, Sale, Shop, State, Twist, Ware, Why, Wish
from engine.money import Money
from engine.supply.suppliers import Idempotency

WARE = Ware("P", "A card", Money(100, "CNY"), stock=10)
TOP_UP = Ware("T", "A top-up", Money(50, "CNY"), is_recharge=True)


class Day:
    """A clock that is moved by hand."""

    now_ms = 1_000

    def read(self) -> int:
        """What it shows."""
        return self.now_ms


@pytest.fixture
def day() -> Day:
    """Morning."""
    return Day()


def shop(day: Day, idempotency: Idempotency = Idempotency.REPLAY, **policy: object) -> Shop:
    """With ten cards, and money for twenty."""
    rules = Policy(idempotency)._replace(**policy)
    return Shop("s", (WARE, TOP_UP), balance=Money(2_000, "CNY"), policy=rules, now_ms=day.read)


def sale(bought: Sale | No) -> Sale:
    """It was sold."""
    assert isinstance(bought, Sale)
    return bought


def test_a_sale_takes_stock_and_money_and_gives_codes_of_its_own(day: Day) -> None:
    """No code comes twice."""
    made = shop(day)
    codes = [code for n in range(3) for code in made.codes(sale(made.buy(Wish(f"a{n}", "P", 2))))]
    assert len(set(codes)) == 6
    assert all(code.startswith("SBX-s-") for code in codes)
    assert made.wares["P"].stock == 4
    assert made.balance == Money(1_400, "CNY")


@pytest.mark.parametrize(
    ("wish", "twist", "why"),
    [
        (Wish("a", "P", 11), Twist(), Why.OUT_OF_STOCK),
        (Wish("a", "T", 41), Twist(), Why.OUT_OF_BALANCE),
        (Wish("a", "P", 3), Twist(factor=7), Why.OUT_OF_BALANCE),
        (Wish("a", "X", 1), Twist(), Why.NO_SUCH_PRODUCT),
        (Wish("a", "P", 0), Twist(), Why.BAD_QUANTITY),
        (Wish("a", "P", 1), Twist(refuses=Why.OUT_OF_STOCK), Why.OUT_OF_STOCK),
    ],
)
def test_a_no_takes_nothing(day: Day, wish: Wish, twist: Twist, why: Why) -> None:
    """Neither money nor stock, nor the id."""
    made = shop(day)
    assert made.buy(wish, twist) == No(why)
    assert (made.balance.minor, made.wares["P"].stock, dict(made.sales())) == (2_000, 10, {})


def test_what_pends_is_charged_at_once_and_delivered_in_its_time(day: Day) -> None:
    """After so long, or when told."""
    made = shop(day)
    later, told = (sale(made.buy(Wish(name, "P", 1), Twist(pends_for_ms=ms))) for name, ms in (("a", 500), ("b", 0)))
    assert [made.codes(each) for each in (later, told)] == [[], []]
    assert made.balance.minor == 1_800
    day.now_ms = 1_500
    assert [sale(made.find(name) or No(Why.NO_SUCH_ORDER)).state for name in "ab"] == ["DELIVERED", "PROCESSING"]
    assert made.deliver() == 1
    assert told.state is State.DELIVERED
    assert made.deliver("b") == 0


def test_what_fails_later_gives_the_money_back(day: Day) -> None:
    """And is neither delivered nor charged in the ledger."""
    made = shop(day)
    made.buy(Wish("a", "P", 2), Twist(fails=True))
    assert made.balance.minor == 1_800
    made.deliver("a")
    assert made.balance.minor == 2_000
    row = ledger_row(made, "a", made.sales()["a"])
    assert (row["units"], row["cost_minor"], row["times_charged"], row["codes_sha256"]) == (0, 0, 0, [])


def test_an_order_made_twice_is_charged_twice_and_the_ledger_says_so(day: Day) -> None:
    """The answer tells of the first, a look-up of the second."""
    made = shop(day)
    first = sale(made.buy(Wish("a", "P", 2), Twist(is_twice=True)))
    found = made.find("a")
    assert found is not None
    assert found.order_no != first.order_no
    row = ledger_row(made, "a", made.sales()["a"])
    assert (row["units"], row["cost_minor"], row["times_charged"]) == (4, 400, 2)
    codes = made.codes(first) + made.codes(found)
    assert row["codes_sha256"] == [hashlib.sha256(code.encode()).hexdigest() for code in codes]


def test_a_sold_code_is_one_that_was_sold_before_and_a_bad_one_cannot_be_read(day: Day) -> None:
    """In place of the first, and of no more."""
    made = shop(day)
    before = made.codes(sale(made.buy(Wish("a", "P", 1))))
    again = made.codes(sale(made.buy(Wish("b", "P", 2), Twist(has_sold_code=True))))
    bad = made.codes(sale(made.buy(Wish("c", "P", 2), Twist(has_bad_code=True))))
    assert again[0] == before[0]
    assert not bad[0].isprintable()
    assert len({*before, *again, *bad}) == 4


def test_a_recharge_counts_how_often_an_account_was_topped_up(day: Day) -> None:
    """Which must never be more than once."""
    made = shop(day, Idempotency.NONE)
    for _ in range(2):
        made.buy(Wish("a", "T", 1, "player"))
    row = ledger_row(made, "a", made.sales()["a"])
    assert (row["times_topped_up"], row["codes_sha256"]) == (2, [])


def test_a_sale_is_taken_back_once(day: Day) -> None:
    """The money returns, and its codes are dead."""
    made = shop(day)
    bought = sale(made.buy(Wish("a", "P", 1)))
    for _ in range(2):
        assert made.reverse(bought) is bought
    assert (made.balance.minor, made.codes(bought)) == (2_000, [])
    assert isinstance(shop(day, may_reverse=False).reverse(sale(made.buy(Wish("b", "P", 1)))), No)


def test_after_its_window_an_id_buys_anew(day: Day) -> None:
    """As suppliers do that forget."""
    made = shop(day, replay_for_ms=100)
    first = made.buy(Wish("a", "P", 1))
    assert made.buy(Wish("a", "P", 1)) is first
    day.now_ms += 100
    assert made.buy(Wish("a", "P", 1)) is not first
