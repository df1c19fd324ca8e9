"""`make demo`: show in a minute that cards are sold once, whatever happens. Exit code 0 only if all checks hold.

Starts a house of its own, imports a file, runs a flash sale from several client processes, kills the owner
in the middle of it, races for the last card, audits everything, prints a table, writes `build/demo.json`.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from cardkeep_client import Client, ImportReport, ImportRow, Money
from rich.console import Console

from bench.demo.audit import Findings, audit_sale, read_books
from bench.demo.buyers import PLANS, PRICE, Order
from bench.demo.show import verdicts, write_table
from bench.house_process import HouseFailed, HouseProcess
from engine.intake import read_cards

IMPORT_CARDS = 10_000
SALE_CARDS = 1_000
SALE_BUYERS = 2_400
LAST_CARD_BUYERS = 1_000
CLIENT_PROCESSES = 3

#: The sale's arrivals are spread over this long; the owner is killed when this many cards are left.
SALE_SPREAD_S = 5.0
KILL_AT_AVAILABLE = 700

_EXPIRY_PATIENCE_S = 70.0

console = Console()


def main(arguments: Sequence[str] | None = None) -> int:
    """The whole demo."""
    parser = argparse.ArgumentParser(prog="python -m bench.demo", description=__doc__)
    parser.add_argument("--build", type=Path, default=Path("build"), help="where demo.json and the run's data go")
    parser.add_argument("--seed", type=int, default=2026, help="the same seed makes the same buyers")
    options = parser.parse_args(arguments)
    folder = (options.build / "demo").resolve()
    shutil.rmtree(folder, ignore_errors=True)
    house = HouseProcess(folder / "house")
    try:
        with console.status("starting") as status:
            house.start(status.update)
            result = run(house.target, folder, options.seed, status.update)
    except HouseFailed as failure:
        console.print(f"[red]{failure}")
        return 1
    finally:
        with console.status("stopping"):
            house.stop()
    (options.build / "demo.json").write_text(json.dumps(result, indent=1) + "\n")
    write_table(console, result)
    console.print(f"Figures: {options.build / 'demo.json'}   Logs: {folder / 'house' / 'logs'}")
    return 0 if result["ok"] else 1


def run(target: str, folder: Path, seed: int, say: Any) -> dict[str, Any]:
    """Everything that happens while the house stands."""
    with Client(target, timeout_s=20.0) as client:
        say("creating three SKUs")
        for sku in ("DEMO", "SALE", "LAST"):
            client.create_sku(sku, title=f"{sku.title()} membership, one month", unit_price=PRICE)
        say(f"importing {IMPORT_CARDS:,} cards from a file")
        report = import_file(client, "DEMO", write_cards(folder / "cards.csv", IMPORT_CARDS))
        client.import_cards("SALE", codes("SALE", SALE_CARDS), import_id="sale", source="demo")
        client.import_cards("LAST", codes("LAST", 1), import_id="last", source="demo")
        say(f"flash sale: {SALE_BUYERS:,} buyers, {SALE_CARDS:,} cards, and the owner will be killed")
        sale, recovery_ms = flash_sale(client, target, folder, seed)
        say(f"the last card: {LAST_CARD_BUYERS:,} buyers at once")
        last, winners = last_card(client, target, folder, seed)
    return summary(report, sale, last, winners, recovery_ms)


def write_cards(path: Path, cards: int) -> Path:
    """A supplier's file: CSV in GBK with Chinese headers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["卡号,卡密,有效期"] + [
        f"MB{number:08d},K{number * 7919 % 10**9:09d}X,2031-12-31" for number in range(cards)
    ]
    path.write_bytes("\r\n".join(lines).encode("gbk"))
    return path


