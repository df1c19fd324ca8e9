"""One endpoint for all processes: families merged, samples told apart, and what a process leaves out is left out."""

import asyncio
import urllib.request
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from actors.scrape import merge, serve_metrics
from bench.house_process import free_port

disable_created_metrics()  # type: ignore[no-untyped-call] # As every process of ours does.


def _process(asked: int) -> bytes:
    registry = CollectorRegistry()
    counter = Counter("cardkeep_asked", "Questions.", ["sku"], registry=registry)
    counter.labels("DEMO").inc(asked)
    Histogram("cardkeep_seconds", "Seconds.", buckets=(1.0,), registry=registry).observe(asked)
    return generate_latest(registry)


def test_families_of_several_processes_become_one_with_a_label_each() -> None:
    """A rate over a restart of one of them stays right."""
    families = list(merge({"front-0": _process(2), "owner-0": _process(3)}))
    assert [family.name for family in families] == ["cardkeep_asked", "cardkeep_seconds"]
    asked = {sample.labels["process"]: sample.value for sample in families[0].samples}
    assert asked == {"front-0": 2.0, "owner-0": 3.0}
    assert {sample.labels["sku"] for sample in families[0].samples} == {"DEMO"}


async def test_the_endpoint_asks_at_each_scrape_and_ends_when_told() -> None:
    """What it serves can be read back, and is as fresh as the asking."""
    asked = 0

    async def gather() -> Mapping[str, bytes]:
        nonlocal asked
        asked += 1
        return {"owner-0": _process(asked)}

    stop = serve_metrics(gather, "127.0.0.1", port := free_port())
    for expected in (1.0, 2.0):
        text = await asyncio.to_thread(_get, f"http://127.0.0.1:{port}/metrics")
        (family, *_) = text_string_to_metric_families(text)
        assert [sample.value for sample in family.samples if sample.name.endswith("_total")] == [expected]
    await asyncio.to_thread(stop)


async def test_whoever_only_asks_for_the_head_hears_that_it_is_there() -> None:
    """And no process is woken for it."""

    async def gather() -> Mapping[str, bytes]:
        raise AssertionError("nobody asked for the metrics")

    stop = serve_metrics(gather, "127.0.0.1", port := free_port())
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", method="HEAD")
    with await asyncio.to_thread(urllib.request.urlopen, request, timeout=5) as answer:
        assert (answer.status, answer.read()) == (200, b"")
    await asyncio.to_thread(stop)


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        text: str = answer.read().decode()
    return text
