"""The program that a machine runs: the main house, or on the further machines of a cluster an annex.

`python -m actors.house` runs it in the foreground with the settings of the environment. What it is doing, and where it
can be reached, stands in `<data>/run.json` for `cardkeep up`, `down` and `doctor`.
"""

import asyncio
import logging
import signal
import sys
from pathlib import Path

import uvloop
from pydantic import SecretStr

from actors.adapters.certificates import write_certificates
from actors.adapters.key_ring import KeyRingFile, KeyRingRefused
from actors.annex import Annex
from actors.cluster_file import ClusterFileRefused, read_cluster_file
from actors.logs import begin_logging
from actors.main_house import MainHouse
from actors.run_file import RunFile
from actors.settings import Settings
from engine.errors import CardkeepError, WeakStore

_log = logging.getLogger(__name__)


def premises(settings: Settings) -> MainHouse | Annex:
    """What this machine is to run, with what it needs to know others of its cluster put in place.

    Raises ClusterFileRefused, KeyRingRefused or WeakStore.
    """
    if not settings.cluster:
        return MainHouse(settings)
    if not settings.machine:
        raise ClusterFileRefused("a machine of a cluster needs its own address: set CARDKEEP_MACHINE")
    cluster = read_cluster_file(Path(settings.cluster))
    is_head = cluster.has_head_at(settings.machine)
    names = dict.fromkeys([settings.machine, cluster.head] if is_head else [settings.machine])
    write_certificates(settings.certificates_folder, cluster.authority, *names)
    KeyRingFile(settings.keys_folder).install_if_missing(cluster.key_ring)
    settings = settings.model_copy(update={"token": SecretStr(cluster.token)})
    return MainHouse(settings, cluster) if is_head else Annex(settings, cluster)


async def run(settings: Settings) -> int:
    """Start, serve until SIGTERM or SIGINT, stop. Returns the exit code."""
    try:
        house = premises(settings)
    except (ClusterFileRefused, KeyRingRefused, WeakStore) as refused:
        return _failed(settings, refused)
    ended = asyncio.Event()
    _end_on_signals(ended)
    loop = asyncio.get_running_loop()
    starting = loop.create_task(house.start())
    ending = loop.create_task(ended.wait())
    await asyncio.wait((starting, ending), return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
    try:
        await starting
        leaving = loop.create_task(house.ended())
        await asyncio.wait((leaving, ending), return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
    except asyncio.CancelledError:
        _log.info("house_start_given_up")
    except (CardkeepError, OSError) as failure:
        _log.exception("house_start_failed")
        await house.stop()
        return _failed(settings, failure)
    await house.stop()
    return 0


def _failed(settings: Settings, failure: Exception) -> int:
    """Leave word of why the start did not work."""
    RunFile(settings.data).say(state="failed", step=str(failure))
    sys.stderr.write(f"cardkeep cannot start: {failure}\n")
    return 1


def _end_on_signals(ended: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)


def main() -> int:
    """The process."""
    settings = Settings().completed()
    settings.data.mkdir(parents=True, exist_ok=True)
    begin_logging(settings, "house")
    return uvloop.run(run(settings))


if __name__ == "__main__":
    sys.exit(main())
