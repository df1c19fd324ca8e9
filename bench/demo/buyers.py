"""One process full of buyers. Each does what its plan says, and writes down every answer it got.

Run as `python -m bench.demo.buyers '<json>'`; prints `ready`, waits for a line on stdin, and ends when its
last buyer has. A buyer that gets no definite answer asks again with the same request_id, as a shop should.
"""

import asyncio
import json
import random
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from cardkeep_client import (
    AsyncClient,
    CardkeepError,
    Confirmed,
    Hold,
    LatePolicy,
    Money,
    NotDone,
    OutcomeUnknown,
    new_request_id,
)

PRICE = Money(1500, "CNY")

#: What buyers do, with how many of a hundred do it.
PLANS = {"pay": 55, "repeat": 15, "release": 12, "expire": 8, "late": 6, "late_strict": 4}

_SHORT_HOLD_S = 1.5
_REPEATS = 3
_TRIES_MAX = 50

_Answer = TypeVar("_Answer")


class Order(NamedTuple):
    """What a buyers' process is told to do."""

    target: str
    sku: str
    name: str
    seed: int
    buyers: int
    spread_s: float
    plans: dict[str, int]
    book: str


class Book:
    """A process's own record of everything that was answered."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.requests = 0

    def write(self, kind: str, order: str, answer: object, **more: object) -> None:
        """One definite answer: the hold or sale, or the reason of a refusal."""
        line: dict[str, Any] = {"kind": kind, "order": order, **more}
        match answer:
            case Hold():
                line |= {"answer": "OK", "hold": answer.name, "cards": [card.name for card in answer.cards]}
            case Confirmed():
                codes = {one.card.name: one.code for one in answer.delivered}
                line |= {"answer": "OK", "hold": answer.hold.name, "how": answer.outcome, "codes": codes}
            case CardkeepError():
                line |= {"answer": answer.reason}
        self.lines.append(line)

    async def settled(self, call: Callable[[], Awaitable[_Answer]]) -> _Answer | CardkeepError:
        """The definite answer to a call, asked again with the same id until there is one."""
        failure: CardkeepError | None = None
        for _ in range(_TRIES_MAX):
            self.requests += 1
            try:
                return await call()
            except (OutcomeUnknown, NotDone) as unclear:
                failure = unclear
                await asyncio.sleep(0.1)
            except CardkeepError as no:
                return no
        assert failure is not None
        return failure


async def buy(client: AsyncClient, book: Book, sku: str, order: str, plan: str) -> None:
    """One buyer, from hold to end."""
    short = plan in {"expire", "late", "late_strict"}
    request_id = new_request_id()
    hold_for = timedelta(seconds=_SHORT_HOLD_S if short else 60)

    def allocate() -> Awaitable[Hold]:
        return client.allocate(
            sku, order_ref=order, hold_for=hold_for, expected_unit_price=PRICE, request_id=request_id
        )

    times = _REPEATS if plan == "repeat" else 1
    answers = await asyncio.gather(*(book.settled(allocate) for _ in range(times)))
    for answer in answers:
        book.write("allocate", order, answer, plan=plan)
    hold = answers[0]
    if not isinstance(hold, Hold) or plan == "expire":
        return
    if plan == "release":
        book.write("release", order, await book.settled(lambda: client.release(hold, request_id="release-" + order)))
        return
    if short:
        await asyncio.sleep(_SHORT_HOLD_S + 0.3)
    policy = LatePolicy.REACQUIRE if plan == "late" else LatePolicy.STRICT

    def confirm() -> Awaitable[Confirmed]:
        return client.confirm(
            hold, payment_ref="pay-" + order, paid_amount=PRICE, late_policy=policy, request_id="confirm-" + order
        )

    for sale in await asyncio.gather(*(book.settled(confirm) for _ in range(times))):
        book.write("confirm", order, sale, plan=plan)


async def run(order: Order) -> Book:
    """All buyers of this process, arriving over `spread_s` seconds once a line comes in on stdin."""
    chance = random.Random(order.seed)  # noqa: S311 - a seed must give the same buyers again
    book = Book()
    plans = chance.choices(list(order.plans), list(order.plans.values()), k=order.buyers)
    arrivals_s = sorted(chance.uniform(0, order.spread_s) for _ in plans)
    async with AsyncClient(order.target, channels=2, timeout_s=10.0) as client:
        await client.availability(order.sku)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)

        async def arrive(number: int, arrival_s: float, plan: str) -> None:
            await asyncio.sleep(arrival_s)
            await buy(client, book, order.sku, f"{order.name}-{number}", plan)

        buyers = zip(range(order.buyers), arrivals_s, plans, strict=True)
        await asyncio.gather(*(arrive(number, arrival_s, plan) for number, arrival_s, plan in buyers))
    return book


def main() -> None:
    """The process."""
    order = Order(**json.loads(sys.argv[1]))
    book = asyncio.run(run(order))
    with Path(order.book).open("w") as out:
        out.write(json.dumps({"requests": book.requests}) + "\n")
        out.writelines(json.dumps(line) + "\n" for line in book.lines)


if __name__ == "__main__":
    main()
