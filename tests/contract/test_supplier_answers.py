"""What lines make of single answers: those that a sandbox never gives, from a server that says what a test tells it."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from actors.suppliers.exchange import answer_bytes_max
from actors.suppliers.protocols import line_to
from clients.sandbox.profile import HTTP_OPTIONS, profile_of
from clients.sandbox.scenario import Scenario
from engine.money import Money
from engine.supply.attempts import (
    Accepted,
    Delivered,
    Failed,
    NotFound,
    NotSent,
    Refused,
    Reversed,
    Silent,
)
from engine.supply.ports import Good, SupplierAway
from tests.contract.canned import SECRET, Canned, StillClock, wish


@pytest.fixture
async def canned() -> AsyncIterator[Canned]:
    """A server on loopback."""
    made = Canned()
    runner = web.ServerRunner(web.Server(made.serve))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


DELIVERED = {"id": "A-1", "order_no": "9", "status": "delivered", "cost": {"amount": "9.00"}, "codes": [{"code": "C"}]}


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        (DELIVERED, Delivered("9", 1, Money(900, "CNY"))),
        (DELIVERED | {"id": "A-2"}, Silent("the answer names another order")),
        (DELIVERED | {"id": None}, Silent("the answer does not name the order")),
        (DELIVERED | {"cost": {"amount": "free"}}, Silent("an amount is no number")),
        (DELIVERED | {"cost": {"amount": "-1"}}, Silent("an amount is out of bounds")),
        (DELIVERED | {"cost": {"amount": "1e999999999"}}, Silent("an amount is no number")),
        (DELIVERED | {"cost": {"amount": float("inf")}}, Silent("an amount is no number")),
        (DELIVERED | {"codes": [{"code": "C", "expires_at_ms": "1e999999999"}]}, Silent("a moment cannot be read")),
        (DELIVERED | {"cost": {"amount": 9.001}}, Delivered("9", 1, Money(901, "CNY"))),
        (DELIVERED | {"cost": {"amount": "9", "currency": "JPY"}}, Delivered("9", 1, Money(9, "JPY"))),
        (DELIVERED | {"codes": []}, Accepted("9")),
        (DELIVERED | {"codes": "C"}, Silent("no list at codes")),
        (DELIVERED | {"codes": [{"code": None}]}, Silent("a code is no text")),
        (DELIVERED | {"status": "perhaps"}, Silent("no status that is known")),
        (DELIVERED | {"status": "failed"}, Failed("failed")),
        (DELIVERED | {"error": {"code": "OUT_OF_STOCK"}}, Refused("OUT_OF_STOCK")),
        (DELIVERED | {"error": {"code": "OUT_OF_LUCK"}}, Silent("error OUT_OF_LUCK")),
        (DELIVERED | {"error": {"code": "NO_SUCH_ORDER"}}, Silent("error NO_SUCH_ORDER")),
        ([DELIVERED], Silent("status 200, and no JSON object")),
        (b"", Silent("status 200, and no JSON")),
        (b"[" * 100_000, Silent("status 200, and no JSON")),
        (b"\xff\xfe{}", Silent("status 200, and no JSON")),
    ],
    ids=str,
)
async def test_the_generic_line_believes_only_what_it_understands(canned: Canned, answer: Any, finding: Any) -> None:
    """An order's answer in every wrong way."""
    canned.answer = answer
    line = canned.line("http", dict(HTTP_OPTIONS))
    assert (await line.order(wish())).finding == finding
    await line.close()


async def test_a_no_must_name_the_order_only_on_a_kept_connection(canned: Canned) -> None:
    """There it could be the answer to another; on a fresh one there is no other."""
    canned.answer, canned.status = {"error": {"code": "OUT_OF_STOCK"}}, 409
    for connections, finding in (
        ("keep", Silent("the answer does not name the order")),
        ("fresh", Refused("OUT_OF_STOCK")),
    ):
        line = canned.line("http", dict(HTTP_OPTIONS) | {"connections": connections})
        assert (await line.order(wish())).finding == finding
        await line.close()


@pytest.mark.parametrize(
    ("word", "finding"), [("NO_SUCH_ORDER", NotFound()), ("OUT_OF_STOCK", Silent("error OUT_OF_STOCK"))]
)
async def test_a_no_to_a_question_is_no_refusal_of_the_order(canned: Canned, word: str, finding: Any) -> None:
    """The order was sent before; only that it is not there, or that it failed, says something of it."""
    canned.answer, canned.status = {"id": "A-1", "error": {"code": word}}, 409
    line = canned.line("http", dict(HTTP_OPTIONS))
    assert (await line.look_up(wish(), [])).finding == finding
    assert (await line.reverse(wish(), [])).finding == finding
    await line.close()


