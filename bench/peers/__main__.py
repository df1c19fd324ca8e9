"""`python -m bench.peers NAME`: one peer as a server of its own. Prints its target as a line of JSON when it serves."""

import argparse
import asyncio
import gc
import importlib
import json
import logging
import signal
from collections.abc import Sequence
from pathlib import Path

import uvloop

from actors.front.doors import Door, new_server
from bench.peers import DEFAULT_SKU, PEERS
from bench.peers.shop import Shop
from bench.peers.stock import EXPIRE_PER_STEP_MAX, Stock, now_ms
from protos.cardkeep.v1 import allocation_pb2_grpc

#: How long answers under way may take to leave at the end.
_HANG_UP_S = 0.3

#: How long after its deadline a hold may still keep its cards off the shelf.
_SWEEP_EVERY_S = 1.0

_log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("name", choices=tuple(PEERS))
    parser.add_argument("--door", type=Door, choices=tuple(Door), default=Door.FAST)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--folder", type=Path, required=True, help="where the data is; may have some already")
    parser.add_argument("--cards", type=int, default=100_000, help="how many cards a SKU begins with")
    parser.add_argument("--sku", action="append", help="tenants/*/skus/*; may be given several times")
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(options))


async def serve(options: argparse.Namespace) -> None:
    """Open the stock, answer until told to stop, close the stock."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    peer = PEERS[options.name]
    stock: Stock = getattr(importlib.import_module(peer.module), peer.stock)()
    skus = options.sku or [DEFAULT_SKU]
    await stock.open(options.folder.absolute(), skus, options.cards)
    try:
        server = new_server(options.door)
        shop = Shop(stock, skus)  # type: ignore[abstract]  # What it has not is UNIMPLEMENTED.
        allocation_pb2_grpc.add_AllocationServiceServicer_to_server(shop, server)
        port = server.add_insecure_port(f"127.0.0.1:{options.port}")
        gc.freeze()  # What stands now stays: the collector need not look at it again.
        await server.start()
        print(json.dumps({"target": f"127.0.0.1:{port}"}), flush=True)  # noqa: T201 - what the starter waits for
        sweeping = asyncio.create_task(_sweep(stock))
        await stopping.wait()
        sweeping.cancel()
        await server.stop(_HANG_UP_S)
    finally:
        await stock.close()


async def _sweep(stock: Stock) -> None:
    """Give back what expired, for ever."""
    while True:
        await asyncio.sleep(_SWEEP_EVERY_S)
        try:
            while await stock.expire(now_ms()) == EXPIRE_PER_STEP_MAX:
                pass
        except Exception:  # noqa: BLE001 - what broke one sweep may mend before the next
            _log.exception("sweep_failed")


if __name__ == "__main__":
    main()
