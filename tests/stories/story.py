"""Reads and plays stories: command lines, `----`, the expected answer and the pool as it is then.

A story begins at 0m with an empty pool. `tick 10m` lets time pass and sweeps; `wait 10m` lets time pass
and does not. Words are arguments in order, `name=value` are options; spans are written 90s, 15m, 2h, 30d.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from engine.money import Money
from engine.names import BatchNo, Card, HoldNo, PoolName, card_at
from engine.pricing.repricing import Rules
from engine.stock import commands as ask
from engine.stock import outcomes as said
from engine.stock.archiving import to_archive
from engine.stock.codec import read_archived
from engine.stock.pool import Pool
from engine.stock.terms import HeldQuotas
from tests.stories.shown import by_the_way, show
from tests.stories.shown_prices import START_MS, money

_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_RULER = "----"


class Scene(NamedTuple):
    """One command line of a story and what it must answer."""

    line_no: int
    line: str
    expected: list[str]


class Words:
    """The arguments of one command line."""

    def __init__(self, words: list[str]) -> None:
        self.options = dict(word.split("=", 1) for word in words if "=" in word)
        self.plain = [word for word in words if "=" not in word]

    def text(self, name: str, otherwise: str = "") -> str:
        """An option as it stands."""
        return self.options.get(name, otherwise)

    def number(self, name: str, otherwise: int = 0) -> int:
        """An option as a whole number."""
        return int(self.options.get(name, otherwise))

    def span_ms(self, name: str, otherwise: str = "0s") -> int:
        """An option as a span of time."""
        return span_ms(self.options.get(name, otherwise))

    def money(self, name: str) -> Money | None:
        """An option as money: `500CNY` is 500 minor units."""
        text = self.options.get(name)
        return Money(int(text[:-3]), text[-3:]) if text else None

    def hold(self) -> HoldNo:
        """The hold named by the second word, `h1`."""
        return HoldNo(int(self.plain[1].removeprefix("h")))

    def cards(self) -> tuple[Card, ...]:
        """Every card named, `1-0` (batch and serial)."""
        return tuple(
            card_at(BatchNo(int(batch)), int(serial))
            for batch, serial in (word.split("-") for word in self.plain if re.fullmatch(r"\d+-\d+", word))
        )


def scenes(text: str) -> Iterator[Scene]:
    """The scenes of a story, in order."""
    block: list[tuple[int, str]] = []
    for line_no, line in enumerate([*text.splitlines(), ""], start=1):
        if line.strip() and not line.startswith("#"):
            block.append((line_no, line.strip()))
        elif block and not line.strip():
            (first_no, command), (_, ruler), *expected = block
            assert ruler == _RULER, f"line {first_no}: a command is one line, then {_RULER}"
            yield Scene(first_no, command, [shown for _, shown in expected])
            block = []


def span_ms(text: str) -> int:
    """`15m` in milliseconds."""
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h|d)", text).groups()  # type: ignore[union-attr]
    return int(number) * _UNITS_MS[unit]


class Stage:
    """A pool, its clock and its archive, told what to do line by line."""

    def __init__(self) -> None:
        self.pool = Pool(PoolName("default", "DEMO"))
        self.now_ms = START_MS
        self.archive: dict[str, bytes] = {}

    def play(self, line: str) -> list[str]:
        """What the house shows for one command line: the answer, what happened on the way, the pool."""
        verb, *rest = line.split()
        words = Words(rest)
        shown = getattr(self, "_" + verb)(words) if hasattr(self, "_" + verb) else self._ask(_COMMANDS[verb](words))
        return [*shown, re.sub(r" seq=\d+", "", repr(self.pool))]

    def _ask(self, command: ask.Command) -> list[str]:
        looked: dict[str, object] = {}
        while keys := self.pool.missing(command, looked):  # type: ignore[arg-type]
            looked |= {key: read_archived(key, self.archive[key]) if key in self.archive else None for key in keys}
        step = self.pool.handle(command, self.now_ms, looked)  # type: ignore[arg-type]
        return [show(step.outcome) + self._price(step.outcome) + " (again)" * step.replayed, *by_the_way(step.events)]

    def _price(self, outcome: said.Outcome) -> str:
        """What a hold was made at, of a SKU that has prices."""
        if self.pool.state.prices is None or not isinstance(outcome, said.Held):
            return ""
        return f" at {money(outcome.price)}" + f" in {outcome.channel}" * bool(outcome.channel)

    def _tick(self, words: Words) -> list[str]:
        self.now_ms += span_ms(words.plain[0])
        return by_the_way(self.pool.sweep(self.now_ms, 1_000))

    def _wait(self, words: Words) -> list[str]:
        self.now_ms += span_ms(words.plain[0])
        return []

    def _receive(self, words: Words) -> list[str]:
        import_id = f"import-{len(self.pool.state.batches) + 1}"
        words.plain = ["open-" + import_id, import_id]
        self._ask(_open(words))
        batch, count = BatchNo(len(self.pool.state.batches)), words.number("cards")
        self._ask(_chunk(Words([str(batch), f"cards={count}", *[f"{n}={v}" for n, v in words.options.items()]])))
        self._ask(ask.CloseBatch(batch))
        return [f"Received {count} in batch {batch}"]

    def _configure(self, words: Words) -> list[str]:
        terms = self.pool.state.terms
        terms = terms._replace(
            price=words.money("price") or terms.price,
            cost_currency=words.text("currency", terms.cost_currency),
            cards_per_hold_max=words.number("per-hold", terms.cards_per_hold_max),
            hold_lifetime_ms_max=words.span_ms("lifetime", f"{terms.hold_lifetime_ms_max}ms"),
            late_window_ms=words.span_ms("window", f"{terms.late_window_ms}ms"),
            quotas=HeldQuotas(**{name: words.number(name) for name in HeldQuotas._fields}),
            paused="paused" in words.plain,
        )
        return self._ask(ask.Configure(words.plain[0], terms))

    def _forget(self, words: Words) -> list[str]:
        before_ms = self.now_ms - words.span_ms("older")
        for entries in to_archive(self.pool.state, before_ms):
            self.archive |= entries
        return self._ask(ask.Forget(before_ms))


def _allocate(words: Words) -> ask.Command:
    principal = ask.Principal(words.text("user"), words.text("device"), words.text("ip"), words.text("instrument"))
    request_id = words.plain[0]
    return ask.Allocate(
        request_id,
        words.text("order", "order-" + request_id),
        words.number("count", 1),
        words.span_ms("for", "10m"),
        principal,
        words.span_ms("life"),
        words.money("price"),
        "partial" in words.plain,
        words.text("channel"),
    )


def _confirm(words: Words) -> ask.Command:
    request_id, late = words.plain[0], ask.REACQUIRE if "reacquire" in words.plain else ask.STRICT
    payment_ref, paid, quantity = words.text("payment", "pay-" + request_id), words.money("paid"), words.number("count")
    return ask.Confirm(request_id, words.hold(), payment_ref, paid, quantity, late, words.span_ms("window"))


def _open(words: Words) -> ask.Command:
    request_id, import_id = words.plain
    cost, landed = words.money("cost"), words.money("landed")
    return ask.OpenBatch(request_id, import_id, words.text("source", "acme"), "ann", cost, None, b"key", landed)


def _chunk(words: Words) -> ask.Command:
    batch, count = BatchNo(int(words.plain[0])), words.number("cards")
    expires_at_ms = START_MS + words.span_ms("expires") if "expires" in words.options else None
    each = (b"print",) * count
    lots = ((count, expires_at_ms),)
    return ask.Receive(batch, words.number("chunk"), words.number("serial"), lots, each, each)


def _prices(words: Words) -> ask.Command:
    """`default=500CNY` is the SKU's own price, any other name a channel's; `-` takes a channel's away."""
    prices = tuple(
        ask.ChannelPrice("" if name == "default" else name, None if price == "-" else words.money(name))
        for name, price in words.options.items()
    )
    return ask.SetPrices(words.plain[0], prices, "ann")


