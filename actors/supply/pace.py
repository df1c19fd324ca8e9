"""How many requests a second a supplier bears: a bucket of tokens, and a wait that is bounded."""

import asyncio


class Pace:
    """So many requests a second, of which a second's worth may leave at once. `per_s` may change; 0 is no bound."""

    def __init__(self, per_s: float) -> None:
        self.per_s = per_s
        #: When the bucket would be full again, by the loop's clock.
        self._full_at_s = 0.0

    async def take(self, wait_s_max: float) -> bool:
        """Wait for a turn. False at once, and no turn is taken, when it would be longer than that."""
        if self.per_s <= 0:
            return True
        now_s = asyncio.get_running_loop().time()
        full_at_s = max(self._full_at_s, now_s)
        each_s = 1 / self.per_s
        wait_s = full_at_s + each_s - max(1.0, each_s) - now_s
        if wait_s > wait_s_max:
            return False
        self._full_at_s = full_at_s + each_s
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        return True
