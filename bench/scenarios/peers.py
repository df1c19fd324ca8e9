"""Side by side: Cardkeep, the ceilings, and the other ways to do it, on one machine in one run.

Asks what Cardkeep costs beside an echo that does nothing behind the same front, and how it does against an atomic Redis
script, Postgres with SKIP LOCKED, and a lock with a file behind it: one hold a call with 64 calls under way, 256 holds
a call from 8 callers, and a single caller's wait. All speak the same API; what each answers is on disk first.

A good answer: the goals of the design (bench/run/goals.py). Each ratio is taken within a round, then the median of
the rounds, so that a slow minute of the machine hits both sides alike. A peer that is missing is said to be, and
the rest runs.
"""

from bench.load.plan import Allocations, Batches, Closed, Plan, Skus, Work
from bench.run import Bench, Door, House, Side
from bench.run.goals import BATCH_RATE

UNARY, BATCH, ONE_CALLER = "unary", "batch", "one caller"

ROUNDS = 5
_WARMUP_S = 0.5

#: Cards a peer begins with for each round, by what it was seen to give out in one; the house is stocked by its pace.
_PEER_CARDS = {"echo": 1, "redis_lua": 300_000, "postgres": 100_000, "locked": 100_000}

#: What a house may give out a second, before it was seen to.
_GUESS_PER_S = {UNARY: 20_000, BATCH: 130_000, ONE_CALLER: 2_000}


def run(bench: Bench) -> None:
    """See above."""
    rounds = bench.rounds_planned(ROUNDS)
    fast = bench.house(Door.FAST, actors_max=str(rounds))
    plain = bench.house(Door.PLAIN, actors_max=str(rounds))
    peers = {name: bench.peer(name, cards=cards, stocks=rounds) for name, cards in _PEER_CARDS.items()}
    plain_echo = bench.peer("echo", Door.PLAIN, stocks=rounds)
    sides: list[Side] = [side for side in (fast, *peers.values(), plain, plain_echo) if side is not None]
    for _ in bench.rounds(ROUNDS):
        plans = {id(side): _plans(bench, side) for side in sides}
        for work in (UNARY, BATCH, ONE_CALLER):
            for side in sides:
                goal = BATCH_RATE if work == BATCH and side is fast else None
                bench.load(side, work, plans[id(side)][work], goal=goal)
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


def _plans(bench: Bench, side: Side) -> dict[str, Plan]:
    """What is done to one side in one round, all on one fresh SKU."""
    seconds = {UNARY: bench.seconds(3.0), BATCH: bench.seconds(2.5), ONE_CALLER: bench.seconds(2.0)}
    cards = 1
    if isinstance(side, House):
        bench.screen.say(f"stocking {side.label} {side.door}")
        cards = sum(int(bench.pace(side, work, _GUESS_PER_S[work]) * (seconds[work] + _WARMUP_S)) for work in seconds)
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
