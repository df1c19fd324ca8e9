"""`python -m bench.load TARGET`: one load by hand against any server of the API, shown as a table."""

import argparse
import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.load.fleet import run
from bench.load.plan import (
    Allocations,
    Batches,
    Closed,
    Journeys,
    LoadFailed,
    Measured,
    Open,
    Plan,
    Progress,
    Skus,
    Work,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; its exit code."""
    options = _parser().parse_args(arguments)
    console = Console(stderr=options.json)

    def show(progress: Progress) -> None:
        console.print(
            f"{progress.at_s:4.0f} s  {progress.answered:7,} calls/s  {progress.items:8,} items/s"
            f"  p99 {progress.p99_us / 1000:8.2f} ms  {progress.in_flight:5} under way  {progress.dropped:,} dropped",
            soft_wrap=True,
        )

    try:
        measured = run(_plan(options), options.target, on_progress=show)
    except (LoadFailed, ValueError) as failed:
        console.print(f"[red]{failed}[/red]")
        return 1
    if options.json:
        sys.stdout.write(json.dumps(measured.to_json()) + "\n")
    else:
        console.print(_table(measured))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.load",
        description="Loads a server of cardkeep.v1.AllocationService and shows what it did.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("target", help="host:port, plaintext")
    add("--work", choices=("unary", "batch", "journeys"), default="unary", help="what is asked for")
    add("--sku", nargs="+", default=["DEMO"], help="SKU ids of the tenant `default`, hottest first")
    add("--zipf", type=float, default=0.0, help="exponent: the k-th SKU is asked for 1/k**zipf as often; 0: all alike")
    add("--items", type=int, default=256, help="items of a batch")
    add("--release", action="store_true", help="give back what a batch held")
    add(
        "--ratios",
        type=float,
        nargs=3,
        default=[0.6, 0.2, 0.2],
        help="of journeys: confirmed, released, left to expire",
    )
    add("--price", type=int, help="of journeys: what is paid for a card, in minor units of CNY")
    add("--hold-for-ms", type=int, help="how long holds live; what the SKU says unless given")
    add("--in-flight", type=int, default=64, help="closed loop: calls under way on each connection")
    add("--rate", type=float, help="open loop instead: calls a second, all processes together")
    add(
        "--in-flight-max",
        type=int,
        default=1_000,
        help="open loop: past so many on each connection, starts are dropped",
    )
    add("--warmup-s", type=float, default=2.0, help="seconds that are not counted")
    add("--measure-s", type=float, default=10.0, help="seconds that are")
    add("--processes", type=int, default=1, help="client processes")
    add("--connections", type=int, default=1, help="connections of each process")
    add("--deadline-ms", type=int, default=5_000, help="deadline of each call")
    add("--retry-share", type=float, default=0.0, help="share of answered calls sent once more, same id and body")
    add("--history", help="folder for histories of every call")
    add("--json", action="store_true", help="print JSON instead of a table; progress goes to stderr")
    return parser


def _plan(options: argparse.Namespace) -> Plan:
    """Raises ValueError when a bound is not kept."""
    return Plan(
        work=_work(options),
        pace=Open(options.rate, options.in_flight_max) if options.rate else Closed(options.in_flight),
        warmup_s=options.warmup_s,
        measure_s=options.measure_s,
        processes=options.processes,
        connections=options.connections,
        deadline_ms=options.deadline_ms,
        retry_share=options.retry_share,
        history_folder=options.history,
    )


def _work(options: argparse.Namespace) -> Work:
    skus = Skus(tuple(options.sku), options.zipf)
    match options.work:
        case "batch":
            return Batches(skus, options.items, hold_for_ms=options.hold_for_ms, release=options.release)
        case "journeys":
            prices = {"unit_price_minor": options.price, "hold_for_ms": options.hold_for_ms}
            return Journeys(skus, *options.ratios, **prices)
    return Allocations(skus, hold_for_ms=options.hold_for_ms)


def _table(measured: Measured) -> Table:
    table = Table(show_header=False)
    for name, value in _rows(measured):
        table.add_row(name, value)
    return table


def _rows(measured: Measured) -> list[tuple[str, str]]:
    client = measured.client
    rows = [
        ("calls", f"{measured.answered:,} answered ({measured.calls_per_s:,.0f} /s), {measured.ok:,} OK"),
        ("items", f"{measured.items:,} done of {measured.items_asked:,} ({measured.items_per_s:,.0f} /s)"),
        ("not answered", f"{measured.unanswered:,}; not sent {measured.dropped:,}; sent late {measured.late:,}"),
    ]
    labels = ("p50", "p90", "p99", "p99.9", "max")
    for name, latency in (("latency, ms", measured.latency), ("from sending", measured.service)):
        points = (latency.p50_us, latency.p90_us, latency.p99_us, latency.p999_us, latency.max_us)
        text = "  ".join(f"{label} {us / 1000:.2f}" for label, us in zip(labels, points, strict=True))
        rows.append((name, text))
    rows += [(status, f"{count:,}") for status, count in measured.statuses.items() if status != "OK"]
    rows += [(f"  {reason or '(no reason)'}", f"{count:,}") for reason, count in measured.reasons.items()]
    rows += [
        ("under way", f"{measured.in_flight_mean:.1f} calls, mean"),
        ("client", f"{client.cpu_us_per_call:.1f} µs CPU a call, busiest process {client.busiest_share:.0%} of a core"),
    ]
    return rows


if __name__ == "__main__":
    sys.exit(main())
