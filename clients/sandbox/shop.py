"""The sandbox's shop: its wares, its money, and the truth of what was sold. Synchronous, and knows nothing of HTTP.

A code is made from its number, so a sale keeps a range of numbers and hardly any text: 0.7 KB a sale.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from engine.money import Money
from engine.supply.suppliers import Idempotency

#: Sales the shop remembers; a full shop says so and sells no more. Half a million take about 350 MB.
sales_max = 500_000

#: Units of one order.
units_max = 10_000


class Why(StrEnum):
    """Why the shop says no."""

    OUT_OF_STOCK = "OUT_OF_STOCK"
    OUT_OF_BALANCE = "OUT_OF_BALANCE"
    NO_SUCH_PRODUCT = "NO_SUCH_PRODUCT"
    BAD_QUANTITY = "BAD_QUANTITY"
    DUPLICATE_ID = "DUPLICATE_ID"
    NO_SUCH_ORDER = "NO_SUCH_ORDER"
    NOT_REVERSIBLE = "NOT_REVERSIBLE"
    SHOP_FULL = "SHOP_FULL"


class State(StrEnum):
    """How a sale stands."""

    PROCESSING = "PROCESSING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    REVERSED = "REVERSED"


class Ware(NamedTuple):
    """What is sold. `stock` is None for as many as anybody wants; codes live `life_ms`, or for ever (None).

    A recharge tops up an account and has no codes. `prefix` begins each code.
    """

    product: str
    title: str
    unit_cost: Money
    stock: int | None = None
    life_ms: int | None = None
    is_recharge: bool = False
    prefix: str = "SBX"


class Policy(NamedTuple):
    """What the shop does with a second order under one id, and whether it takes sales back."""

    idempotency: Idempotency = Idempotency.REPLAY
    replay_for_ms: int = 86_400_000
    may_reverse: bool = True


class Wish(NamedTuple):
    """An order as it came in. `our_id` is the buyer's id, perhaps empty."""

    our_id: str
    product: str
    quantity: int
    account: str = ""


class Twist(NamedTuple):
    """How one order is treated worse than it should be. `pends_for_ms`: 0 pends until told, None does not pend."""

    refuses: Why | None = None
    factor: int = 1
    pends_for_ms: int | None = None
    fails: bool = False
    is_twice: bool = False
    has_bad_code: bool = False
    has_sold_code: bool = False


PLAIN = Twist()


class No(NamedTuple):
    """A refusal. Nothing was charged. `order_no` is the first sale's, where the shop names it."""

    why: Why
    order_no: str = ""


class Sale:
    """One order that was taken and charged. `first` and `units` are its codes' numbers, `odd` what replaced some."""

    __slots__ = (
        *("account", "at_ms", "cost", "fails", "first", "is_recharge", "odd", "order_no", "our_id"),
        *("product", "ready_at_ms", "state", "topped_up", "units"),
    )

    def __init__(self, order_no: str, wish: Wish, cost: Money, at_ms: int) -> None:
        self.order_no = order_no
        self.our_id = wish.our_id
        self.product = wish.product
        self.units = wish.quantity
        self.account = wish.account
        self.cost = cost
        self.at_ms = at_ms
        self.state = State.PROCESSING
        #: When what pends is ready; None pends until told.
        self.ready_at_ms: int | None = at_ms
        self.fails = self.is_recharge = False
        self.first = self.topped_up = 0
        self.odd: Mapping[int, str] = {}

    @property
    def is_charged(self) -> bool:
        """Whether the buyer's money is gone for it."""
        return self.state in {State.PROCESSING, State.DELIVERED}


