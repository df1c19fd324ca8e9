"""The way to the server and back, for calls that block."""

import queue
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

import grpc

from cardkeep_client.channels import POOL_OPTIONS, Habits, Loads, Stubs
from cardkeep_client.errors import CardkeepError
from cardkeep_client.importing import Importing
from cardkeep_client.journeys import BatchCall, BatchJourney, Call, Journey, SingleJourney, Tries
from cardkeep_client.statuses import error_of_status
from cardkeep_client.stock_calls import Page
from cardkeep_client.stock_results import ImportReport
from cardkeep_client.v1 import inventory_pb2

Answer = TypeVar("Answer")
Part = TypeVar("Part")


class Sender:
    """Sends calls over several connections, again where that is right, and takes the answers in."""

    def __init__(self, target: str, channels: int, habits: Habits, credentials: grpc.ChannelCredentials | None) -> None:
        self._timeout_s, self._retry, self._metadata = habits
        self._loads = Loads(channels)
        self._channels = [_channel(target, credentials) for _ in range(channels)]
        self._stubs = [Stubs(channel) for channel in self._channels]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. Calls under way fail; what they did stays done."""
        for channel in self._channels:
            channel.close()

    def _send(self, call: Call[Answer], timeout_s: float | None) -> Answer:
        return self._travel(SingleJourney(call, self._tries(timeout_s)))

    def _send_many(self, call: BatchCall[Answer], timeout_s: float | None) -> list[Answer | CardkeepError]:
        return self._travel(BatchJourney(call, self._tries(timeout_s)))

    def _pages(self, call: Callable[[str], Call[Page[Part]]], timeout_s: float | None) -> list[Part]:
        page, token = self._send(call(""), timeout_s)
        pages = [page]
        while token:
            page, token = self._send(call(token), timeout_s)
            pages.append(page)
        return pages

    def _tries(self, timeout_s: float | None) -> Tries:
        return Tries(self._retry, time.monotonic() + (self._timeout_s if timeout_s is None else timeout_s))

    def _travel(self, journey: Journey[Answer]) -> Answer:
        while (wait_s := self._try(journey)) is not None:
            time.sleep(wait_s)
        return journey.answer

    def _try(self, journey: Journey[Answer]) -> float | None:
        index = self._loads.take()
        rpc = getattr(getattr(self._stubs[index], journey.service), journey.method)
        left_s = journey.tries.time_left_s(time.monotonic())
        try:
            response = rpc(journey.request, timeout=left_s, metadata=self._metadata)
        except grpc.RpcError as error:
            return journey.failed(error_of_status(journey.asked, error), time.monotonic())
        finally:
            self._loads.give_back(index)
        return journey.arrived(response, time.monotonic())

    def _import(self, importing: Importing, timeout_s: float | None) -> ImportReport:
        tries = Tries(self._retry, None if timeout_s is None else time.monotonic() + timeout_s)
        while importing.report is None:
            try:
                self._import_once(importing, tries)
            except grpc.RpcError as failure:
                error = error_of_status(importing.asked, failure)
                wait_s = tries.delay_s(error, time.monotonic())
                if wait_s is None:
                    raise importing.broken_off(error) from failure
                time.sleep(wait_s)
        return importing.report

    def _import_once(self, importing: Importing, tries: Tries) -> None:
        """One connection of an import."""
        outbox: queue.SimpleQueue[inventory_pb2.ImportCardsRequest | None] = queue.SimpleQueue()
        outbox.put(importing.connect())
        index = self._loads.take()
        rpc = self._stubs[index].InventoryService.ImportCards
        stream = rpc(iter(outbox.get, None), timeout=tries.time_left_s(time.monotonic()), metadata=self._metadata)
        try:
            for answer in stream:
                importing.incoming(answer)
                if answer.HasField("received"):
                    tries.start_over()
                for message in importing.outgoing():
                    outbox.put(message)
            importing.check_whole()
        finally:
            outbox.put(None)
            stream.cancel()
            self._loads.give_back(index)


def _channel(target: str, credentials: grpc.ChannelCredentials | None) -> grpc.Channel:
    if credentials is None:
        return grpc.insecure_channel(target, options=POOL_OPTIONS)
    return grpc.secure_channel(target, credentials, options=POOL_OPTIONS)
