"""What Cardkeep is compared with: other ways to do the same, behind the same front, as durable and honestly tuned.

`catalogue.py` lists them. One stock a file (`echo`, `redis_lua`, `postgres`, `locked`), whose top says what it promises
and what was tried to make it faster; `shop.py` puts the public API over each, `python -m bench.peers NAME` serves it,
and `PeerProcess` starts and stops that.
"""

from bench.peers.catalogue import PEERS, Peer
from bench.peers.process import DEFAULT_SKU, PeerFailed, PeerProcess

__all__ = ["DEFAULT_SKU", "PEERS", "Peer", "PeerFailed", "PeerProcess"]
