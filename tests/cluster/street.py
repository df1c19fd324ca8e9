"""Real processes without Ray: a Valkey server, owners, and buyers who keep asking through a front end's Dispatch.

What is asked and answered goes to the simulator's auditor, and at the end the journal is read as its ledger.
Children end with this process, however it ends.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from itertools import count
from pathlib import Path
from random import Random
from time import monotonic

from actors.adapters.embedded_store import EmbeddedStore
from actors.adapters.redis_registry import RedisRegistry
from actors.adapters.redis_store import RedisStore
from actors.adapters.system_clock import SystemClock
from actors.dispatch import Dispatch, UnknownPool
from actors.wire import parse_address
from engine.errors import InDoubt, InvariantBroken, NotDone
from engine.names import BatchNo, PoolName
from engine.ports import Append, Seat
from engine.stock import commands as ask
from engine.stock.codec import read_record
from engine.stock.outcomes import Audited, Confirmed, Held, ImportReady, Outcome, Received, Refused
from tests.sim.auditor import Auditor
from tests.sim.ledger import Ledger

POOL = PoolName("default", "DEMO")
TOKEN = "a token for this test"
OWNER_ID = "owner-0"

#: How long anything may take to come up or to end.
_WITHIN_S = 20.0

_OWNER = """
import asyncio, ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
from actors.owner_host import OwnerHost
from actors.settings import Settings
async def never(pool): return None
host = lambda: OwnerHost(Settings(), sys.argv[1], fold=never, on_replaced=lambda: os._exit(7))
async def main(): await host().run()
asyncio.run(main())
"""

#: What an owner's process ends with when another incarnation has taken its seat.
REPLACED = 7


class Street:
    """A store, owners' processes, and one front end."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.store = EmbeddedStore(folder / "store")
        self.random = Random(seed)
        self.mistakes: list[str] = []
        self.ends: Counter[str] = Counter()
        self.answered = asyncio.Event()
        self.epoch = 0
        #: How long each answer took.
        self.answers_s: list[float] = []
        self.auditor = Auditor(self.mistakes.append)
        self._folder = folder
        self._owners: list[subprocess.Popen[bytes]] = []
        self._clock = SystemClock()
        self._numbers = count(1)
        self._line = RedisStore(self.store.url)
        self.registry = RedisRegistry(self._line.line)
        self.dispatch = Dispatch(self.registry, self._clock, TOKEN)
        self._watching: asyncio.Task[None] | None = None

    async def open(self, cards: int) -> None:
        """Everything up, one pool stocked."""
        await self.store.start()
        await self._line.open()
        await self.registry.add_pool(POOL)
        await self.registry.place({POOL: OWNER_ID})
        self.start_owner()
        self._watching = asyncio.get_running_loop().create_task(self.dispatch.watch())
        opened = ask.OpenBatch("open", "file", "a supplier", "staff", None, None, b"key")
        assert isinstance(await self.insist(opened), ImportReady)
        for chunk, first in enumerate(range(0, cards, 1_000)):
            codes = tuple(b"code %d" % serial for serial in range(first, min(cards, first + 1_000)))
            received = ask.Receive(BatchNo(1), chunk, first, ((len(codes), None),), codes, codes)
            assert isinstance(await self.insist(received), Received)

    async def close(self) -> None:
        """Everything down."""
        if self._watching is not None:
            self._watching.cancel()
        for owner in self._owners:
            owner.kill()
            owner.wait()
        await self.dispatch.close()
        await self._line.close()
        await self.store.stop()

    def start_owner(self, owner_id: str = OWNER_ID) -> subprocess.Popen[bytes]:
        """One more incarnation of an owner."""
        environment = os.environ | {
            "CARDKEEP_DATA": str(self._folder),
            "CARDKEEP_STORE_URL": self.store.url,
            "CARDKEEP_TOKEN": TOKEN,
        }
        owner = subprocess.Popen([sys.executable, "-c", _OWNER, owner_id], env=environment)
        self._owners.append(owner)
        return owner

    @property
    def owner(self) -> subprocess.Popen[bytes]:
        """The last one started."""
        return self._owners[-1]

    async def seat(self, owner: subprocess.Popen[bytes]) -> Seat:
        """Where a process of ours sits, once it does."""
        async with asyncio.timeout(_WITHIN_S):
            while True:
                for seat in await self.registry.owners():
                    if seat.pid == owner.pid:
                        parse_address(seat.address)
                        return seat
                await asyncio.sleep(0.02)

    async def restart_store(self) -> None:
        """Kill -9, and up again from what is on disk."""
        assert self.store.pid is not None
        os.kill(self.store.pid, signal.SIGKILL)
        await asyncio.sleep(self.random.uniform(0.0, 0.3))
        await self.store.stop()
        await self.store.start()

    def new_name(self, kind: str) -> str:
        """A name nobody had before."""
        return f"{kind}-{next(self._numbers)}"

    async def send(self, command: ask.Command, within_s: float = 5.0) -> Outcome | None:
        """Ask once; None when there was no answer."""
        sent = self.auditor.sent(POOL, command)
        began_s = monotonic()
        try:
            answer = await self.dispatch.ask(POOL, command, self._clock.now_ms() + int(within_s * 1000))
        except asyncio.CancelledError:
            self.auditor.unknown(sent)
            raise
        except InDoubt:
            self.auditor.unknown(sent)
            self.ends["InDoubt"] += 1
        except (UnknownPool, InvariantBroken) as failure:
            self.mistakes.append(f"{command} ended with {failure!r}")
        except NotDone as failure:
            self.ends[type(failure).__name__] += 1
        else:
            self.auditor.answered(sent, answer)
            self.epoch = max(self.epoch, answer.epoch)
            self.answered.set()
            self.answers_s.append(monotonic() - began_s)
            self.ends[type(answer.outcome).__name__] += 1
            return answer.outcome
        return None

    async def insist(self, command: ask.Command) -> Outcome:
        """Ask until there is an answer."""
        async with asyncio.timeout(2 * _WITHIN_S):
            while True:
                outcome = await self.send(command)
                if outcome is not None:
                    return outcome

    async def wait_answer(self, after_epoch: int = 0) -> None:
        """Wait for the next answer, of a later epoch than this one."""
        async with asyncio.timeout(_WITHIN_S):
            self.answered.clear()
            await self.answered.wait()
            while self.epoch <= after_epoch:
                self.answered.clear()
                await self.answered.wait()

    async def buy(self) -> None:
        """Hold and pay for ever; whoever has stock and pays in time hears no "no"."""
        while True:
            order = self.new_name("order")
            held = await self.send(ask.Allocate(self.new_name("request"), order, 1, 600_000), within_s=2.0)
            if isinstance(held, Held):
                pay = ask.Confirm(self.new_name("request"), held.view.hold, self.new_name("pay"))
                paid = await self.send(pay, within_s=2.0)
                if paid is not None and not isinstance(paid, Confirmed):
                    self.mistakes.append(f"{order} was paid in time and answered {paid}")
            elif isinstance(held, Refused):
                self.mistakes.append(f"{order} was refused, with stock on the shelf: {held}")

    async def settle(self) -> Ledger:
        """Get every answer still owed, then compare all answers with the journal."""
        for sent in self.auditor.open_requests():
            await self.insist(sent.command)
        audited = await self.insist(ask.Audit())
        assert isinstance(audited, Audited)
        self.mistakes += audited.violations
        history = await self._line.read(POOL)
        written = [_append(record) for record in history.records]
        ledger = Ledger(POOL, written, self.mistakes.append)
        for (_, name), outcome in self.auditor.answers.items():
            if not isinstance(outcome, Received) and ledger.outcomes.get(name) != outcome:
                self.mistakes.append(f"{name} was answered {outcome}; the journal says {ledger.outcomes.get(name)}")
        for sent in self.auditor.surely_undone():
            if sent.name is not None and sent.name[1] in ledger.outcomes:
                self.mistakes.append(f"{sent.name[1]} happened, but its caller was told that nothing did")
        return ledger


def _append(packed: bytes) -> Append:
    record = read_record(packed)
    return Append(POOL, record.epoch, record.first_seq - 1, len(record.events), packed, {})
