"""Several client processes as one load: spawns them, starts them together, adds up what they measured."""

from collections.abc import Callable

from bench.load.plan import Measured, Plan, Progress


def run(plan: Plan, target: str, *, on_progress: Callable[[Progress], None] = lambda _: None) -> Measured:
    """Run `plan` against `target` (`host:port`, plaintext gRPC); takes warmup_s + measure_s and the last answers.

    Blocks the calling thread; `on_progress` is called on it. May run in several threads at once (two loads together).

    Raises:
        LoadFailed: no connection could be made at the start, or a client process died.

    """
    raise NotImplementedError
