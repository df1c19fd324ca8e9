"""The way to the server and back, for asyncio."""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc

from cardkeep_client.channels import POOL_OPTIONS, Habits, Loads, Stubs
from cardkeep_client.errors import CardkeepError
from cardkeep_client.importing import Importing
from cardkeep_client.journeys import BatchCall, BatchJourney, Call, Journey, SingleJourney, Tries
from cardkeep_client.statuses import error_of_status
from cardkeep_client.stock_calls import Page
from cardkeep_client.stock_results import ImportReport

Answer = TypeVar("Answer")
Part = TypeVar("Part")


class AsyncSender:
    """Sends calls over several connections, again where that is right, and takes the answers in."""

    def __init__(self, target: str, channels: int, habits: Habits, credentials: grpc.ChannelCredentials | None) -> None:
        self._timeout_s, self._retry, self._metadata = habits
        self._loads = Loads(channels)
        self._channels = [_channel(target, credentials) for _ in range(channels)]
        self._stubs = [Stubs(channel) for channel in self._channels]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """As `Client.close`."""
        for channel in self._channels:
            await channel.close()

    async def _send(self, call: Call[Answer], timeout_s: float | None) -> Answer:
        return await self._travel(SingleJourney(call, self._tries(timeout_s)))

    async def _send_many(self, call: BatchCall[Answer], timeout_s: float | None) -> list[Answer | CardkeepError]:
        return await self._travel(BatchJourney(call, self._tries(timeout_s)))

    async def _pages(self, call: Callable[[str], Call[Page[Part]]], timeout_s: float | None) -> list[Part]:
        page, token = await self._send(call(""), timeout_s)
        pages = [page]
        while token:
            page, token = await self._send(call(token), timeout_s)
            pages.append(page)
        return pages

    def _tries(self, timeout_s: float | None) -> Tries:
        return Tries(self._retry, time.monotonic() + (self._timeout_s if timeout_s is None else timeout_s))

    async def _travel(self, journey: Journey[Answer]) -> Answer:
        while (wait_s := await self._try(journey)) is not None:  # noqa: ASYNC110 - it waits for the server's time
            await asyncio.sleep(wait_s)
        return journey.answer

    async def _try(self, journey: Journey[Answer]) -> float | None:
        index = self._loads.take()
        rpc = getattr(getattr(self._stubs[index], journey.service), journey.method)
        left_s = journey.tries.time_left_s(time.monotonic())
        try:
            response = await rpc(journey.request, timeout=left_s, metadata=self._metadata)
        except grpc.RpcError as error:
            return journey.failed(error_of_status(journey.asked, error), time.monotonic())
        finally:
            self._loads.give_back(index)
        return journey.arrived(response, time.monotonic())

    async def _import(self, importing: Importing, timeout_s: float | None) -> ImportReport:
        tries = Tries(self._retry, None if timeout_s is None else time.monotonic() + timeout_s)
        while importing.report is None:
            try:
                await self._import_once(importing, tries)
            except grpc.RpcError as failure:
                error = error_of_status(importing.asked, failure)
                wait_s = tries.delay_s(error, time.monotonic())
                if wait_s is None:
                    raise importing.broken_off(error) from failure
                await asyncio.sleep(wait_s)
        return importing.report

    async def _import_once(self, importing: Importing, tries: Tries) -> None:
        """One connection of an import."""
        index = self._loads.take()
        rpc: Any = self._stubs[index].InventoryService.ImportCards
        stream = rpc(timeout=tries.time_left_s(time.monotonic()), metadata=self._metadata)
        try:
            await stream.write(importing.connect())
            while (answer := await stream.read()) is not grpc.aio.EOF:
                importing.incoming(answer)
                if answer.HasField("received"):
                    tries.start_over()
                for message in importing.outgoing():
                    await stream.write(message)
            importing.check_whole()
        except asyncio.InvalidStateError:
            # Written after the server had ended the call: its status says why.
            raise grpc.aio.AioRpcError(
                await stream.code(),
                await stream.initial_metadata(),
                await stream.trailing_metadata(),
                details=await stream.details(),
            ) from None
        finally:
            stream.cancel()
            self._loads.give_back(index)


def _channel(target: str, credentials: grpc.ChannelCredentials | None) -> grpc.aio.Channel:
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=POOL_OPTIONS)
    return grpc.aio.secure_channel(target, credentials, options=POOL_OPTIONS)
