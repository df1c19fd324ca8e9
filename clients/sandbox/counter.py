"""The sandbox's counter: a request meets its mischief, then the shop, then an answer as the dialect writes it."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeVar

from aiohttp import web

from clients.sandbox.mischief import Mischief, Question, Rule, Trick
from clients.sandbox.shop import PLAIN, Shop, Twist, Why

T = TypeVar("T")

_PAGE = "<!DOCTYPE html><html><head><title>404 Not Found</title></head><body><h1>404</h1></body></html>"

#: What takes the place of an answer; the first that struck counts.
_SPOILERS = (Trick.DOWN, Trick.DROP, Trick.HTML, Trick.BAD_JSON)


class Counter:
    """See above. One for all dialects."""

    def __init__(self, shop: Shop, mischief: Mischief) -> None:
        self.shop = shop
        self.mischief = mischief

    async def serve(
        self,
        request: web.Request,
        act: Callable[[Twist], T],
        write: Callable[[T], web.Response],
        *,
        question: Question,
        product: str = "",
    ) -> web.StreamResponse:
        """Answer one request. `act` is what the shop does, at once; `write` says it in the dialect."""
        struck = self.mischief.strikes(question, product)
        if not struck:
            return write(act(PLAIN))
        await _wait(struck.get(Trick.SLOW))
        spoiler = next((struck[trick] for trick in _SPOILERS if trick in struck), None)
        hang = struck.get(Trick.HANG)
        if hang is not None and not hang.commits:
            await _wait(hang)
        if spoiler is not None and not spoiler.commits:
            return _spoiled(request, spoiler, None)
        response = write(act(twist_of(struck)))
        if hang is not None and hang.commits:
            await _wait(hang)
        if spoiler is not None:
            return _spoiled(request, spoiler, response)
        echo = struck.get(Trick.ECHO)
        return response if echo is None else await _echoed(request, response, echo)


def twist_of(struck: Mapping[Trick, Rule]) -> Twist:
    """What the tricks that struck mean to the shop."""
    pending = struck.get(Trick.PROCESSING) or struck.get(Trick.FAIL_LATER)
    dear = struck.get(Trick.DEAR)
    refuses = None
    if Trick.OUT_OF_STOCK in struck:
        refuses = Why.OUT_OF_STOCK
    elif Trick.OUT_OF_BALANCE in struck:
        refuses = Why.OUT_OF_BALANCE
    return Twist(
        refuses,
        1 if dear is None else dear.factor,
        None if pending is None else pending.ms,
        fails=Trick.FAIL_LATER in struck,
        is_twice=Trick.TWICE in struck,
        has_bad_code=Trick.BAD_CODE in struck,
        has_sold_code=Trick.SOLD_CODE in struck,
    )


async def _wait(rule: Rule | None) -> None:
    if rule is not None:
        await asyncio.sleep(rule.ms / 1_000)


def _spoiled(request: web.Request, rule: Rule, response: web.Response | None) -> web.StreamResponse:
    match rule.trick:
        case Trick.DOWN:
            return web.json_response({"error": {"code": "UNAVAILABLE"}}, status=503)
        case Trick.HTML:
            return web.Response(text=_PAGE, content_type="text/html")
        case Trick.BAD_JSON:
            whole = response.body if response is not None and isinstance(response.body, bytes) else b'{"status": "del'
            return web.Response(body=whole[: len(whole) // 2], content_type="application/json")
        case _:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()


async def _echoed(request: web.Request, response: web.Response, rule: Rule) -> web.StreamResponse:
    """The answer, and the same bytes once more behind it."""
    await response.prepare(request)
    await response.write_eof()
    await _wait(rule)
    if request.transport is not None and isinstance(response.body, bytes):
        head = f"HTTP/1.1 {response.status} OK\r\nContent-Type: application/json\r\n"
        request.transport.write(f"{head}Content-Length: {len(response.body)}\r\n\r\n".encode() + response.body)
    return response
