"""docs/suppliers.md does what it says: its worked example of options, and its page of code, are tried here."""

import hashlib
import hmac
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from actors.suppliers.http_options import known_options
from clients.sandbox.profile import HTTP_OPTIONS, profile_of
from clients.sandbox.scenario import Scenario
from engine.money import Money
from engine.supply.attempts import Accepted, Delivered, NotFound, NotSent, Refused, Silent
from engine.supply.ports import Good
from tests.contract.canned import SECRET, Canned, StillClock, wish

PAGE = (Path(__file__).parents[2] / "docs" / "suppliers.md").read_text()


@pytest.fixture
async def canned() -> AsyncIterator[Canned]:
    """A server on loopback."""
    made = Canned()
    runner = web.ServerRunner(web.Server(made.serve))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


def worked_example() -> dict[str, str]:
    """The table's options: names and values stand in the same order, `.x` goes on with the name before."""
    section = PAGE[PAGE.index("## Connect a supplier with options") : PAGE.index("### A whole profile")]
    options: dict[str, str] = {}
    for line in section.splitlines():
        if not line.startswith("| `"):
            continue
        names, values = (re.findall(r"`([^`]*)`", cell) for cell in line.strip("| ").split(" | ", 1))
        for name, value in zip(names, values, strict=True):
            options[name if name[0] != "." else names[0].partition(".")[0] + name] = value
    return options


async def test_the_worked_example_works(canned: Canned) -> None:
    """As the manual in it reads."""
    line = canned.line("http", worked_example(), canned.url + "/v2")
    card = {"no": "C", "pin": "1", "valid_to": "2026-01-01T00:00:00Z"}
    done = {"ref": "A-1", "no": "77", "state": "DONE", "total": "9.00", "cards": [card]}
    canned.answer = {"code": 0, "data": done}
    told = await line.order(wish("S"))
    assert told.finding == Delivered("77", 1, Money(900, "CNY"))
    assert list(told.goods) == [Good("C----1", 1_767_225_600_000)]
    request, body = canned.asked[-1]
    assert (request.path, body) == ("/v2/purchase", b'{"ref":"A-1","sku":"S","count":1}')
    assert request.headers["X-App"] == "1001"
    text = request.headers["X-Time"].encode() + b"." + body
    assert request.headers["X-Sign"] == hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()
    assert await line.look_up(wish("S"), []) == told
    assert canned.asked[-1][0].path == "/v2/purchase/A-1"
    for answer, to_order, to_look_up in (
        ({"code": 0, "data": done | {"state": "WORKING"}}, Accepted("77"), Accepted("77")),
        ({"code": 1001}, Refused("1001"), Silent("error 1001")),
        ({"code": 1404}, Silent("error 1404"), NotFound()),
        ({"code": 1009}, *(2 * [Silent("this id is known there already: look it up")])),
    ):
        canned.answer = answer
        assert (await line.order(wish("S"))).finding == to_order
        assert (await line.look_up(wish("S"), [])).finding == to_look_up
    canned.answer = {"code": 0, "data": {"left": "12.5"}}
    assert await line.balance() == Money(1_250, "CNY")
    await line.close()


async def test_the_page_of_code_is_an_adapter(canned: Canned) -> None:
    """With the imports that the adapters beside it have."""
    code = PAGE[PAGE.index("```python\nclass ExampleLine") + 10 :]
    names: dict[str, Any] = {}
    for module in ("exchange", "reading", "urls"):
        exec(f"from actors.suppliers.{module} import *", names)
    exec("import json\nfrom urllib.parse import quote\nfrom engine.supply.attempts import *", names)
    exec("from engine.supply.ports import *\n" + code[: code.index("```")], names)
    profile = profile_of(Scenario(), canned.url, protocol="example", options={})
    line = names["ExampleLine"](profile, {"token": "t"}, StillClock().now_ms, str)
    for answer, to_order, to_look_up in (
        ({"state": "done", "no": "7", "codes": ["C"], "cost": "9"}, *(2 * [Delivered("7", 1, Money(900, "CNY"))])),
        ({"state": "done", "no": "7"}, *(2 * [Silent("no list at codes")])),
        ({"state": "working", "no": "7"}, *(2 * [Accepted("7")])),
        ({"error": "NO_STOCK"}, Refused("NO_STOCK"), Silent("not understood")),
        ({"error": "UNKNOWN_REF"}, Silent("not understood"), NotFound()),
    ):
        canned.answer = answer
        assert (await line.order(wish())).finding == to_order
        assert (await line.look_up(wish(), [])).finding == to_look_up
    canned.answer = {"left": "3"}
    assert await line.balance() == Money(300, "CNY")
    nowhere = names["ExampleLine"](profile._replace(endpoint="http://127.0.0.1:1"), {"token": "t"}, int, str)
    assert isinstance((await nowhere.order(wish())).finding, NotSent)
    for each in (line, nowhere):
        await each._exchange.close()


def test_the_page_names_every_option() -> None:
    """And the sandbox's profile uses none that is not there."""
    section = PAGE[PAGE.index("### Every option") : PAGE.index("## A folder")]
    said = set(re.findall(r"`([a-z_.]+)`", section))
    for option in known_options():
        last = "." + option.rpartition(".")[2]
        assert option in said or last in said or option.endswith(".fields"), option
    assert set(HTTP_OPTIONS) <= known_options() | {"sign"}
