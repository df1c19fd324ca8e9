"""A process that dies at its nth step into the world: kill -9 at every await, one after another."""

import asyncio
from typing import Any


class Killed(BaseException):
    """The process is gone."""


class Kills:
    """Lets a process die at its nth step into the world: before it, after it, or with the step still to come."""

    def __init__(self, at: int, how: str) -> None:
        self.at, self.how = at, how
        self.steps = 0
        self.loose: list[asyncio.Task[Any]] = []

    def wrap(self, door: Any) -> Any:
        """The same door, through which a step may be the last."""
        return _Door(door, self)


class _Door:
    def __init__(self, door: Any, kills: Kills) -> None:
        self._door, self._kills = door, kills

    def __getattr__(self, name: str) -> Any:
        step, kills = getattr(self._door, name), self._kills

        async def stepped(*given: Any) -> Any:
            kills.steps += 1
            if kills.steps != kills.at:
                return await step(*given)
            if kills.how == "after":
                await step(*given)
            if kills.how == "on the way":
                kills.loose.append(asyncio.get_running_loop().create_task(step(*given)))
            raise Killed

        return stepped
