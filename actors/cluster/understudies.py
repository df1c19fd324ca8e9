"""Processes that stand ready for an actor that dies: begun, everything read that actors are made of, and idle.

To start a process and to read its modules takes a second of CPU, two or three seconds of a busy machine; in a process
that stands ready an actor begins after some 20 ms. Ray gives an actor any idle process of its worker pool, but has none
left after the house's start: so one more is asked for whenever there are too few.
"""

import asyncio
import logging
import os
from collections.abc import Iterator

import grpc
import ray
from ray.core.generated import node_manager_pb2, node_manager_pb2_grpc

from actors.adapters.certificates import paths_in
from actors.kin import children
from actors.settings import Settings

#: Between two counts, each of which takes half a millisecond.
count_every_s = 0.5

#: What a process of Ray's pool is called: before it knows better, and until it has got an actor.
_READY_NAMES = ("python", "ray::IDLE")

_ANSWER_WITHIN_S = 5.0

_log = logging.getLogger(__name__)


class Understudies:
    """So many processes that stand ready on the house's own machine; a cluster's other machines have none."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._wanted = settings.understudies
        self._metadata = [("authorization", f"Bearer {settings.token.get_secret_value()}")]

    async def run(self) -> None:
        """Keep them, until cancelled. Where the system does not tell of processes there are none."""
        while self._wanted:
            try:
                await asyncio.to_thread(self._fill_up)
            except Exception as failure:  # noqa: BLE001 - a top loop: without any, actors only come back later
                _log.warning("understudies_not_kept cause=%r", failure)
            await asyncio.sleep(count_every_s)

    def _fill_up(self) -> None:
        for raylet in self._raylets():
            missing = self._wanted - sum(1 for _ in children(raylet, _READY_NAMES))
            if missing > 0:
                self._ask_for(missing)

    def _raylets(self) -> Iterator[int]:
        """Ours; or where Ray runs beside us, that of the Ray which the house has started."""
        if not self._settings.machine:
            yield from children(os.getpid(), ("raylet",))
        else:
            for starter in children(os.getppid(), ("python", "ray")):
                yield from children(starter, ("raylet",))

    def _ask_for(self, processes: int) -> None:
        address = self._settings.machine
        nodes = [node for node in ray.nodes() if node["Alive"]]
        (node,) = [node for node in nodes if not address or node["NodeManagerAddress"] == address]
        job = bytes.fromhex(ray.get_runtime_context().get_job_id())
        request = node_manager_pb2.PrestartWorkersRequest(job_id=job, num_workers=processes)
        with self._channel(f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}") as channel:
            raylet = node_manager_pb2_grpc.NodeManagerServiceStub(channel)
            raylet.PrestartWorkers(request, metadata=self._metadata, timeout=_ANSWER_WITHIN_S)
        _log.info("understudies_asked_for processes=%d", processes)

    def _channel(self, target: str) -> grpc.Channel:
        if not self._settings.machine:
            return grpc.insecure_channel(target)
        authority, certificate, key = (path.read_bytes() for path in paths_in(self._settings.certificates_folder))
        return grpc.secure_channel(target, grpc.ssl_channel_credentials(authority, key, certificate))