def import_file(client: Client, sku: str, path: Path) -> ImportReport:
    """Read the file as `cardkeep import` does, and import it."""
    file = read_cards(path.name, path.read_bytes(), now_ms=time.time_ns() // 1_000_000, utc_offset_ms=0, currency="CNY")
    rows = [ImportRow(row.line_no, row.code, _moment(row.expires_at_ms)) for row in file.rows]
    return client.import_cards(sku, rows, import_id=path.name, source=path.name, unit_cost=Money(1200, "CNY"))


def codes(prefix: str, cards: int) -> list[str]:
    """Codes that are easy to recognise in a report."""
    return [f"{prefix}-{number:06d}-{number * 104_729 % 10**8:08d}" for number in range(cards)]


def flash_sale(client: Client, target: str, folder: Path, seed: int) -> tuple[Findings, float]:
    """Buyers against one SKU, its owner killed in the middle. Returns findings and the recovery time."""
    share = SALE_BUYERS // CLIENT_PROCESSES
    orders = [
        Order(
            target, "SALE", f"sale{number}", seed + number, share, SALE_SPREAD_S, PLANS, str(folder / f"sale{number}")
        )
        for number in range(CLIENT_PROCESSES)
    ]
    recovered: list[float] = []
    killing = threading.Thread(target=lambda: recovered.append(kill_owner(client, "SALE")))
    send_buyers(orders, killing.start)
    killing.join()
    until_s = time.monotonic() + _EXPIRY_PATIENCE_S
    while client.audit("SALE").holds_active and time.monotonic() < until_s:
        time.sleep(0.2)
    requests, lines = read_books(Path(order.book) for order in orders)
    return audit_sale(client, "SALE", requests, lines, SALE_CARDS), recovered[0]


def last_card(client: Client, target: str, folder: Path, seed: int) -> tuple[Findings, int]:
    """One card, many buyers in the same moment. Returns findings and how many were told they have it."""
    share = LAST_CARD_BUYERS // 2
    orders = [
        Order(target, "LAST", f"last{number}", seed - number, share, 0.0, {"pay": 1}, str(folder / f"last{number}"))
        for number in range(2)
    ]
    send_buyers(orders, lambda: None)
    requests, lines = read_books(Path(order.book) for order in orders)
    winners = sum(1 for line in lines if line["kind"] == "allocate" and line["answer"] == "OK")
    return audit_sale(client, "LAST", requests, lines, 1), winners


def send_buyers(orders: Sequence[Order], on_begin: Any) -> None:
    """Run one process per order; all begin together."""
    processes = []
    for order in orders:
        command = [sys.executable, "-m", "bench.demo.buyers", json.dumps(order._asdict())]
        processes.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))  # noqa: S603
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    on_begin()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        if process.wait():
            raise HouseFailed(f"a buyers' process ended with exit code {process.returncode}")


def kill_owner(client: Client, sku: str) -> float:
    """SIGKILL the SKU's owner in mid-sale. Returns the milliseconds until it answered again."""
    while client.availability(sku).available > KILL_AT_AVAILABLE:
        time.sleep(0.01)
    [pool] = [pool for pool in client.pools() if pool.name.endswith(f"/{sku}")]
    [owner] = [owner for owner in client.owners() if owner.name == pool.owner]
    began_s = time.monotonic()
    os.kill(owner.process_id, signal.SIGKILL)
    epoch = pool.epoch
    while epoch <= pool.epoch:
        epoch = client.audit(sku, timeout_s=60.0).epoch
    return (time.monotonic() - began_s) * 1000


def summary(report: ImportReport, sale: Findings, last: Findings, winners: int, recovery_ms: float) -> dict[str, Any]:
    """What goes into demo.json."""
    result: dict[str, Any] = {
        "imported": report.accepted,
        "import_s": report.elapsed.total_seconds(),
        **{name: value for name, value in asdict(sale).items() if name != "notes"},
        "last_card_winners": winners,
        "last_card_buyers": LAST_CARD_BUYERS,
        "buyers": SALE_BUYERS,
        "cards": SALE_CARDS,
        "owner_kills": 1,
        "recovery_ms": round(recovery_ms),
        "requests": sale.requests + last.requests,
        "notes": sale.notes + last.notes,
    }
    for name in ("oversold", "delivered_twice", "acknowledged_lost", "unlike_answers", "unsettled"):
        result[name] += getattr(last, name)
    result["conservation_ok"] = sale.conservation_ok and last.conservation_ok
    result["ok"] = all(verdict.holds for verdict in verdicts(result))
    return result


def _moment(moment_ms: int | None) -> datetime | None:
    return None if moment_ms is None else datetime.fromtimestamp(moment_ms / 1000).astimezone()


if __name__ == "__main__":
    sys.exit(main())