def _rule(words: Words) -> ask.Command:
    """Shares in per cent; without floor and ceiling there is no rule."""
    floor, ceiling = words.money("floor"), words.money("ceiling")
    if floor is None or ceiling is None:
        return ask.SetPriceRule(words.plain[0], words.text("channel"), None, "ann")
    rules = Rules(
        floor.minor,
        ceiling.minor,
        words.number("margin") * 10_000,
        words.number("band") * 10_000,
        words.number("step", 100) * 10_000,
        words.span_ms("rest"),
        needs_approval="automatic" not in words.plain,
    )
    pressure = words.number("pressure") * 10_000
    rule = ask.PriceRule(floor.currency, rules, words.number("rival"), pressure, "strict" not in words.plain)
    return ask.SetPriceRule(words.plain[0], words.text("channel"), rule, "ann")


def _propose(words: Words) -> ask.Command:
    return ask.ProposeClearance(
        words.plain[0],
        BatchNo(words.number("batch", 1)),
        words.text("channel"),
        words.number("floor", 1),
        words.number("elasticity", 2_000),
        words.number("rate"),
        "ann",
    )


def _withdraw(action: str) -> Callable[[Words], ask.Command]:
    def build(words: Words) -> ask.Command:
        return ask.Withdraw(words.plain[0], action, BatchNo(words.number("batch", 1)), words.cards(), "bad codes")

    return build


_COMMANDS: dict[str, Callable[[Words], ask.Command]] = {
    "allocate": _allocate,
    "confirm": _confirm,
    "release": lambda words: ask.Release(words.plain[0], words.hold()),
    "extend": lambda words: ask.Extend(words.plain[0], words.hold(), words.span_ms("for")),
    "open": _open,
    "chunk": _chunk,
    "close": lambda words: ask.CloseBatch(BatchNo(int(words.plain[0]))),
    "void": _withdraw(ask.VOID),
    "quarantine": _withdraw(ask.QUARANTINE),
    "restore": _withdraw(ask.RESTORE),
    "replace": lambda words: ask.Replace(words.plain[0], words.hold(), words.cards()[0], "does not open"),
    "hold": lambda words: ask.GetHold(HoldNo(words.number("no")), words.text("order")),
    "shelf": lambda words: ask.GetShelf(words.span_ms("life")),
    "batches": lambda words: ask.ListBatches(words.number("after"), words.number("rows", 10)),
    "sold": lambda words: ask.ListSold(BatchNo(int(words.plain[0])), words.number("after"), words.number("rows", 10)),
    "audit": lambda _words: ask.Audit(),
    "prices": _prices,
    "rule": _rule,
    "review": lambda _words: ask.Review(),
    "approve": lambda words: ask.DecideSuggestion(words.plain[0], words.number("no"), True, "ann"),
    "decline": lambda words: ask.DecideSuggestion(words.plain[0], words.number("no"), False, "ann"),
    "propose": _propose,
    "accept": lambda words: ask.AcceptClearance(words.plain[0], words.number("no"), "ann"),
    "end": lambda words: ask.EndClearance(words.plain[0], words.number("no"), "ann", "enough"),
    "offers": lambda _words: ask.GetPrices(),
    "expiring": lambda words: ask.ListExpiring(words.number("rows", 10)),
    "changes": lambda words: ask.ListPriceChanges(words.number("before"), words.number("rows", 10)),
}