class Shop:
    """See above. `now_ms` is read once a call; `name` stands in each code, so that no two sandboxes make the same."""

    def __init__(
        self, name: str, wares: Sequence[Ware], *, balance: Money, policy: Policy, now_ms: Callable[[], int]
    ) -> None:
        self.name = name
        self.policy = policy
        self.wares = {ware.product: ware for ware in wares}
        self.balance = balance
        self._now_ms = now_ms
        self._sales: dict[str, Sale] = {}
        self._by_id: dict[str, list[Sale]] = {}
        self._codes = 0
        #: The number of the first code sold of each product.
        self._firsts: dict[str, int] = {}

    def buy(self, wish: Wish, twist: Twist = PLAIN) -> Sale | No:
        """Sell, or say no; the same id again as the policy has it."""
        now_ms = self._now_ms()
        earlier = self._answer_again(wish.our_id, now_ms)
        if earlier is not None:
            return earlier
        no = twist.refuses or self._objection(wish, twist)
        if no is not None:
            return No(no)
        sale = self._sell(wish, twist, now_ms)
        if twist.is_twice and self._objection(wish, twist) is None:
            self._sell(wish, twist, now_ms)
        return sale

    def find(self, our_id: str) -> Sale | None:
        """The newest sale under a buyer's id."""
        sales = self._by_id.get(our_id)
        return self._settled(sales[-1]) if our_id and sales else None

    def find_no(self, order_no: str) -> Sale | None:
        """A sale by the shop's own number."""
        sale = self._sales.get(order_no)
        return None if sale is None else self._settled(sale)

    def reverse(self, sale: Sale) -> No | Sale:
        """Take a sale back: the money returns, the codes are dead."""
        sale = self._settled(sale)
        if sale.state is State.REVERSED:
            return sale
        if not self.policy.may_reverse or not sale.is_charged:
            return No(Why.NOT_REVERSIBLE, sale.order_no)
        self._give_back(sale, State.REVERSED)
        return sale

    def deliver(self, our_id: str = "") -> int:
        """Finish what pends until told, of one id or all; how many."""
        pending = [
            sale
            for sale in (self._by_id.get(our_id, ()) if our_id else self._sales.values())
            if sale.state is State.PROCESSING and sale.ready_at_ms is None
        ]
        for sale in pending:
            sale.ready_at_ms = 0
            self._settled(sale)
        return len(pending)

    def stock(self, product: str, stock: int | None) -> None:
        """Set how many there are."""
        self.wares[product] = self.wares[product]._replace(stock=stock)

    def price(self, product: str, unit_cost: Money) -> None:
        """Set what one costs."""
        self.wares[product] = self.wares[product]._replace(unit_cost=unit_cost)

    def statement(self, from_ms: int, to_ms: int) -> Iterator[Sale]:
        """Sales of that time, the oldest first."""
        for sale in self._sales.values():
            if from_ms <= sale.at_ms < to_ms:
                yield self._settled(sale)

    def sales(self) -> Mapping[str, Sequence[Sale]]:
        """All that was sold, by the buyer's ids: what an audit compares with."""
        for sale in self._sales.values():
            self._settled(sale)
        return self._by_id

    def codes(self, sale: Sale) -> list[str]:
        """What a delivered sale delivered; nothing for a recharge."""
        if sale.is_recharge or sale.state is not State.DELIVERED:
            return []
        prefix = self.wares[sale.product].prefix
        return [sale.odd.get(index) or self._code(prefix, sale.first + index) for index in range(sale.units)]

    def expires_at_ms(self, sale: Sale) -> int | None:
        """When its codes end."""
        life_ms = self.wares[sale.product].life_ms
        return None if life_ms is None else sale.at_ms + life_ms

    def _answer_again(self, our_id: str, now_ms: int) -> Sale | No | None:
        sale = self.find(our_id)
        if sale is None:
            return None
        policy = self.policy
        match policy.idempotency:
            case Idempotency.NONE:
                return None
            case Idempotency.REJECT_WITH_ID:
                return No(Why.DUPLICATE_ID, sale.order_no)
            case Idempotency.REJECT_BLIND:
                return No(Why.DUPLICATE_ID)
            case Idempotency.REPLAY_UNLESS_FAILED if sale.state is State.FAILED:
                return None
            case _:
                return sale if now_ms < sale.at_ms + policy.replay_for_ms else None

    def _objection(self, wish: Wish, twist: Twist) -> Why | None:
        ware = self.wares.get(wish.product)
        if ware is None:
            return Why.NO_SUCH_PRODUCT
        if not 0 < wish.quantity <= units_max:
            return Why.BAD_QUANTITY
        if len(self._sales) >= sales_max:
            return Why.SHOP_FULL
        if ware.stock is not None and ware.stock < wish.quantity:
            return Why.OUT_OF_STOCK
        if self.balance.minor < ware.unit_cost.minor * twist.factor * wish.quantity:
            return Why.OUT_OF_BALANCE
        return None

    def _sell(self, wish: Wish, twist: Twist, now_ms: int) -> Sale:
        ware = self.wares[wish.product]
        cost = ware.unit_cost.times(wish.quantity * twist.factor)
        sale = Sale(f"{self.name}-{len(self._sales) + 1:07d}", wish, cost, now_ms)
        if ware.stock is not None:
            self.stock(wish.product, ware.stock - wish.quantity)
        self.balance = Money(self.balance.minor - cost.minor, cost.currency)
        sale.is_recharge, sale.fails = ware.is_recharge, twist.fails
        if twist.pends_for_ms is not None or twist.fails:
            sale.ready_at_ms = now_ms + twist.pends_for_ms if twist.pends_for_ms else None
        if not ware.is_recharge:
            sale.first = self._codes + 1
            self._codes += wish.quantity
            sale.odd = self._odd(ware, twist, sale.first)
        self._sales[sale.order_no] = sale
        self._by_id.setdefault(sale.our_id or sale.order_no, []).append(sale)
        return self._settled(sale)

    def _odd(self, ware: Ware, twist: Twist, first: int) -> Mapping[int, str]:
        """What is delivered in place of some of the codes."""
        if twist.has_bad_code:
            return {0: f"{ware.prefix}-\a-{self.name}"}  # A bell in it: no reader of cards takes that.
        sold = self._firsts.setdefault(ware.product, first)
        if twist.has_sold_code and sold < first:
            return {0: self._code(ware.prefix, sold)}
        return {}

    def _code(self, prefix: str, number: int) -> str:
        mark = hashlib.sha256(f"{self.name}/{number}".encode()).hexdigest()[:8].upper()
        return f"{prefix}-{self.name}-{number:08d}-{mark}"

    def _settled(self, sale: Sale) -> Sale:
        """What was ready in the meantime is done."""
        if sale.state is not State.PROCESSING or sale.ready_at_ms is None or sale.ready_at_ms > self._now_ms():
            return sale
        if sale.fails:
            self._give_back(sale, State.FAILED)
        else:
            sale.state = State.DELIVERED
            sale.topped_up += sale.is_recharge
        return sale

    def _give_back(self, sale: Sale, state: State) -> None:
        sale.state = state
        self.balance = Money(self.balance.minor + sale.cost.minor, sale.cost.currency)
