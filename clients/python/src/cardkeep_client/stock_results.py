"""What the back office and operators get: SKUs, batches, imports, audits, the state of the house."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cardkeep_client.results import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldQuotas:
    """Most unpaid cards one principal may hold at once; 0 is no bound."""

    user: int = 0
    device: int = 0
    ip: int = 0
    payment_instrument: int = 0


@dataclass(frozen=True, slots=True)
class Sku:
    """The terms one SKU is sold on; see `SkuTerms` for what each means."""

    name: str
    title: str
    unit_price: Money | None
    face_value: Money | None
    cost_currency: str
    hold_for: timedelta
    hold_for_max: timedelta
    hold_lifetime_max: timedelta
    cards_per_hold_max: int
    late_window: timedelta
    held_quotas: HeldQuotas
    paused: bool
    expiry_warning_days: tuple[int, ...] = ()
    wait_max: int = 0


@dataclass(frozen=True, slots=True)
class CardCounts:
    """Where cards are: received = on_shelf + held + sold + void; on_shelf = available + withheld."""

    received: int
    available: int
    on_shelf: int
    withheld: int
    held: int
    sold: int
    void: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Cards that arrived together."""

    name: str
    import_id: str
    source: str
    importer: str
    unit_cost: Money | None
    expire_time: datetime | None
    create_time: datetime
    importing: bool
    quarantined: bool
    cards: CardCounts
    landed_unit_cost: Money | None = None


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """One line that was not taken, and why. Never holds the code."""

    line_no: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far an import is: lines read, cards in stock, lines refused by this call."""

    lines: int
    accepted: int
    refused: int


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of an import.

    `lines` and `accepted` are of the whole import. What is refused is what this call heard: a resumed
    import reported its earlier lines to the call that brought them. `refused_lines` holds the first 1,000.
    `elapsed` is the server's time for the last connection.
    """

    batch: Batch
    lines: int
    accepted: int
    refused: int
    refused_lines: tuple[RefusedLine, ...]
    refused_by_reason: Mapping[str, int]
    elapsed: timedelta

    @property
    def duplicates_in_file(self) -> int:
        """Lines whose code stood on an earlier line."""
        return self.refused_by_reason.get("DUPLICATE_IN_FILE", 0)

    @property
    def duplicates_in_stock(self) -> int:
        """Lines whose code the SKU has, or has ever had."""
        return self.refused_by_reason.get("DUPLICATE_IN_STOCK", 0)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What became of cards that were to be withdrawn or restored; `held` and `sold` name those that stayed."""

    batch: Batch
    moved: int
    held: tuple[str, ...]
    sold: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SoldCard:
    """Names of a sold card and of the hold it was sold by (empty when that has left memory)."""

    card: str
    hold: str


@dataclass(frozen=True, slots=True)
class Recalled:
    """A recalled batch: what went off sale, and every card of it that was sold."""

    batch: Batch
    moved: int
    sold: tuple[SoldCard, ...]


@dataclass(frozen=True, slots=True)
class SkuAudit:
    """The count of everything. `ok` is False when a law is broken; `violations` says which."""

    sku: str
    ok: bool
    violations: tuple[str, ...]
    cards: CardCounts
    batches: Mapping[str, CardCounts]
    holds_active: int
    audit_time: datetime
    epoch: int
    sequence: int


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """The store under the journals."""

    reachable: bool
    kind: str
    server: str
    durability: str


@dataclass(frozen=True, slots=True)
class Status:
    """The house at one moment. `ready` means a sale could be made now."""

    version: str
    now: datetime
    ready: bool
    store: StoreStatus
    owners: int
    front_ends: int
    pools_open: int
    pools_recovering: int
    pools_stopped: int
    cards: CardCounts
    holds_active: int


@dataclass(frozen=True, slots=True)
class Pool:
    """One SKU as its owner sees it. `state` is OPEN, RECOVERING or STOPPED."""

    name: str
    state: str
    owner: str
    epoch: int
    sequence: int
    cards: CardCounts
    holds_active: int
    commands_waiting: int
    stopped_because: str


@dataclass(frozen=True, slots=True)
class Owner:
    """One owner actor: a process that hosts one pool or several."""

    name: str
    node: str
    process_id: int
    start_time: datetime
    pools: int
    reachable: bool
