"""The goals of the design, each under the key its ratio has in every document. They stand here and nowhere else."""

from collections.abc import Mapping
from typing import NamedTuple

from bench.run.series import Goal, at_least, at_most


class RatioGoal(NamedTuple):
    """What a ratio divides by what, and where it should be."""

    about: str
    goal: Goal


#: Durable on both sides, the same front for both sides of a comparison, every round divided by its own round.
RATIO_GOALS: Mapping[str, RatioGoal] = {
    "unary_over_grpcaio_echo": RatioGoal("unary, 64 in flight: fast front ÷ echo on grpc.aio", at_least(3.5)),
    "unary_over_echo": RatioGoal("unary, 64 in flight: ÷ echo on the same fast front", at_least(0.6)),
    "plain_unary_over_echo": RatioGoal("unary, 64 in flight: grpc.aio front ÷ echo on grpc.aio", at_least(0.9)),
    "unary_over_redis_lua": RatioGoal("unary, 64 in flight: ÷ Redis-Lua on the same fast front", at_least(3.0)),
    "unary_over_postgres": RatioGoal("unary, 64 in flight: ÷ Postgres on the same fast front", at_least(12.0)),
    "batch_over_echo": RatioGoal("batches of 256, 8 callers: fast front ÷ echo on grpc.aio", at_least(0.6)),
    "batch_over_redis_lua": RatioGoal("batches of 256, 8 callers: ÷ Redis-Lua on the same front", at_least(4.0)),
    "p50_over_redis_lua_p50": RatioGoal("unary, one caller: p50 ÷ Redis-Lua's p50, fast front", at_most(1.1)),
    "skus_over_hot": RatioGoal("unary, 64 in flight: 500 SKUs alike ÷ one hot SKU", at_least(0.8)),
}

#: Holds a second in batches of 256 from 8 callers, on two cores, client included.
BATCH_RATE = at_least(100_000)
#: Cards a second, sealed and durable; and the p99 of a running sale, during an import ÷ before it.
IMPORT_RATE = at_least(50_000)
IMPORT_SALE_P99 = at_most(1.2)
#: Owner killed with 1,000,000 cards and 100,000 live holds: seconds from its process being up to the first answer.
RECOVERY_S = at_most(2.0)
#: Bytes of the owner's resident memory per card on the shelf; bytes of a quiet SKU in owner and store together.
SHELF_BYTES_A_CARD = at_most(1.0)
QUIET_SKU_BYTES = at_most(20 * 1024)
#: At three times saturation: goodput ÷ its peak, p99 of the refusals in milliseconds (the client is on the same cores),
#: and seconds until all is well after the load ends.
OVERLOAD_GOODPUT = at_least(0.9)
OVERLOAD_REFUSAL_MS = at_most(100.0)
OVERLOAD_RECOVERY_S = at_most(2.0)
