"""Who owns which pool, decided from measured load: a pure function of what the steward saw.

Rules.
1. A pool whose owner is not there (new, or dead) gets one at once.
2. While an owner is empty it takes a pool of its own. After that pools share.
3. A pool is hot when it alone is an owner's fair share of the load. It ends alone: it moves to an empty owner, else
   its neighbours leave it, busiest first. One owner is always left for all who are not hot.
4. Among the owners that share, the busiest gives pools to the idlest, each at most three quarters of the difference.

No thrash. A move of rule 4 makes the difference smaller, and one that turns it round leaves half of it at most; a pool
that is alone stays hot at half of the share; a pool that moved rests; a round moves few; and where nothing is busy
nothing moves.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple
from zlib import crc32

from engine.names import PoolName

#: Commands per second below which nobody need move: about a twentieth of what one owner does.
busy_per_s = 500.0

#: Housed pools that one round moves at most: each costs its new owner milliseconds, and its callers one slow answer.
moves_per_round_max = 64

#: The busiest sharing owner may have this many times the load of the idlest.
imbalance_max = 1.5

#: How fast a measured load follows what is asked: after so many seconds two thirds of the way.
load_follows_in_s = 3.0


class Scene(NamedTuple):
    """What is seen at one moment. Loads in commands per second: of pools worth naming, and of each owner's others.

    `owners` may be given pools: those that live, and those that could be started, in the order of starting them.
    `resting` pools moved a moment ago.
    """

    owner_of: Mapping[PoolName, str]
    owners: Sequence[str]
    loads: Mapping[PoolName, float]
    others: Mapping[str, float]
    resting: AbstractSet[PoolName] = frozenset()


def owner_ids(owners: int, machine: str = "") -> list[str]:
    """So many owners of a machine, in the order of starting them. A house of one machine does not name it."""
    return [f"owner-{machine}-{number}" if machine else f"owner-{number}" for number in range(owners)]


def machine_of(owner_id: str) -> str:
    """The machine that an owner belongs to; empty in a house of one."""
    return owner_id.removeprefix("owner-").rpartition("-")[0]


def decide(scene: Scene) -> Mapping[PoolName, str]:
    """The pools that shall have another owner, and which. Empty when all is well, or when no owner lives."""
    if not scene.owners:
        return {}
    plan = _Plan(scene)
    plan.house_the_homeless()
    if sum(plan.load_of.values()) >= busy_per_s:
        plan.part_the_hot()
        plan.balance()
    return plan.moves


def evened(scene: Scene, at_most: int) -> Mapping[PoolName, str]:
    """At most so many moves that even out how many pools each owner has, however quiet the house is.

    Asked again with what came of them it goes on, and answers nothing once no two owners differ by two or more. Which
    pools go is chosen so that load is evened out, too, as far as that goes.
    """
    if not scene.owners:
        return {}
    plan = _Plan(scene)
    plan.house_the_homeless()
    for _ in range(at_most - len(plan.moves)):
        if not plan.even_out():
            break
    return plan.moves


def followed(load: float, commands: int, over_s: float) -> float:
    """A load in commands per second, after `commands` came in the last `over_s` seconds; exact for a steady load."""
    return load + (commands / over_s - load) * (over_s / (over_s + load_follows_in_s))


class _Plan:
    """A scene on its way to a better one."""

    def __init__(self, scene: Scene) -> None:
        self.moves: dict[PoolName, str] = {}
        self._scene = scene
        self._moves_left = moves_per_round_max
        self.pools_of: dict[str, dict[PoolName, None]] = {owner_id: {} for owner_id in scene.owners}
        self._homeless: list[PoolName] = []
        for pool, owner_id in scene.owner_of.items():
            if owner_id in self.pools_of:
                self.pools_of[owner_id][pool] = None
            else:
                self._homeless.append(pool)
        self.load_of = {owner_id: scene.others.get(owner_id, 0.0) for owner_id in scene.owners}
        self._loads = {pool: load for pool, load in scene.loads.items() if pool in scene.owner_of}
        for pool, load in self._loads.items():
            if scene.owner_of[pool] in self.load_of:
                self.load_of[scene.owner_of[pool]] += load
        #: Owners that are one hot pool's alone.
        self._kept: dict[str, PoolName] = {}

    def house_the_homeless(self) -> None:
        """Rules 1 and 2. What they were asked before says where they would be too much."""
        for pool in sorted(self._homeless, key=lambda pool: (-self._load(pool), pool)):
            self._move(pool, self._roomiest(self._scene.owners))

    def part_the_hot(self) -> None:
        """Rule 3."""
        hot = self._hot()
        for pool in hot:
            self._keep_an_owner_for(pool)
        for owner_id, pool in self._kept.items():
            if pool not in self.pools_of[owner_id]:
                self._move_housed(pool, owner_id)
        for owner_id, pool in self._kept.items():
            for neighbour in self._busiest_first(owner_id):
                if neighbour != pool:
                    self._move_housed(neighbour, self._roomiest(self._sharing()))

    def balance(self) -> None:
        """Rule 4."""
        sharing = self._sharing()
        while self._moves_left:
            busiest = max(sharing, key=self.load_of.__getitem__)
            idlest = min(sharing, key=self.load_of.__getitem__)
            gap = self.load_of[busiest] - self.load_of[idlest]
            if gap < busy_per_s or self.load_of[busiest] <= imbalance_max * self.load_of[idlest]:
                return
            fitting = [pool for pool in self._busiest_first(busiest) if 0 < self._load(pool) <= gap * 3 / 4]
            if not any(self._move_housed(pool, idlest) for pool in fitting[:1]):
                return

    def even_out(self) -> bool:
        """Move one pool from the owner with most of them to the one with fewest. False when that helps nobody."""
        fullest = max(self._scene.owners, key=self._fullness)
        emptiest = min(self._scene.owners, key=self._fullness)
        if len(self.pools_of[fullest]) - len(self.pools_of[emptiest]) < 2:
            return False
        gap = self.load_of[fullest] - self.load_of[emptiest]
        staying = [pool for pool in self._busiest_first(fullest) if pool not in self._scene.resting]
        if not staying:
            return False
        self._move(next((pool for pool in staying if self._load(pool) <= max(0.0, gap) / 2), staying[-1]), emptiest)
        return True

    def _fullness(self, owner_id: str) -> tuple[int, float]:
        return len(self.pools_of[owner_id]), self.load_of[owner_id]

    def _hot(self) -> list[PoolName]:
        """The hot pools, hottest first, one owner fewer than there are."""
        rest, owners = sum(self.load_of.values()), len(self._scene.owners)
        hot: list[PoolName] = []
        for pool in sorted(self._loads, key=lambda pool: (-self._load(pool), pool)):
            load, share = self._load(pool), max(busy_per_s, rest / owners)
            is_alone = len(self.pools_of[self._owner(pool)]) == 1
            if owners > 1 and load >= (share / 2 if is_alone else share):
                hot.append(pool)
                rest, owners = rest - load, owners - 1
        return hot

    def _keep_an_owner_for(self, pool: PoolName) -> None:
        owner_id = self._owner(pool)
        empty = [one for one in self._scene.owners if not self.pools_of[one] and one not in self._kept]
        if empty and len(self.pools_of[owner_id]) > 1:
            if pool in self._scene.resting:
                return  # Soon it may go there: until then its neighbours stay.
            owner_id = empty[0]
        if owner_id in self._kept:
            others = [one for one in self._scene.owners if one not in self._kept]
            owner_id = min(others, key=lambda one: (len(self.pools_of[one]), self.load_of[one]))
        self._kept[owner_id] = pool

    def _sharing(self) -> list[str]:
        return [owner_id for owner_id in self._scene.owners if owner_id not in self._kept]

    def _roomiest(self, owners: Sequence[str]) -> str:
        """Who takes one more: an empty owner, else the idlest, and among equally idle ones who has the fewest."""

        def fullness(owner_id: str) -> tuple[int, int]:
            return int(self.load_of[owner_id] / busy_per_s), len(self.pools_of[owner_id])

        return min(owners, key=fullness)

    def _busiest_first(self, owner_id: str) -> list[PoolName]:
        return sorted(self.pools_of[owner_id], key=lambda pool: -self._load(pool))

    def _move_housed(self, pool: PoolName, to: str) -> bool:
        """Move a pool that has an owner, if it is rested and the round may."""
        may = self._moves_left > 0 and pool not in self._scene.resting
        if may:
            self._moves_left -= 1
            self._move(pool, to)
        return may

    def _move(self, pool: PoolName, to: str) -> None:
        before = self._owner(pool)
        if before in self.pools_of:
            del self.pools_of[before][pool]
            self.load_of[before] -= self._load(pool)
        self.moves[pool] = to
        self.pools_of[to][pool] = None
        self.load_of[to] += self._load(pool)

    def _owner(self, pool: PoolName) -> str:
        return self.moves.get(pool) or self._scene.owner_of.get(pool, "")

    def _load(self, pool: PoolName) -> float:
        return self._loads.get(pool, 0.0)


def refill_group(pool: PoolName, groups: int) -> int:
    """Which of so many refills keeps a pool's shelf full: always the same for one name."""
    return crc32(str(pool).encode()) % groups
