"""Side by side: Cardkeep, the ceilings, and the other ways to do it, on one machine in one run.

Asks what Cardkeep costs beside an echo that does nothing behind the same front, and how it does against an atomic Redis
script, Postgres with SKIP LOCKED, and a lock with a file behind it: one hold a call with 64 calls under way, 256 holds
a call from 8 callers, and a single caller's wait. All speak the same API; what each answers is on disk first.

A good answer: the goals of the design (bench/run/goals.py). Each ratio is taken within a round, then the median of
the rounds, so that a slow minute of the machine hits both sides alike. A peer that is missing is said to be, and
the rest runs.
"""

from bench.load.plan import Allocations, Batches, Closed, LoadFailed, Plan, Skus, Work
from bench.run import Bench, CannotRun, Door, House, Side
from bench.run.goals import BATCH_RATE
from bench.run.series import Goal

UNARY, BATCH, ONE_CALLER = "unary", "batch", "one caller"

ROUNDS = 5
_WARMUP_S = 0.5

#: Cards a peer begins with for each round: several times what it was ever seen to give out in one.
_PEER_CARDS = {"echo": 1, "redis_lua": 300_000, "postgres": 150_000, "locked": 150_000}

#: What a house is stocked for, a second.
_GUESS_PER_S = {
    Door.FAST: {UNARY: 45_000, BATCH: 130_000, ONE_CALLER: 4_000},
    Door.PLAIN: {UNARY: 5_000, BATCH: 80_000, ONE_CALLER: 2_000},
}


def run(bench: Bench) -> None:
    """See above."""
    rounds = bench.rounds_planned(ROUNDS)
    fast, plain = bench.house(Door.FAST), bench.house(Door.PLAIN)
    plain_echo = bench.peer("echo", Door.PLAIN, stocks=rounds)
    peers = {name: bench.peer(name, cards=cards, stocks=rounds) for name, cards in _PEER_CARDS.items()}
    # What is divided by each other stands close together, so that both meet the machine in the same mood.
    sides: list[Side] = [side for side in (plain, plain_echo, fast, *peers.values()) if side is not None]
    for _ in bench.rounds(ROUNDS):
        plans = {id(side): _plans(bench, side) for side in sides}
        for work in (UNARY, BATCH, ONE_CALLER):
            for side in list(sides):
                if not _load(bench, side, work, plans[id(side)][work], BATCH_RATE if side is fast else None):
                    sides.remove(side)
        for side in sides:
            bench.check(side)
    bench.ratio("unary_over_grpcaio_echo", (UNARY, fast), (UNARY, plain_echo))
    bench.ratio("unary_over_echo", (UNARY, fast), (UNARY, peers["echo"]))
    bench.ratio("plain_unary_over_echo", (UNARY, plain), (UNARY, plain_echo))
    bench.ratio("unary_over_redis_lua", (UNARY, fast), (UNARY, peers["redis_lua"]))
    bench.ratio("unary_over_postgres", (UNARY, fast), (UNARY, peers["postgres"]))
    bench.ratio("batch_over_echo", (BATCH, fast), (BATCH, plain_echo))
    bench.ratio("batch_over_redis_lua", (BATCH, fast), (BATCH, peers["redis_lua"]))
    bench.ratio("p50_over_redis_lua_p50", (ONE_CALLER, fast), (ONE_CALLER, peers["redis_lua"]), of="p50_ms")


def _load(bench: Bench, side: Side, work: str, plan: Plan, batch_goal: Goal | None) -> bool:
    """Whether it could be run. A peer that breaks is out; a house that does ends the run."""
    try:
        bench.load(side, work, plan, goal=batch_goal if work == BATCH else None)
    except (CannotRun, LoadFailed) as failure:
        if isinstance(side, House):
            raise
        bench.drop(side, str(failure))
        return False
    return True


def _plans(bench: Bench, side: Side) -> dict[str, Plan]:
    """What is done to one side in one round, all on one fresh SKU."""
    seconds = {UNARY: bench.seconds(3.0), BATCH: bench.seconds(2.0), ONE_CALLER: bench.seconds(1.5)}
    cards = 1
    if isinstance(side, House):
        bench.screen.say(f"stocking {side.label} {side.door}")
        guesses = _GUESS_PER_S[side.door]
        cards = sum(int(bench.pace(side, work, guesses[work]) * (seconds[work] + _WARMUP_S)) for work in seconds)
    skus = Skus((side.stock(cards),))
    # 64 under way on four connections; 8 callers with a connection each; one.
    shapes: dict[str, tuple[Work, Closed, int]] = {
        UNARY: (Allocations(skus), Closed(16), 4),
        BATCH: (Batches(skus, items=256), Closed(1), 8),
        ONE_CALLER: (Allocations(skus), Closed(1), 1),
    }
    return {
        work: Plan(doing, pace, warmup_s=_WARMUP_S, measure_s=seconds[work], connections=connections)
        for work, (doing, pace, connections) in shapes.items()
    }
