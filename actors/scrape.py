"""The machine's one metrics endpoint: asks every process for its metrics and serves them together.

Each sample gets a `process` label, so that a rate over a restart stays right.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import CONTENT_TYPE_LATEST, ThreadingWSGIServer
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

#: How long a scrape waits for all processes.
_PATIENCE_S = 5.0

Gather = Callable[[], Awaitable[Mapping[str, bytes]]]


class _Everyone(Collector):
    """Collects by asking, on the event loop that owns the actors."""

    def __init__(self, gather: Gather, loop: asyncio.AbstractEventLoop) -> None:
        self._gather = gather
        self._loop = loop

    def collect(self) -> Iterator[Metric]:
        """All families of all processes."""
        texts = asyncio.run_coroutine_threadsafe(_awaited(self._gather), self._loop).result(_PATIENCE_S)
        yield from merge(texts)


class _Quiet(WSGIRequestHandler):
    """A scrape is nothing to write home about."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def serve_metrics(gather: Gather, host: str, port: int) -> Callable[[], None]:
    """Serve until the returned function is called."""
    registry = CollectorRegistry(auto_describe=False)
    everyone = _Everyone(gather, asyncio.get_running_loop())
    everyone.describe = lambda: ()  # type: ignore[attr-defined]
    registry.register(everyone)
    pages = make_wsgi_app(registry)

    def answer(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "HEAD":  # Whoever only asks whether we are here need not wake all processes.
            start("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
            return []
        page: Iterable[bytes] = pages(environ, start)
        return page

    server = make_server(host, port, answer, ThreadingWSGIServer, handler_class=_Quiet)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop


def merge(texts: Mapping[str, bytes]) -> Iterator[Metric]:
    """Families of the same name from several processes as one, each sample labelled with its process."""
    families: dict[str, Metric] = {}
    for process, text in texts.items():
        for family in text_string_to_metric_families(text.decode()):
            merged = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            for sample in family.samples:
                merged.samples.append(sample._replace(labels={**sample.labels, "process": process}))
    yield from families.values()


async def _awaited(gather: Gather) -> Mapping[str, bytes]:
    return await gather()
