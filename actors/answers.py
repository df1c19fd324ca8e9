"""What an actor does for other processes of the house, at the gate that it opens for their calls (calls.py)."""

import asyncio

from actors.calls import CallGate
from actors.roads import roads
from actors.settings import Settings


class Answers:
    """Whoever shows the cluster's token has `host` do what it asks: a method of its own, by name."""

    def __init__(self, settings: Settings, host: object) -> None:
        self._host = host
        self._gate = CallGate(self._answer, settings.token.get_secret_value(), listen=roads(settings).listen)
        self._opening = asyncio.get_running_loop().create_task(self._gate.open(settings.wire_address("calls")))

    async def address(self) -> str:
        """Where it can be asked."""
        return str(await asyncio.shield(self._opening))

    def close(self) -> None:
        """Answer nobody any more: who waits is in doubt."""
        self._gate.close()

    async def _answer(self, what: str, *arguments: object) -> object:
        answer: object = await getattr(self._host, what)(*arguments)
        return answer
