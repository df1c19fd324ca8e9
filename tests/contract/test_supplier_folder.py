"""What a folder of card files promises as a supplier: each code once, to one attempt, whoever dies in between."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from openpyxl import Workbook

from actors.adapters.system_clock import SystemClock
from actors.suppliers.folder import FolderLine
from actors.suppliers.folder_claims import Claims
from actors.suppliers.protocols import line_to
from clients.sandbox.profile import profile_of
from clients.sandbox.scenario import Scenario, usual_wares
from clients.sandbox.server import Sandbox
from clients.sandbox.shop import Wish
from engine.money import Money
from engine.supply.attempts import AttemptId, Delivered, Kind, NotFound, NotSent, Refused, Silent
from engine.supply.ports import Ability, Order, SupplierAway, SupplierLine
from tests.contract.supplier_stands import codes

PRODUCT = "GAME-10"


class Drop:
    """A folder into which the sandbox's shop puts files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scenario = Scenario(name=uuid4().hex[:8], dialect="http", wares=usual_wares("CNY"))
        self.shop = Sandbox(self.scenario).shop
        (folder / PRODUCT).mkdir()

    def bought(self, count: int) -> list[str]:
        """Codes that nobody else has."""
        sale = self.shop.buy(Wish(uuid4().hex, PRODUCT, count))
        return self.shop.codes(sale)  # type: ignore[arg-type] # it never says no here

    def put(self, name: str, content: str | bytes, age_s: int = 60) -> Path:
        """A file that came so long ago."""
        path = self.folder / PRODUCT / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        then = path.stat().st_mtime - age_s
        os.utime(path, (then, then))
        return path

    def csv(self, name: str, rows: Sequence[str], cost: str = "9.00") -> Path:
        """A file with a column for the cost."""
        return self.put(name, "code,cost\n" + "".join(f"{code},{cost}\n" for code in rows))

    def line(self, **changes: Any) -> SupplierLine:
        """A line to it, as one process has it."""
        usual = {"protocol": "folder", "options": {}, "answer_within_ms": 5_000}
        return line_to(profile_of(self.scenario, str(self.folder), **{**usual, **changes}), {}, SystemClock())

    def wish(self, quantity: int = 1, **changes: Any) -> Order:
        """An order under an id of its own."""
        order = Order(AttemptId(uuid4().hex), Kind.CODES, PRODUCT, quantity, Money(1_000 * quantity, "CNY"))
        return order._replace(**changes)


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    """An empty one."""
    return Drop(tmp_path)


async def test_an_order_takes_codes_in_the_order_of_the_files_at_their_cost(drop: Drop) -> None:
    """CSV, TXT and XLSX alike; the cost is the files', or the option's where they have none."""
    bought = drop.bought(6)
    drop.csv("a.csv", bought[:2])
    drop.put("b.txt", "\n".join(bought[2:4]))
    book = Workbook()
    for row in (["code", "cost"], *([code, 9] for code in bought[4:])):
        book.active.append(row)  # type: ignore[union-attr]
    book.save(drop.folder / PRODUCT / "c.xlsx")
    drop.put("c.xlsx", (drop.folder / PRODUCT / "c.xlsx").read_bytes())
    line = drop.line(options={"unit_cost": "8.50"})
    first, second = await line.order(drop.wish(2)), await line.order(drop.wish(4))
    assert codes(first) + codes(second) == bought
    assert isinstance(first.finding, Delivered)
    assert isinstance(second.finding, Delivered)
    assert (first.finding.cost, second.finding.cost) == (Money(1_800, "CNY"), Money(3_500, "CNY"))
    assert first.finding.order_no != second.finding.order_no


async def test_the_same_attempt_gets_the_same_codes_whoever_asks(drop: Drop) -> None:
    """Again in this process, after a restart, and by asking how it stands."""
    drop.csv("a.csv", drop.bought(5))
    order = drop.wish(2)
    first = await drop.line().order(order)
    await drop.line().order(drop.wish(2))
    assert await drop.line().order(order) == first
    assert await drop.line().look_up(order, []) == first


async def test_a_file_that_comes_again_under_another_name_sells_nothing_twice(drop: Drop) -> None:
    """A code is known by itself, not by where it stands."""
    bought = drop.bought(4)
    drop.csv("a.csv", bought[:2])
    assert codes(await drop.line().order(drop.wish(2))) == bought[:2]
    drop.csv("a.csv", [bought[1], bought[0], bought[0], bought[2]])
    drop.put("again.txt", "\n".join(bought))
    assert codes(await drop.line().order(drop.wish(2))) == [bought[2], bought[3]]
    assert isinstance((await drop.line().order(drop.wish(1))).finding, Refused)


