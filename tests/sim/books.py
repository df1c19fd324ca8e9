"""Whether what was sold to us, what desks wrote down and what came into stock are the same to the unit and the cent."""

from collections.abc import Callable, Iterable

from actors.supply.desk import SupplierDesk
from engine.supply.attempts import AttemptId, Standing
from engine.supply.entry import Entry
from tests.sim.ledger import Ledger
from tests.sim.market import Market
from tests.unit.supplier_street import FakeSupplier


def compare_books(market: Market, ledgers: Iterable[Ledger], mistake: Callable[[str], None]) -> None:
    """Once everything is settled: no purchase unknown, none made twice, no code lost, none that nobody sold."""
    in_stock = {print_.decode() for ledger in ledgers for print_ in ledger.prints if print_.startswith(b"supplier-")}
    sold: set[str] = set()
    for one in market.desks.values():
        truth = one.supplier.truth
        sold.update(code for sale in truth.sales for code in sale.codes)
        _compare_desk(one.desk, truth, lambda text, name=one.process.name: mistake(f"{name}: {text}"))
    for code in sorted(sold - in_stock):
        mistake(f"{code} was sold to us, and is not in stock")
    for code in sorted(in_stock - sold):
        mistake(f"{code} is in stock, and nobody sold it")


def _compare_desk(desk: SupplierDesk, truth: FakeSupplier, mistake: Callable[[str], None]) -> None:
    entries = desk._written.ledger.entries
    for sale in truth.sales:
        if AttemptId(sale.attempt) not in entries:
            mistake(f"{sale} was never written down")
    for entry in entries.values():
        _compare_entry(entry, truth, mistake)


def _compare_entry(entry: Entry, truth: FakeSupplier, mistake: Callable[[str], None]) -> None:
    sales = truth.of(entry.name)
    if len(sales) > 1:
        mistake(f"{entry.name} was bought {len(sales)} times")
    if (entry.standing is Standing.DELIVERED) is not bool(sales):
        mistake(f"{entry.name} is {entry.standing}, and its supplier has {sales}")
    if sum(cost.minor for cost in entry.costs) != sum(sale.cost.minor for sale in sales):
        mistake(f"{entry.name} cost {entry.costs}, and its supplier charged {sales}")
    codes = sum(len(sale.codes) for sale in sales)
    if (entry.fresh, entry.known) != (codes, 0):
        mistake(f"{entry.name} brought {entry.fresh} fresh and {entry.known} known codes, and {codes} were sold")
