"""Client of Cardkeep: hold, confirm and release digital cards, each sold once.

    from cardkeep_client import Client

    with Client("127.0.0.1:7443") as cardkeep:
        hold = cardkeep.allocate("vip-month", order_ref="1042")
        sale = cardkeep.confirm(hold, payment_ref="pay-77")
        print(sale.delivered[0].code)

`AsyncClient` has the same methods for asyncio. Errors: see `cardkeep_client.errors`.
"""

from cardkeep_client.async_client import AsyncClient
from cardkeep_client.client import Client
from cardkeep_client.errors import (
    AlreadyExists,
    CardkeepError,
    CardUnreadable,
    DeadlinePassed,
    InvalidRequest,
    LimitReached,
    NoAnswer,
    NotAllowed,
    NotDone,
    NotFound,
    OutcomeUnknown,
    OutOfStock,
    PoolStopped,
    Refused,
    Unavailable,
    WrongState,
)
from cardkeep_client.journeys import Retry
from cardkeep_client.request_ids import new_request_id
from cardkeep_client.results import (
    Availability,
    Card,
    Confirmed,
    ConfirmOutcome,
    DeliveredCard,
    Hold,
    HoldState,
    LatePolicy,
    Money,
    Principal,
    RefundDue,
    Replaced,
    Replacement,
)
from cardkeep_client.stock_results import (
    Batch,
    CardCounts,
    HeldQuotas,
    ImportProgress,
    ImportReport,
    Owner,
    Pool,
    Recalled,
    RefusedLine,
    Sku,
    SkuAudit,
    SoldCard,
    Status,
    StoreStatus,
    Withdrawn,
)
from cardkeep_client.wishes import Allocate, Confirm, ImportRow, Release, SkuTerms

__all__ = [
    "Allocate",
    "AlreadyExists",
    "AsyncClient",
    "Availability",
    "Batch",
    "Card",
    "CardCounts",
    "CardUnreadable",
    "CardkeepError",
    "Client",
    "Confirm",
    "ConfirmOutcome",
    "Confirmed",
    "DeadlinePassed",
    "DeliveredCard",
    "HeldQuotas",
    "Hold",
    "HoldState",
    "ImportProgress",
    "ImportReport",
    "ImportRow",
    "InvalidRequest",
    "LatePolicy",
    "LimitReached",
    "Money",
    "NoAnswer",
    "NotAllowed",
    "NotDone",
    "NotFound",
    "OutOfStock",
    "OutcomeUnknown",
    "Owner",
    "Pool",
    "PoolStopped",
    "Principal",
    "Recalled",
    "RefundDue",
    "Refused",
    "RefusedLine",
    "Release",
    "Replaced",
    "Replacement",
    "Retry",
    "Sku",
    "SkuAudit",
    "SkuTerms",
    "SoldCard",
    "Status",
    "StoreStatus",
    "Unavailable",
    "Withdrawn",
    "WrongState",
    "new_request_id",
]
