"""Processes that stand ready for an actor that dies: begun, everything read that actors are made of, and idle.

To start a process and to read its modules takes a second of CPU, two or three seconds of a busy machine; in a process
that stands ready an actor begins after some 20 ms. Ray gives an actor any idle process of its worker pool, but has none
left after the house's start: so one more is asked for whenever there are too few.
"""

import asyncio
import logging
import os

import grpc
import ray
from ray.core.generated import node_manager_pb2, node_manager_pb2_grpc

from actors.kin import children

#: Between two counts, each of which takes half a millisecond.
count_every_s = 0.5

#: What a process of Ray's pool is called: before it knows better, and until it has got an actor.
_READY_NAMES = ("python", "ray::IDLE")

_ANSWER_WITHIN_S = 5.0

_log = logging.getLogger(__name__)


class Understudies:
    """So many processes that stand ready. `token` is what Ray's processes know each other by."""

    def __init__(self, wanted: int, token: str) -> None:
        self._wanted = wanted
        self._metadata = [("authorization", f"Bearer {token}")]

    async def run(self) -> None:
        """Keep them, until cancelled. Where the system does not tell of processes there are none."""
        while self._wanted:
            try:
                await asyncio.to_thread(self._fill_up)
            except Exception as failure:  # noqa: BLE001 - a top loop: without any, actors only come back later
                _log.warning("understudies_not_kept cause=%r", failure)
            await asyncio.sleep(count_every_s)

    def _fill_up(self) -> None:
        for raylet in children(os.getpid(), ("raylet",)):
            missing = self._wanted - sum(1 for _ in children(raylet, _READY_NAMES))
            if missing > 0:
                self._ask_for(missing)

    def _ask_for(self, processes: int) -> None:
        (node,) = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
        job = bytes.fromhex(ray.get_runtime_context().get_job_id())
        request = node_manager_pb2.PrestartWorkersRequest(  # type: ignore[attr-defined]
            job_id=job, num_workers=processes
        )
        with grpc.insecure_channel(f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}") as channel:
            raylet = node_manager_pb2_grpc.NodeManagerServiceStub(channel)  # type: ignore[no-untyped-call]
            raylet.PrestartWorkers(request, metadata=self._metadata, timeout=_ANSWER_WITHIN_S)
        _log.info("understudies_asked_for processes=%d", processes)