@pytest.mark.parametrize("status", [301, 302, 307, 308, 404, 500, 502, 504])
async def test_a_status_that_is_no_answer_is_silence_even_with_codes(canned: Canned, status: int) -> None:
    """And a redirect is not followed: the signed order stays with whom it is for."""
    canned.answer, canned.status = DELIVERED, status
    canned.headers = {"Location": canned.url + "/elsewhere"}
    line = canned.line("http", dict(HTTP_OPTIONS))
    assert isinstance((await line.order(wish())).finding, Silent)
    assert len(canned.asked) == 1
    await line.close()


async def test_an_answer_without_end_is_silence(canned: Canned) -> None:
    """Eight megabytes are read, and no more."""
    canned.answer = b" " * (answer_bytes_max + 1)
    line = canned.line("http", dict(HTTP_OPTIONS))
    assert (await line.order(wish())).finding == Silent("the answer is too large")
    canned.answer = b" " * (answer_bytes_max - 2) + b"{}"
    assert (await line.order(wish())).finding == Silent("the answer does not name the order")
    await line.close()


@pytest.mark.parametrize("protocol", ["http", "dujiao-next", "acg-faka"])
async def test_what_never_had_a_connection_was_not_sent(protocol: str) -> None:
    """No such name, no such port, no TLS there: no byte of the order can have left."""
    canned = Canned()
    runner = web.ServerRunner(web.Server(canned.serve))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    options = dict(HTTP_OPTIONS) if protocol == "http" else {}
    for endpoint in ("http://no-such-name.invalid", f"https://127.0.0.1:{port}", "http://127.0.0.1:1"):
        line = canned.line(protocol, options, endpoint=endpoint)
        assert isinstance((await line.order(wish())).finding, NotSent), endpoint
        assert isinstance((await line.look_up(wish(), ["1"])).finding, Silent)
        with pytest.raises(SupplierAway):
            await line.balance()
        await line.close()
    assert canned.asked == []
    await runner.cleanup()


async def test_codes_come_in_several_shapes(canned: Canned) -> None:
    """A list of texts, lines of one text, objects with a second half and a date."""
    options = {name: value for name, value in HTTP_OPTIONS.items() if not name.startswith("codes")}
    shapes: list[tuple[dict[str, str], Any, list[Good]]] = [
        ({}, ["A", 7], [Good("A"), Good("7")]),
        (
            {"codes.shape": "lines", "codes": "data.text"},
            {"text": "A\r\n\r\n B\u2028C \n"},
            [Good("A"), Good("B\u2028C")],
        ),
        (
            {"codes.shape": "objects", "codes": "data", "codes.code": "n", "codes.second": "pin"}
            | {"codes.expires": "end", "codes.expires_unit": "iso"},
            [{"n": "A", "pin": 1, "end": "2026-01-01T00:00:00Z"}, {"n": "B"}],
            [Good("A----1", 1_767_225_600_000), Good("B")],
        ),
    ]
    for added, value, goods in shapes:
        canned.answer = DELIVERED | {"codes": value, "data": value}
        line = canned.line("http", options | added)
        assert list((await line.order(wish())).goods) == goods
        await line.close()


async def test_an_order_may_be_a_form_and_its_number_a_path(canned: Canned) -> None:
    """Values are escaped where they stand."""
    options = dict(HTTP_OPTIONS) | {"content": "form", "look_up": "GET /orders/{order_no}", "headers": '{"X-A": "b"}'}
    line = canned.line("http", options, endpoint=canned.url + "/api/")
    canned.answer = DELIVERED
    await line.order(wish("a&b=c/ü"))
    request, body = canned.asked[-1]
    assert (request.path, body) == ("/api/orders", b"id=A-1&product=a%26b%3Dc%2F%C3%BC&quantity=1")
    assert request.headers["X-A"] == "b"
    assert (await line.look_up(wish(), [])).finding == Silent("no number of the supplier's is known")
    await line.look_up(wish(), ["1", "a/../b?c"])
    assert canned.asked[-1][0].raw_path == "/api/orders/a%2F..%2Fb%3Fc?id=A-1"
    await line.close()


async def test_pages_are_asked_for_until_one_is_empty(canned: Canned) -> None:
    """And what cannot be read is as good as no answer."""
    pages = [[{"id": "1", "title": "One", "price": {"amount": "1.00"}, "stock": -1}], []]

    async def serve(request: web.BaseRequest) -> web.Response:
        return web.json_response({"products": pages[int(request.query["page"]) - 1]})

    runner = web.ServerRunner(web.Server(serve))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    line = canned.line("http", dict(HTTP_OPTIONS) | {"products.fields": '{"page": "{page}"}'}, endpoint=url)
    assert [(each.product, each.stock) for each in await line.products()] == [("1", None)]
    pages[0] = [{"id": "1"}]
    with pytest.raises(SupplierAway):
        await line.products()
    await line.close()
    await runner.cleanup()


