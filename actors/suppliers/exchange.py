"""One request to a supplier, and what surely became of it: an answer, not sent, or nobody knows.

*Not sent* is said only while no connection was had: a name that does not resolve, a refused or timed-out connect, a
failed TLS handshake, no free connection in the pool. From the moment that a connection is there, bytes may have left,
and everything but an answer is *unheard*. Redirects are answers, and never followed: credentials stay with whom they
are for. Nothing here repeats a request.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, NamedTuple

import aiohttp
from yarl import URL

#: Bytes of one answer: ten thousand codes with their trimmings, and a price list of as many products.
answer_bytes_max = 8 * 1024 * 1024

#: Connections to one supplier. Its `per_s` bounds requests; this bounds what a hanging one can hold.
connections_max = 32

#: How long a connection may take to be made; a supplier that takes longer is not there.
connect_within_s = 3.0

#: How long an idle connection is kept: less than the five seconds after which common servers hang up, since a request
#: that meets a connection being closed is a purchase in doubt.
idle_keep_s = 4.0

_PIECE_BYTES = 64 * 1024


class Unreadable(Exception):
    """An answer that does not say what it should. The text holds nothing of it."""


class Call(NamedTuple):
    """What to send. `url` is whole, with its query."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""


class Answer(NamedTuple):
    """What came back."""

    status: int
    content: bytes

    def document(self) -> Mapping[str, Any]:
        """The JSON object in it; fractions are Decimals. Raises Unreadable."""
        try:
            document = json.loads(self.content, parse_float=Decimal)
        except (ValueError, RecursionError):
            raise Unreadable(f"status {self.status}, and no JSON") from None
        if not isinstance(document, dict):
            raise Unreadable(f"status {self.status}, and no JSON object")
        return document


class Unsent(NamedTuple):
    """No byte left us."""

    why: str


class Unheard(NamedTuple):
    """It may have arrived, and no whole answer came."""

    why: str


class Exchange:
    """A supplier's connections. Each call takes `within_ms` at most, connecting included.

    A protocol whose answers do not name what they answer keeps no connections: on a kept one, an answer that was
    written twice would be read as the next request's.
    """

    def __init__(self, within_ms: int, *, keeps_connections: bool = True) -> None:
        self._within_s = within_ms / 1_000
        self._keeps_connections = keeps_connections
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, call: Call) -> Answer | Unsent | Unheard:
        """Send it once."""
        journey = SimpleNamespace(has_connection=False)
        try:
            async with self._opened().request(
                call.method,
                URL(call.url, encoded=True),  # What was signed is what is sent.
                headers=call.headers,
                data=call.body or None,
                allow_redirects=False,
                trace_request_ctx=journey,
            ) as response:
                return await _read(response)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            # Of the error only its kind: its text may name what a URL or a header holds.
            why = type(error).__name__
            return Unheard(why) if journey.has_connection else Unsent(why)

    async def close(self) -> None:
        """Hang up."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            traces = aiohttp.TraceConfig()
            traces.on_connection_create_end.append(_has_connection)
            traces.on_connection_reuseconn.append(_has_connection)
            self._session = aiohttp.ClientSession(
                connector=(
                    aiohttp.TCPConnector(limit=connections_max, keepalive_timeout=idle_keep_s)
                    if self._keeps_connections
                    else aiohttp.TCPConnector(limit=connections_max, force_close=True)
                ),
                timeout=aiohttp.ClientTimeout(total=self._within_s, sock_connect=min(connect_within_s, self._within_s)),
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[traces],
            )
        return self._session


async def _has_connection(_session: aiohttp.ClientSession, journey: SimpleNamespace, _event: object) -> None:
    journey.trace_request_ctx.has_connection = True


async def _read(response: aiohttp.ClientResponse) -> Answer | Unheard:
    content = bytearray()
    async for piece in response.content.iter_chunked(_PIECE_BYTES):
        content += piece
        if len(content) > answer_bytes_max:
            response.close()
            return Unheard("the answer is too large")
    return Answer(response.status, bytes(content))
