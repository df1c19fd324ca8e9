"""An owner in a process of its own, for tests that kill it: `python -m tests.api.owner_process <owner id>`."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from actors.owner_host import OwnerHost
from actors.settings import Settings
from engine.names import PoolName


class OwnerProcess:
    """One incarnation of an owner that can be killed for good."""

    def __init__(self, settings: Settings, owner_id: str) -> None:
        environment = {
            **os.environ,
            "CARDKEEP_DATA": str(settings.data),
            "CARDKEEP_STORE_URL": settings.store_url.get_secret_value(),
            "CARDKEEP_TOKEN": settings.token.get_secret_value(),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.api.owner_process", owner_id],
            env=environment,
            cwd=Path(__file__).parents[2],
        )

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone. Harmless when it is."""
        self._process.kill()
        self._process.wait()


async def _own(owner_id: str) -> None:
    async def fold(_pool: PoolName) -> None:
        return None

    await OwnerHost(Settings(), owner_id, fold=fold, on_replaced=lambda: None).run()


if __name__ == "__main__":
    asyncio.run(_own(sys.argv[1]))
