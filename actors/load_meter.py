"""How busy an owner's pools are: commands per second, each dying away when nobody asks."""

from collections.abc import Mapping
from heapq import nlargest

from engine.names import PoolName
from engine.placing import followed
from engine.ports import Load

#: Pools below this are quiet: they are counted together. A fiftieth of what makes an owner worth relieving.
quiet_per_s = 10.0

#: Pools an owner names in one report, which is then 8 KB: the others are too even for a move of one to matter.
pools_named_max = 200


class LoadMeter:
    """Measures one owner."""

    def __init__(self) -> None:
        self._loads: dict[PoolName, float] = {}

    def measure(self, commands: Mapping[PoolName, int], over_s: float) -> None:
        """So many commands came for these pools in the last `over_s` seconds, and none for any other."""
        for name in self._loads.keys() | commands.keys():
            load = followed(self._loads.get(name, 0.0), commands.get(name, 0), over_s)
            if load < quiet_per_s / 100 and name not in commands:
                self._loads.pop(name, None)
            else:
                self._loads[name] = load

    def forget(self, name: PoolName) -> None:
        """The pool is not here any more."""
        self._loads.pop(name, None)

    def report(self, owner_id: str, beat: int, hosted: int) -> Load:
        """What is known now, of an owner that has so many pools."""
        named = nlargest(pools_named_max, self._loads.items(), key=lambda entry: entry[1])
        busy = {name: load for name, load in named if load >= quiet_per_s}
        return Load(owner_id, beat, sum(self._loads.values()), busy, hosted)
