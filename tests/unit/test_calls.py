"""One process asks another over a real socket: answers, refusals, mistakes, and lines that break."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors import calls
from actors.calls import CallGate, CallLine
from actors.wire import Address
from engine.errors import InDoubt, Overloaded, PoolClosed, SupplierNotAsked

TOKEN = "t" * 64


class House:
    """Answers at its gate."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.go_on = asyncio.Event()
        self.gate = CallGate(self.answer, TOKEN)

    async def answer(self, what: str, *arguments: object) -> object:
        """Add, refuse, wait, or break."""
        self.heard.append(what)
        match what:
            case "sum":
                return sum(arguments)  # type: ignore[arg-type]
            case "refuse":
                raise SupplierNotAsked("breaker is open")
            case "wait":
                await self.go_on.wait()
                return "waited"
            case "what cannot travel":
                return lambda: None
            case "what cannot be read":
                return _Unreadable()
        raise KeyError(what)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[tuple[House, Address]]:
    """A house, and where its gate is."""
    house = House()
    address = await house.gate.open(Address("unix", str(tmp_path / "calls.sock")))
    yield house, address
    house.gate.close()


async def called(address: Address, token: str = TOKEN) -> CallLine:
    """An open line."""
    line = CallLine(address, token)
    await line.open()
    return line


async def test_answers_come_to_whom_they_belong(house: tuple[House, Address]) -> None:
    """Whoever asks first need not hear first."""
    line = await called(house[1])
    slow = asyncio.ensure_future(line.ask("wait"))
    assert await asyncio.gather(line.ask("sum", 1, 2), line.ask("sum", 3, 4)) == [3, 7]
    house[0].go_on.set()
    assert await slow == "waited"


async def test_a_refusal_is_raised_as_itself(house: tuple[House, Address]) -> None:
    """With its class and its words: a caller acts on these."""
    line = await called(house[1])
    with pytest.raises(SupplierNotAsked, match="breaker is open"):
        await line.ask("refuse")


async def test_a_mistake_there_is_a_doubt_here_and_ends_nothing(house: tuple[House, Address]) -> None:
    """Whatever was done before it broke, nobody knows."""
    line = await called(house[1])
    with pytest.raises(InDoubt, match="nonsense broke"):
        await line.ask("nonsense")
    assert await line.ask("sum", 1) == 1


async def test_a_line_that_breaks_leaves_who_waits_in_doubt_and_the_next_knows(house: tuple[House, Address]) -> None:
    """In doubt is what was sent; what could not be sent was surely not done."""
    line = await called(house[1])
    waiting = asyncio.ensure_future(line.ask("wait"))
    assert await line.ask("sum", 1) == 1
    house[0].gate.close()
    with pytest.raises(InDoubt, match="broke"):
        await waiting
    with pytest.raises(PoolClosed, match="is down"):
        await line.ask("sum", 1)
    with pytest.raises(PoolClosed, match="nobody listens"):
        await called(house[1])


async def test_nothing_is_read_from_who_does_not_show_the_token(house: tuple[House, Address]) -> None:
    """Pickled bytes least of all."""
    line = await called(house[1], "another")
    with pytest.raises((InDoubt, PoolClosed)):
        await line.ask("sum", 1)
    assert house[0].heard == []


async def test_one_caller_cannot_have_any_number_under_way(
    house: tuple[House, Address], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one too many is told so at once, and the others get their answers."""
    monkeypatch.setattr(calls, "calls_per_caller_max", 2)
    line = await called(house[1])
    first = [asyncio.ensure_future(line.ask("wait")) for _ in range(2)]
    with pytest.raises(Overloaded):
        await asyncio.gather(*first, line.ask("sum", 1))
    house[0].go_on.set()
    assert await asyncio.gather(*first) == ["waited", "waited"]


async def test_who_stops_listening_for_an_answer_leaves_nothing_behind(house: tuple[House, Address]) -> None:
    """And the late answer disturbs nobody."""
    line = await called(house[1])
    waiting = asyncio.ensure_future(line.ask("wait"))
    assert await line.ask("sum", 1) == 1
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    house[0].go_on.set()
    assert await line.ask("sum", 2) == 2
    assert not line._replies


async def test_what_cannot_be_read_or_packed_is_answered_too(house: tuple[House, Address]) -> None:
    """As between two versions: a call that is not understood did nothing, an answer that cannot travel is a doubt."""
    line = await called(house[1])
    with pytest.raises(PoolClosed, match="cannot be read here"):
        await line.ask("sum", _Unreadable())
    with pytest.raises(InDoubt, match="broke"):
        await line.ask("what cannot travel")
    with pytest.raises(InDoubt, match="cannot be read"):
        await line.ask("what cannot be read")
    assert await line.ask("sum", 1, 2) == 3
    line.close()


class _Unreadable:
    """Of a kind that the other end does not have."""

    def __reduce__(self) -> tuple[object, ...]:
        return _not_here, ()


def _not_here() -> None:
    raise ModuleNotFoundError("of another version")