async def test_too_few_codes_are_a_refusal_and_take_none(drop: Drop) -> None:
    """So are a product that has no folder, a recharge, and codes that cost too much."""
    bought = drop.bought(2)
    drop.csv("a.csv", bought, cost="11.00")
    line = drop.line()
    for order in (
        drop.wish(3, cost_max=Money(10**6, "CNY")),
        drop.wish(1, product="OTHER"),
        drop.wish(1, product="../.."),
        drop.wish(1, kind=Kind.RECHARGE),
        drop.wish(1),
    ):
        assert isinstance((await line.order(order)).finding, Refused)
        assert isinstance((await line.look_up(order, [])).finding, NotFound)
    assert codes(await line.order(drop.wish(2, cost_max=Money(2_200, "CNY")))) == bought


async def test_two_processes_never_take_the_same_code(drop: Drop) -> None:
    """As when an actor is started anew while its predecessor still runs."""
    bought = drop.bought(40)
    drop.csv("a.csv", bought)
    lines = [drop.line(), drop.line()]
    tolds = await asyncio.gather(*(lines[n % 2].order(drop.wish(2)) for n in range(20)))
    assert sorted(code for told in tolds for code in codes(told)) == sorted(bought)


_KILLED = """
import os, sys
from actors.suppliers import folder_claims
from tests.contract.test_supplier_folder import *
def die(_): os._exit(9)
if sys.argv[3] == "before": folder_claims.os.fsync = die
else: folder_claims.Claims._note = lambda *_: die(0)
drop = Drop.__new__(Drop)
drop.folder, drop.scenario = Path(sys.argv[1]), Scenario(name="x", wares=usual_wares("CNY"))
asyncio.run(drop.line().order(drop.wish(2, attempt=AttemptId(sys.argv[2]))))
"""


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_who_dies_while_claiming_loses_no_code_and_sells_none_twice(drop: Drop, moment: str) -> None:
    """Killed before or after the claim is surely on disk: the next process knows the claim whole, or not at all."""
    bought = drop.bought(4)
    drop.csv("a.csv", bought)
    await drop.line().look_up(drop.wish(), [])  # The claims have begun.
    order = drop.wish(2)
    words = [sys.executable, "-c", _KILLED, str(drop.folder), order.attempt, moment]
    died = await asyncio.to_thread(subprocess.run, words, cwd=Path(__file__).parents[2], check=False, timeout=60)
    assert died.returncode == 9
    line = drop.line()
    assert codes(await line.look_up(order, [])) == bought[:2], "what was written is there, the process alone died"
    assert codes(await line.order(order)) == bought[:2]
    assert codes(await line.order(drop.wish(2))) == bought[2:]


async def test_a_torn_claim_counts_for_nothing(drop: Drop) -> None:
    """A machine that lost its power may leave half a line: it was never answered for."""
    bought = drop.bought(4)
    drop.csv("a.csv", bought)
    order, torn = drop.wish(2), drop.wish(2)
    await drop.line().order(order)
    await drop.line().order(torn)
    claims = drop.folder / ".cardkeep" / "claims"
    claims.write_bytes(claims.read_bytes()[:-5])
    line = drop.line()
    assert isinstance((await line.look_up(torn, [])).finding, NotFound)
    assert codes(await line.look_up(order, [])) == bought[:2]
    assert codes(await line.order(drop.wish(2))) == bought[2:]
    assert claims.read_bytes().endswith(b"\n")


async def test_damaged_claims_give_nothing_away(drop: Drop) -> None:
    """Without knowing what was sold, nothing is."""
    drop.csv("a.csv", drop.bought(2))
    order = drop.wish()
    await drop.line().order(order)
    claims = drop.folder / ".cardkeep" / "claims"
    claims.write_bytes(claims.read_bytes().replace(b'"marks"', b'"m'))
    line = drop.line()
    assert isinstance((await line.order(drop.wish())).finding, NotSent)
    assert isinstance((await line.look_up(order, [])).finding, Silent)
    with pytest.raises(SupplierAway):
        await line.products()


