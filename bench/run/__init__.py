"""The frame every scenario runs in: sides started and stopped, loads run and audited, rounds, figures.

A scenario needs `Bench` (bench.py), sides (house.py, peer.py), and what a load is (`bench.load.plan`).
CONTRIBUTING.md says how to write one.
"""

from actors.front.doors import Door
from bench.run.bench import Bench, CannotRun, Side
from bench.run.house import House
from bench.run.peer import Peer
from bench.run.series import at_least, at_most

__all__ = ["Bench", "CannotRun", "Door", "House", "Peer", "Side", "at_least", "at_most"]
