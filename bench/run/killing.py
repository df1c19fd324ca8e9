"""Deaths by SIGKILL of those who buy, at random moments while something else goes on."""

from random import Random
from threading import Event, Thread
from typing import Self

from bench.run.house import House

#: Between two deaths on average: somebody is always on the way back.
KILL_EVERY_S = 3.0


class Killing:
    """Kills a desk or a refill now and then, while the body runs: two desks for each refill.

    From one death to the next are a half to one and a half of the mean interval.
    """

    def __init__(self, house: House, chance: Random) -> None:
        self.kills = 0
        self._house = house
        self._chance = chance
        self._over = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._chance.uniform(0.5, 1.5) * KILL_EVERY_S):
            self.kills += self._house.kill_role(self._chance.choice(("desk", "desk", "refill")), self._chance)
