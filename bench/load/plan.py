"""What a load is (`Plan`) and what came of it (`Measured`): plain values that travel as JSON. Does nothing.

    measured = run(Plan(work=Allocations(skus=("DEMO",)), pace=Closed(in_flight=64)), "127.0.0.1:50051")

A **call** is one gRPC call, an **item** one hold asked for in it: 1 in a unary call, N in a batch. A call counts when
its intended start lies in the measured window; warm-up counts nowhere but in the history, which has every call.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: One batch call carries at most so many items (`engine/limits.py` says the same of the house).
ITEMS_MAX = 1_000
#: A spawned process costs some 15 MB and a share of a core; past this the client crowds out what it measures.
PROCESSES_MAX = 16
CONNECTIONS_MAX = 64
#: Calls under way on one connection; what servers allow is at most this (grpc allows as many as one likes).
IN_FLIGHT_MAX = 10_000
#: A start this much after its moment is counted as late: more than a wake-up on a busy machine takes.
LATE_AFTER_MS = 1

_RATIO_DIFFERENCE_MAX = 1e-9


@dataclass(frozen=True, slots=True)
class Closed:
    """As many calls under way as there may be: an answer starts the next call. Finds saturation; hides stalls."""

    #: Calls under way on each connection of each process.
    in_flight: int = 64


@dataclass(frozen=True, slots=True)
class Open:
    """A fixed schedule that no slow answer moves. Latency counts from the moment a call was to start."""

    #: Calls a second of all processes together, evenly spaced.
    rate_per_s: float
    #: Past so many under way on a connection (all of them full), a start is dropped and counted as dropped.
    in_flight_max: int = 1_000


@dataclass(frozen=True, slots=True)
class Skus:
    """Which SKUs are asked for, and how often each."""

    #: SKU ids of the tenant `default`, hottest first.
    ids: tuple[str, ...]
    #: Exponent of Zipf's law: the k-th SKU is asked for in proportion to 1 / k ** zipf. 0: all alike.
    zipf: float = 0.0


@dataclass(frozen=True, slots=True)
class Allocations:
    """Unary Allocates; nothing is done with what they hold."""

    skus: Skus
    quantity: int = 1
    #: None: what the SKU says.
    hold_for_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Batches:
    """BatchAllocates. With `release`, each answered one is followed by a BatchRelease of what it held."""

    skus: Skus
    #: Items a call, 1 to ITEMS_MAX, all of one SKU.
    items: int = 256
    quantity: int = 1
    hold_for_ms: int | None = None
    release: bool = False


@dataclass(frozen=True, slots=True)
class Journeys:
    """Unary Allocates, followed by what buyers do: the three ratios add up to one. A follow-up is a call of its own."""

    skus: Skus
    confirm: float = 0.6
    release: float = 0.2
    expire: float = 0.2
    quantity: int = 1
    #: How long a hold lives that is to be confirmed or released. None: what the SKU says.
    hold_for_ms: int | None = None
    #: How long a hold lives that is left to expire.
    expiring_hold_for_ms: int = 1_000
    #: Paid for one card, in minor units; None for SKUs without a price.
    unit_price_minor: int | None = None
    currency: str = "CNY"


Work = Allocations | Batches | Journeys


@dataclass(frozen=True, slots=True)
class Plan:
    """One load against one target."""

    work: Work
    pace: Closed | Open
    #: Not counted, before the measured window.
    warmup_s: float = 2.0
    #: The measured window.
    measure_s: float = 10.0
    #: Client processes; rate and SKUs are shared among them.
    processes: int = 1
    #: Connections of each process.
    connections: int = 1
    #: Sent as `grpc-timeout`. A call not answered a second after it is given up as unanswered.
    deadline_ms: int = 5_000
    #: Of answered calls, the share sent once more with the same request_id and the same body.
    retry_share: float = 0.0
    #: Whether a call that may have happened, or could not just now, is asked again, same request_id and body, until
    #: there is an answer. It takes the place of the next call of the schedule, so nothing is asked in a frenzy.
    insists: bool = False
    #: Whether a call is in the history before it is sent, so that a client that is killed leaves a whole one.
    is_killable: bool = False
    #: The same seed draws the same SKUs and journeys; ids are always new.
    seed: int = 1
    #: A folder for histories, one file a process, made if missing. None: no history, no audit.
    #: Some 0.5 KB a unary call, 45 KB a batch of 256: memory (/dev/shm) does not disturb the store's fsync.
    history_folder: str | None = None

    def __post_init__(self) -> None:
        """Raises ValueError when a bound is not kept."""
        if not 1 <= self.processes <= PROCESSES_MAX or not 1 <= self.connections <= CONNECTIONS_MAX:
            raise ValueError(f"processes: 1 to {PROCESSES_MAX}; connections of each: 1 to {CONNECTIONS_MAX}")
        in_flight = self.pace.in_flight if isinstance(self.pace, Closed) else self.pace.in_flight_max
        if not 1 <= in_flight <= IN_FLIGHT_MAX:
            raise ValueError(f"calls under way on a connection: 1 to {IN_FLIGHT_MAX}")
        if isinstance(self.pace, Open) and self.pace.rate_per_s <= 0:
            raise ValueError("a rate is above 0 calls a second")
        if not self.work.skus.ids:
            raise ValueError("a load needs at least one SKU")
        if isinstance(self.work, Batches) and not 1 <= self.work.items <= ITEMS_MAX:
            raise ValueError(f"items of a batch: 1 to {ITEMS_MAX}")
        if isinstance(self.work, Journeys):
            ratios = (self.work.confirm, self.work.release, self.work.expire)
            if min(ratios) < 0 or abs(sum(ratios) - 1) > _RATIO_DIFFERENCE_MAX:
                raise ValueError("confirm + release + expire make 1, none below 0")
        if self.measure_s <= 0 or self.warmup_s < 0 or self.deadline_ms < 1 or not 0 <= self.retry_share < 1:
            raise ValueError(
                "measure_s and deadline_ms are above 0, warmup_s at least 0, retry_share from 0 to below 1"
            )


@dataclass(frozen=True, slots=True)
class Latency:
    """A distribution in microseconds, three significant digits. All 0 when nothing was recorded."""

    count: int = 0
    mean_us: float = 0.0
    p50_us: int = 0
    p90_us: int = 0
    p99_us: int = 0
    p999_us: int = 0
    max_us: int = 0
    #: The whole histogram: HdrHistogram V2, base64 (`HdrHistogram.decode`), 1 µs to 1 hour.
    hdr: str = ""


@dataclass(frozen=True, slots=True)
class Second:
    """One second of the load, warm-up included (its seconds count from below 0)."""

    #: Its beginning, from the beginning of the measured window.
    at_s: int
    #: Calls answered in it, whatever the answer.
    answered: int = 0
    #: Of these, with status OK.
    ok: int = 0
    #: Items done in it: holds made (or given back, or sold) by calls answered in this second.
    items: int = 0
    #: Of the calls answered in it, from the intended start.
    p50_us: int = 0
    p99_us: int = 0
    max_us: int = 0


@dataclass(frozen=True, slots=True)
class Client:
    """What the load generator itself used, start to end, all processes: shows that it is not what was measured."""

    processes: int = 0
    cpu_s: float = 0.0
    #: From the first process ready to the last process done.
    wall_s: float = 0.0
    #: CPU for one answered call, warm-up included.
    cpu_us_per_call: float = 0.0
    #: The busiest process's share of one core, 0 to 1. Near 1: the client was the limit; take more processes.
    busiest_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of a load, all processes together. Counts are of the measured window."""

    measured_s: float = 0.0
    #: Calls that were to start: answered + unanswered + dropped.
    intended: int = 0
    answered: int = 0
    #: Answered with status OK.
    ok: int = 0
    #: Sent, but no answer came: the connection broke, or the deadline passed. It may have happened.
    unanswered: int = 0
    #: Open loop: not sent, because too many were under way or no connection stood.
    dropped: int = 0
    #: Open loop: sent more than LATE_AFTER_MS after the intended start.
    late: int = 0
    #: Items done (see Second.items) and asked for.
    items: int = 0
    items_asked: int = 0
    #: Items done from the first call to the last, warm-up and what was answered after the window included.
    items_in_all: int = 0
    #: answered, and items done, a second.
    calls_per_s: float = 0.0
    items_per_s: float = 0.0
    #: Answered OK by method: {"Allocate": 12000, "Confirm": 7000}.
    ok_by_method: Mapping[str, int] = field(default_factory=dict)
    #: Answered calls by gRPC status name: {"OK": 12000, "UNAVAILABLE": 3}.
    statuses: Mapping[str, int] = field(default_factory=dict)
    #: Refused calls and refused items of batches by the reason of their ErrorInfo or Refusal; "" when there was none.
    reasons: Mapping[str, int] = field(default_factory=dict)
    #: From the intended start (closed loop: from sending) to the answer.
    latency: Latency = field(default_factory=Latency)
    #: From sending to the answer: what a client that waits politely would have seen.
    service: Latency = field(default_factory=Latency)
    #: Of the calls that were answered with anything but OK, from sending to the answer.
    refused: Latency = field(default_factory=Latency)
    series: tuple[Second, ...] = ()
    #: Calls under way, mean over the measured window (Little: rate × time from sending to answer).
    in_flight_mean: float = 0.0
    #: Connections made after one broke or was closed by the server.
    reconnects: int = 0
    client: Client = field(default_factory=Client)
    #: One file a process, for `bench.load.history.read`.
    histories: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As `json.dumps` takes it."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class Progress:
    """About once a second while a load runs, all processes together."""

    #: From the beginning of the measured window; below 0 while warming up.
    at_s: float
    #: Of the last second, as in `Second`.
    answered: int
    ok: int
    items: int
    #: The worst of the processes.
    p99_us: int
    #: Calls under way just now, and starts dropped so far.
    in_flight: int
    dropped: int


class LoadFailed(Exception):
    """The load could not be run: no connection at its start, or a client process ended early. The text says which."""