async def test_a_disk_that_fails_while_claiming_leaves_a_doubt(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim may be there: asking tells."""
    bought = drop.bought(2)
    drop.csv("a.csv", bought)
    line, order = drop.line(), drop.wish()
    await line.look_up(order, [])

    def fail(_: int) -> None:
        raise OSError(5, "input/output error")

    with monkeypatch.context() as broken:
        broken.setattr("actors.suppliers.folder_claims.os.fsync", fail)
        assert isinstance((await line.order(order)).finding, Silent)
    assert codes(await line.look_up(order, [])) == bought[:1]
    assert codes(await line.order(drop.wish())) == bought[1:]


async def test_a_file_that_is_still_coming_waits(drop: Drop) -> None:
    """Half a file would end in half a code."""
    bought = drop.bought(1)
    drop.put("a.txt", bought[0][:8], age_s=0)
    assert isinstance((await drop.line().order(drop.wish())).finding, Refused)
    drop.put("a.txt", bought[0])
    assert codes(await drop.line().order(drop.wish())) == bought


async def test_what_is_no_card_file_is_left_alone(drop: Drop, caplog: pytest.LogCaptureFixture) -> None:
    """And said so, once, without a word of what is in it."""
    drop.put("a.csv", "<html>SECRET-1</html>")
    drop.put("b.csv", "Kartencode\nSECRET-2\nSECRET-33\n")
    drop.put("notes.doc", "SECRET-4")
    bought = drop.bought(1)
    drop.csv("c.csv", bought)
    line = drop.line()
    assert codes(await line.order(drop.wish())) == bought
    assert isinstance((await line.order(drop.wish())).finding, Refused)
    assert caplog.text.count("a.csv") == caplog.text.count("b.csv") == 1
    assert "SECRET" not in caplog.text
    sure = drop.line(options={"sure": "yes"})
    assert len(codes(await sure.order(drop.wish(3)))) == 3


async def test_codes_that_left_the_folder_stay_in_doubt(drop: Drop) -> None:
    """They were given away; that they cannot be read again is no failure of the purchase."""
    path = drop.csv("a.csv", drop.bought(2))
    order = drop.wish(2)
    await drop.line().order(order)
    path.unlink()
    assert isinstance((await drop.line().look_up(order, [])).finding, Silent)
    assert isinstance((await drop.line().order(order)).finding, Silent)


async def test_stock_and_statement_come_from_the_files_and_the_claims(drop: Drop) -> None:
    """A folder has no balance and takes nothing back."""
    drop.csv("a.csv", drop.bought(5))
    (drop.folder / "EMPTY").mkdir()
    line, order = drop.line(options={"unit_cost": "9"}), drop.wish(2)
    await line.order(order)
    assert [(each.product, each.stock) for each in await line.products()] == [("EMPTY", 0), (PRODUCT, 3)]
    rows = await line.statement(0, 10**15)
    assert [(row.attempt, row.units, row.cost) for row in rows] == [(order.attempt, 2, Money(1_800, "CNY"))]
    assert await line.statement(0, rows[0].at_ms) == []
    assert isinstance((await line.reverse(order, [])).finding, Silent)
    assert Ability.BALANCE not in line.abilities
    with pytest.raises(SupplierAway):
        await line.balance()


async def test_a_folder_that_is_not_there_sends_nothing(drop: Drop) -> None:
    """An unmounted disk is no refusal."""
    line = drop.line(endpoint=str(drop.folder / "gone"))
    assert isinstance((await line.order(drop.wish())).finding, NotSent)
    assert isinstance((await line.look_up(drop.wish(), [])).finding, Silent)


async def test_a_folder_that_another_holds_is_not_waited_for_for_ever(drop: Drop) -> None:
    """Within the time that an order may take."""
    drop.csv("a.csv", drop.bought(1))
    line = drop.line(answer_within_ms=50)
    with Claims(drop.folder).locked(1.0):
        assert isinstance((await line.order(drop.wish())).finding, NotSent)
    assert isinstance((await line.order(drop.wish())).finding, Delivered)


@pytest.mark.parametrize(
    "changes", [{"endpoint": "here"}, {"options": {"cost": "1"}}, {"options": {"unit_cost": "much"}}]
)
def test_options_that_do_not_do_are_said(drop: Drop, changes: dict[str, Any]) -> None:
    """When the line is made, not when it is first used."""
    with pytest.raises(ValueError, match=r"option|folder"):
        drop.line(**changes)


def test_it_is_the_folder_line(drop: Drop) -> None:
    """By its name in the table."""
    assert isinstance(drop.line(), FolderLine)
