"""What staff get of prices: channels, rules, suggestions, clearances, what expires, what changed."""

from dataclasses import dataclass
from datetime import datetime

from cardkeep_client.results import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRule:
    """How a channel's price may move. Amounts in minor units of `currency`, `…_ppm` in millionths of the price.

    Nothing is sold below `floor_minor`, nor below what a card cost; nothing above `ceiling_minor` is suggested.
    `max_step_ppm` 0 is no bound, `competitor_minor` 0 is none known. See docs/prices.md.
    """

    currency: str
    floor_minor: int = 0
    ceiling_minor: int
    target_margin_ppm: int = 0
    dead_band_ppm: int = 0
    max_step_ppm: int = 0
    rest_s: int = 0
    automatic: bool = False
    competitor_minor: int = 0
    max_pressure_ppm: int = 0
    refuse_unknown_cost: bool = False


@dataclass(frozen=True, slots=True)
class PriceChannel:
    """One channel; "" is the SKU's own. `price` is None where it has none of its own and goes by the SKU's."""

    channel: str
    price: Money | None
    change_time: datetime | None
    rule: PriceRule | None


@dataclass(frozen=True, slots=True)
class PriceSuggestion:
    """A price that waits for staff. `after` is None when no price fits the rule, which somebody must change."""

    number: int
    channel: str
    before: Money | None
    after: Money | None
    reasons: tuple[str, ...]
    create_time: datetime


@dataclass(frozen=True, slots=True)
class ClearanceStep:
    """From `time` on a card costs `price_minor`; so many are expected to go until the next step."""

    time: datetime
    price_minor: int
    expected_cards: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearance:
    """A plan to sell cards before they end. `state` is PROPOSED, ACCEPTED or ENDED.

    Rates are in thousandths of a card a day. `expected_gain_minor` is the loss avoided; it may be negative.
    """

    number: int
    state: str
    batch: str
    channel: str
    cards: int
    expire_time: datetime
    price: Money | None
    landed_minor: int
    floor_minor: int
    needed_rate_milli: int
    actual_rate_milli: int
    steps: tuple[ClearanceStep, ...]
    unsold_without: int
    unsold_with: int
    expected_gain_minor: int
    steps_taken: int
    clearance_price: Money | None
    who: str


@dataclass(frozen=True, slots=True)
class Prices:
    """All about the prices of one SKU. `landed_unit_cost` is the highest on sale, `rate_milli` what sells."""

    sku: str
    channels: tuple[PriceChannel, ...]
    suggestions: tuple[PriceSuggestion, ...]
    clearances: tuple[Clearance, ...]
    landed_unit_cost: Money | None
    rate_milli: int


@dataclass(frozen=True, slots=True)
class ExpiringLot:
    """Cards of one batch that end at one moment, and the step of the ladder they stand on."""

    batch: str
    expire_time: datetime
    cards: int
    value_at_risk: Money | None
    step_days: int
    warned: bool


@dataclass(frozen=True, slots=True)
class AgeingBatch:
    """A batch on the shelf. `cover_days` is None when nothing sells; `left` is what will be there when it ends."""

    batch: str
    cards: int
    age_days: int
    cover_days: int | None
    left: int
    tied_up: Money | None
    slow: bool


@dataclass(frozen=True, slots=True)
class PriceChange:
    """One change of a price. `batch` names the one batch it is for, by clearance; `who` is empty for a rule."""

    number: int
    time: datetime
    channel: str
    batch: str
    before: Money | None
    after: Money | None
    who: str
    reasons: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class PastSale:
    """Units sold at one price and one cost, for a simulation. `time` has a time zone."""

    time: datetime
    units: int
    price_minor: int
    cost_minor: int


@dataclass(frozen=True, slots=True)
class SimulatedMove:
    """A price the rule would have gone to; 0 when none fits it."""

    time: datetime
    price_minor: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a rule would have done. `lost_units` were in truth sold below what they cost."""

    moves: tuple[SimulatedMove, ...]
    was_margin_minor: int
    margin_minor: int
    refused_units: int
    lost_units: int
