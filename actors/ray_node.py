"""Ray on one machine of a cluster, as processes beside us: a head or a further node. They end with us.

A house of one machine needs none of this: there the household starts Ray. Knows Ray's command line and
environment, and does not import it: Ray reads its environment when it is imported.
"""

import asyncio
import json
import logging
import os
import shutil
import signal
import subprocess
from pathlib import Path

from actors.adapters.certificates import paths_in
from actors.adapters.child import ending_with_us, module_of_ours
from actors.settings import Settings
from engine.errors import NotDone

#: Ray's smallest object store: nothing of ours travels through it.
object_store_bytes = 78_643_200

#: What a machine's Ray is told to have, by its own settings, and the household reads: how many owners.
OWNERS = "owners"

#: How long a node may take to come up.
up_within_s = 120.0

#: How long one that was asked to end may take before it is killed.
_END_WITHIN_S = 10.0

_POLL_S = 0.05

#: Modules that every process of Ray's reads as it starts, so that one that stands ready can become any actor.
_READ_BEFORE_NEEDED = (
    "actors.cluster.house_actors",
    "actors.owner_host",
    "actors.supply.desk_host",
    "actors.supply.refill_host",
    "actors.suppliers.protocols",
)

_log = logging.getLogger(__name__)


class RayNotStarted(NotDone):
    """Ray did not come up; the text has its last words."""


def ray_environment(settings: Settings) -> dict[str, str]:
    """What must stand in the environment of everything that is Ray's, or speaks with it."""
    variables = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": settings.token.get_secret_value(),
        "RAY_worker_niceness": "0",
        "RAY_memory_monitor_refresh_ms": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        # A call to an actor that died is told so at once: by default Ray waits up to two seconds for the cause.
        "RAY_timeout_ms_task_wait_for_death_info": "0",
        # What processes that stand ready have read (actors/cluster/understudies.py), and that Ray keeps them: beyond
        # its soft limit of processes it ends idle ones after a second.
        "RAY_preload_python_modules": ",".join(_READ_BEFORE_NEEDED),
        "RAY_num_workers_soft_limit": "1000",
    }
    return variables | (_between_machines(settings) if settings.machine else {})


def _between_machines(settings: Settings) -> dict[str, str]:
    shown = paths_in(settings.certificates_folder)
    return {
        "RAY_USE_TLS": "1",
        "RAY_TLS_SERVER_CERT": str(shown.certificate),
        "RAY_TLS_SERVER_KEY": str(shown.key),
        "RAY_TLS_CA_CERT": str(shown.authority),
        # The head's state is on its disk, so that a head that is started anew still knows the other machines and who
        # runs there; these wait for it for ten minutes before they end.
        "RAY_gcs_storage": "rocksdb",
        "RAY_gcs_storage_path": str(_state_folder(settings)),
        "RAY_gcs_rpc_server_reconnect_timeout_s": "600",
        # Where `ray up` started the head: Ray's second autoscaler counts that head among the workers that are wanted,
        # and starts one too few (Ray 2.60).
        "RAY_enable_autoscaler_v2": "0",
        # Who is asked to end has been drained before, by ourselves.
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
        # What is this machine's own, for the actors that run on it: see Settings.on_this_machine.
        "CARDKEEP_DATA": str(settings.data),
        "CARDKEEP_HOST": settings.host,
        "CARDKEEP_PORT": str(settings.port),
        "CARDKEEP_MACHINE": settings.machine,
        "CARDKEEP_STORE_URL": settings.store_url.get_secret_value(),
        "CARDKEEP_ACTORS_MAX": str(settings.actors_max),
    }


class RayNode:
    """One machine's Ray: a node that joins the head at `head:port`; without `head` the head itself."""

    def __init__(self, settings: Settings, port: int, head: str = "") -> None:
        self._settings = settings
        self._log_file = settings.data / "logs" / "ray.out"
        self.address = f"{head or settings.machine}:{port}"
        self._role = [f"--address={self.address}"] if head else _as_head(settings, port)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_up(self) -> bool:
        """Whether it has been started and runs."""
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Start it and wait until it is up. Raises RayNotStarted."""
        shutil.rmtree(self._settings.ray_folder, ignore_errors=True)
        _state_folder(self._settings).mkdir(mode=0o700, exist_ok=True)
        self._process = self._launch()
        await self._is_up(self._process)

    def _launch(self) -> subprocess.Popen[bytes]:
        settings = self._settings
        owners = json.dumps({OWNERS: settings.actors_max})
        command = [
            *(*module_of_ours("ray.scripts.scripts"), "start", "--block", "--disable-usage-stats"),
            *(f"--node-ip-address={settings.machine}", f"--num-cpus={os.cpu_count()}", f"--resources={owners}"),
            *(f"--object-store-memory={object_store_bytes}", *self._role),
        ]
        with self._log_file.open("wb") as written:
            return subprocess.Popen(  # noqa: S603 - our own program, no shell
                [*ending_with_us(signal.SIGTERM), *command],
                env=os.environ | ray_environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def stop(self) -> None:
        """End it, and all that it started. Harmless when it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, _END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)

    async def _is_up(self, process: subprocess.Popen[bytes]) -> None:
        until_s = asyncio.get_running_loop().time() + up_within_s
        while "--block" not in _text(self._log_file):
            if process.poll() is not None or asyncio.get_running_loop().time() > until_s:
                await self.stop()
                last = "\n".join(_text(self._log_file).splitlines()[-12:])
                raise RayNotStarted(f"Ray did not come up at {self._settings.machine}. It said:\n{last}")
            await asyncio.sleep(_POLL_S)


def _state_folder(settings: Settings) -> Path:
    """Where a head's Ray keeps what it knows of its actors, their settings and so the token among it: for us alone."""
    return settings.data / "ray"


def _as_head(settings: Settings, port: int) -> list[str]:
    words = ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={settings.ray_folder}"]
    return [*words, *([f"--autoscaling-config={settings.autoscaling_config}"] if settings.autoscaling_config else [])]


def _text(path: Path) -> str:
    return path.read_text(errors="replace")