async def test_dujiao_next_is_asked_as_its_document_says(canned: Canned) -> None:
    """The signatures are openssl's: HMAC-SHA256 of method, path, seconds and the body's MD5."""
    canned.answer = {"ok": True, "order_id": 7, "order_no": "DJ7", "status": "paid", "amount": "9.00"}
    line = canned.line("dujiao-next", {})
    assert (await line.order(wish())).finding == Accepted("7")
    request, body = canned.asked[-1]
    assert (request.method, request.path) == ("POST", "/api/v1/upstream/orders")
    assert body == b'{"sku_id":1001,"quantity":1,"downstream_order_no":"A-1","trace_id":"A-1"}'
    assert request.headers["Dujiao-Next-Api-Key"] == "1001"
    assert request.headers["Dujiao-Next-Timestamp"] == "1700000000"
    mark = "22aea220185374ab5f8cc3d77fc9b5512484d8692af2685aede0f765d5d33059"
    assert request.headers["Dujiao-Next-Signature"] == mark
    await line.look_up(wish(), ["3", "7"])
    request, body = canned.asked[-1]
    assert (request.method, request.path, body) == ("GET", "/api/v1/upstream/orders/7", b"")
    mark = "7a7a52067c3a39bd1876ce2824a8e36d536e9259f06aad2114786b8f810bf531"
    assert request.headers["Dujiao-Next-Signature"] == mark
    await line.close()


DUJIAO = {"ok": True, "order_id": 7, "status": "completed", "amount": "9.00", "currency": "CNY"}
FULFILLED = DUJIAO | {"fulfillment": {"status": "delivered", "payload": "C-1\nC-2"}, "items": [{"sku_id": 1001}]}


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        (FULFILLED, Delivered("7", 2, Money(900, "CNY"))),
        (FULFILLED | {"refunded_amount": "4.00", "status": "partially_refunded"}, Delivered("7", 2, Money(500, "CNY"))),
        (FULFILLED | {"items": [{"sku_id": 1002}]}, Silent("the answer names another order")),
        (DUJIAO, Accepted("7")),
        (DUJIAO | {"fulfillment": {"status": "delivered", "payload": ""}}, Accepted("7")),
        (DUJIAO | {"status": "partially_delivered"}, Accepted("7")),
        (DUJIAO | {"status": "canceled"}, Failed("canceled")),
        (DUJIAO | {"status": "refunded"}, Reversed()),
        (DUJIAO | {"status": "lost"}, Silent("no status that is known")),
        ({"ok": False, "error_code": "order_not_found"}, NotFound()),
        ({"ok": False, "error_code": "insufficient_balance"}, Silent("error insufficient_balance")),
        ({"ok": False, "error_code": "internal_error"}, Silent("error internal_error")),
        ({"message": "received"}, Silent("error ")),
    ],
    ids=str,
)
async def test_how_an_order_stands_at_a_dujiao_next(canned: Canned, answer: Any, finding: Any) -> None:
    """By the statuses of its document."""
    canned.answer = answer
    line = canned.line("dujiao-next", {})
    assert (await line.look_up(wish(), ["7"])).finding == finding
    await line.close()


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        ({"ok": False, "error_code": "payment_failed", "order_id": 7}, Refused("payment_failed")),
        ({"ok": False, "error_code": "insufficient_stock"}, Refused("insufficient_stock")),
        ({"ok": False, "error_code": "internal_error"}, Silent("error internal_error")),
        (DUJIAO | {"status": "canceled"}, Failed("canceled")),
    ],
    ids=str,
)
async def test_how_an_order_is_answered_by_a_dujiao_next(canned: Canned, answer: Any, finding: Any) -> None:
    """Only its documented words are a no; the same id after a failed order says that it failed."""
    canned.answer = answer
    line = canned.line("dujiao-next", {})
    assert (await line.order(wish())).finding == finding
    await line.close()


ACG = {"code": 200, "msg": "success", "data": {"tradeNo": "5", "amount": 9.0, "secret": "C-1"}}


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        (ACG, Delivered("5", 1, Money(900, "CNY"))),
        (
            ACG | {"data": {"tradeNo": "5", "amount": "9", "secret": "很抱歉，有人在你付款之前抢走了商品"}},
            Accepted("5"),
        ),
        (ACG | {"data": {"tradeNo": "5", "amount": "9", "secret": "一\n二"}}, Accepted("5")),
        (ACG | {"data": {"tradeNo": "5", "amount": "9", "secret": None}}, Accepted("5")),
        (ACG | {"data": {"tradeNo": "5", "amount": "9", "secret": True}}, Accepted("5")),
        (ACG | {"data": {"tradeNo": "5", "secret": "C-1"}}, Silent("an amount is no number")),
        (ACG | {"data": {"amount": "9", "secret": "C-1"}}, Silent("the answer names no order")),
        ({"code": 0, "msg": "库存不足"}, Refused("OUT_OF_STOCK")),
        ({"code": 0, "msg": "该商品每人只能购买3件"}, Refused("LIMIT_REACHED")),
        ({"code": 0, "msg": "The request ID already exists"}, Silent("a no that is not documented")),
        ({"code": 0, "msg": "连接失败"}, Silent("a no that is not documented")),
        ({"code": 0}, Silent("a no that is not documented")),
        ({"status": 1}, Silent("an answer without a code")),
    ],
    ids=str,
)
async def test_how_an_order_is_answered_by_an_acg_faka(canned: Canned, answer: Any, finding: Any) -> None:
    """An excuse is never sold as a code, and a sentence that is not known is no refusal."""
    canned.answer = answer
    line = canned.line("acg-faka", {})
    assert (await line.order(wish("GAME/10"))).finding == finding
    assert b"shared_code=GAME&race=10&num=1&request_no=xrhhx2mcvn46yt5whcf" in canned.asked[-1][1]
    await line.close()


async def test_a_sentence_of_a_shops_own_is_no_code_where_codes_are_described(canned: Canned) -> None:
    """Shops that send by hand write what they like."""
    canned.answer = ACG | {"data": {"tradeNo": "5", "amount": "9", "secret": "We send it by mail tonight"}}
    line = canned.line("acg-faka", {"code_pattern": "[A-Z0-9-]+"})
    assert (await line.order(wish())).finding == Accepted("5")
    canned.answer = ACG
    assert isinstance((await line.order(wish())).finding, Delivered)
    await line.close()


@pytest.mark.parametrize("protocol", ["http", "dujiao-next", "acg-faka"])
async def test_neither_credentials_nor_codes_are_said_anywhere(
    canned: Canned, protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in findings, not in exceptions, not in logs, whatever a supplier answers."""
    caplog.set_level(logging.DEBUG)
    line = canned.line(protocol, dict(HTTP_OPTIONS) | {"sign": "hmac-sha256"} if protocol == "http" else {})
    said = []
    for answer in (
        f"<html>{SECRET} CODE-1</html>".encode(),
        {"id": "A-1", "ok": True, "code": 200, "status": "CODE-1\n", "cost": "CODE-1", "codes": "CODE-1"},
        {"ok": False, "code": 0, "msg": f"no {SECRET} CODE-1", "error": {"message": SECRET}},
    ):
        canned.answer = answer
        said += [str((await line.order(wish())).finding), str((await line.look_up(wish(), ["1"])).finding)]
        with pytest.raises(SupplierAway) as away:
            await line.balance()
        said.append(str(away.value))
    whole = "\n".join(said) + caplog.text
    assert SECRET not in whole
    assert "CODE-1" not in whole
    await line.close()


@pytest.mark.parametrize(
    ("protocol", "changes", "says"),
    [
        ("telepathy", {}, "acg-faka, dujiao-next, folder, http"),
        ("http", {"options": {}}, "option order is missing"),
        ("http", {"options": {"order": "GET /orders"}}, "goes by POST"),
        ("http", {"options": {"order": "POST orders"}}, "a method and a path"),
        ("http", {"options": {"order": "POST /o", "order.fields": "{"}}, "JSON object"),
        ("http", {"options": {"order": "POST /o", "order.fields": '{"a": "{no}"}'}}, "{no}"),
        ("http", {"options": {"order": "POST /o", "colour": "red"}}, "no option colour"),
        ("http", {"options": {"order": "POST /o", "amount": "dimes"}}, "decimal, minor"),
        ("http", {"options": {"order": "POST /o", "connections": "keep"}}, "option echo"),
        ("http", {"options": {"order": "POST /o"}, "endpoint": "ftp://x"}, "a URL"),
        ("dujiao-next", {"options": {"a": "b"}}, "account_field"),
        ("acg-faka", {"options": {"code_pattern": "("}}, "code_pattern"),
        ("acg-faka", {"endpoint": "https://user:pw@x", "options": {}}, "a URL"),
    ],
)
def test_a_profile_that_does_not_do_is_said_in_words(protocol: str, changes: dict[str, Any], says: str) -> None:
    """When the line is made, and what would do."""
    with pytest.raises(ValueError, match=r".") as told:
        Canned().line(protocol, changes.get("options", {}), changes.get("endpoint", "http://x"))
    assert says in str(told.value)


@pytest.mark.parametrize("protocol", ["dujiao-next", "acg-faka"])
def test_credentials_are_asked_for(protocol: str) -> None:
    """By name."""
    profile = profile_of(Scenario(), "http://x", protocol=protocol, options={})
    with pytest.raises(ValueError, match="'key'"):
        line_to(profile, {}, StillClock())
