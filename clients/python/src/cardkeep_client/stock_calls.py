"""From wishes to calls of InventoryService and OperationsService. Pure: both clients make the same messages.

Lists are asked for page by page: such a call answers with (one page, the token of the next or "").
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from cardkeep_client import answers
from cardkeep_client.allocation_calls import duration, money, name_of, sku_name
from cardkeep_client.journeys import Call
from cardkeep_client.reports import Wish
from cardkeep_client.results import Hold, Replaced
from cardkeep_client.statuses import Asked
from cardkeep_client.stock_results import Batch, Owner, Pool, Recalled, Sku, SkuAudit, Status, Withdrawn
from cardkeep_client.v1 import inventory_pb2, operations_pb2
from cardkeep_client.wishes import SkuTerms

INVENTORY = "InventoryService"
OPERATIONS = "OperationsService"

#: Rows of one page: the most a server gives.
PAGE_ROWS = 1_000

Part = TypeVar("Part")
Page = tuple[Part, str]


def named(service: str, method: str, request: Message, request_id: str) -> Call[Any]:
    """Any call of any service: its answer is the message as it comes. One with a request id writes."""
    return Call(service, method, request, lambda response: response, Asked(bool(request_id), request_id))


class StockCalls:
    """Makes calls for one tenant: a bare SKU id is one of this tenant's."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant

    def report(self, wish: Wish[Part]) -> Call[Part]:
        """A report, or the trace of a card."""
        return wish.make(self._tenant)

    def create_sku(self, sku: str, terms: SkuTerms, request_id: str) -> Call[Sku]:
        """CreateSku."""
        parent, _, sku_id = sku_name(self._tenant, sku).rpartition("/skus/")
        request = inventory_pb2.CreateSkuRequest(
            parent=parent, sku_id=sku_id, sku=_sku("", terms), request_id=request_id
        )
        return Call(INVENTORY, "CreateSku", request, answers.sku, Asked(True, request_id))

    def update_sku(self, sku: str, terms: SkuTerms, request_id: str) -> Call[Sku]:
        """UpdateSku of exactly the given terms."""
        if not terms:
            raise TypeError("update_sku wants at least one of the terms of a SKU")
        request = inventory_pb2.UpdateSkuRequest(
            sku=_sku(sku_name(self._tenant, sku), terms),
            update_mask=FieldMask(paths=sorted(terms)),
            request_id=request_id,
        )
        return Call(INVENTORY, "UpdateSku", request, answers.sku, Asked(True, request_id))

    def get_sku(self, sku: str) -> Call[Sku]:
        """GetSku."""
        request = inventory_pb2.GetSkuRequest(name=sku_name(self._tenant, sku))
        return Call(INVENTORY, "GetSku", request, answers.sku)

    def list_skus(self, token: str) -> Call[Page[list[Sku]]]:
        """One page of ListSkus."""
        request = inventory_pb2.ListSkusRequest(parent=f"tenants/{self._tenant}", page_size=PAGE_ROWS, page_token=token)
        return Call(INVENTORY, "ListSkus", request, lambda r: ([answers.sku(row) for row in r.skus], r.next_page_token))

    def get_batch(self, batch: str) -> Call[Batch]:
        """GetBatch."""
        return Call(INVENTORY, "GetBatch", inventory_pb2.GetBatchRequest(name=batch), answers.batch)

    def list_batches(self, sku: str, token: str) -> Call[Page[list[Batch]]]:
        """One page of ListBatches."""
        request = inventory_pb2.ListBatchesRequest(
            parent=sku_name(self._tenant, sku), page_size=PAGE_ROWS, page_token=token
        )
        return Call(
            INVENTORY,
            "ListBatches",
            request,
            lambda r: ([answers.batch(row) for row in r.batches], r.next_page_token),
        )

    def withdraw(self, verb: str, target: str | Sequence[str], reason: str, request_id: str) -> Call[Withdrawn]:
        """Void, Quarantine or Restore (`verb`): the batch of that name, or cards by name."""
        kind, names = ("Batch", {"name": target}) if _is_batch(target) else ("Cards", {"names": _listed(target)})
        message: Any = getattr(inventory_pb2, f"{verb}{kind}Request")
        request = message(reason=reason, request_id=request_id, **names)
        return Call(INVENTORY, f"{verb}{kind}", request, answers.withdrawn, Asked(True, request_id))

    def recall(self, batch: str, reason: str, request_id: str, token: str) -> Call[Page[Recalled]]:
        """One page of RecallBatch."""
        request = inventory_pb2.RecallBatchRequest(
            name=batch, reason=reason, page_size=PAGE_ROWS, page_token=token, request_id=request_id
        )
        asked = Asked(True, request_id)
        return Call(INVENTORY, "RecallBatch", request, lambda r: (answers.recalled(r), r.next_page_token), asked)

    def replace(self, hold: str | Hold, card: str, reason: str, request_id: str) -> Call[Replaced]:
        """ReplaceCard."""
        request = inventory_pb2.ReplaceCardRequest(name=name_of(hold), card=card, reason=reason, request_id=request_id)
        return Call(INVENTORY, "ReplaceCard", request, answers.replaced, Asked(True, request_id))

    def audit(self, sku: str) -> Call[SkuAudit]:
        """AuditSku."""
        request = inventory_pb2.AuditSkuRequest(name=sku_name(self._tenant, sku))
        return Call(INVENTORY, "AuditSku", request, answers.audit)

    def status(self) -> Call[Status]:
        """GetStatus."""
        return Call(OPERATIONS, "GetStatus", operations_pb2.GetStatusRequest(), answers.status)

    def list_pools(self, token: str) -> Call[Page[list[Pool]]]:
        """One page of ListPools."""
        request = operations_pb2.ListPoolsRequest(page_size=PAGE_ROWS, page_token=token)
        return Call(
            OPERATIONS, "ListPools", request, lambda r: ([answers.pool(row) for row in r.pools], r.next_page_token)
        )

    def list_owners(self) -> Call[list[Owner]]:
        """ListOwners."""
        request = operations_pb2.ListOwnersRequest()
        return Call(OPERATIONS, "ListOwners", request, lambda r: [answers.owner(row) for row in r.owners])


def whole_recall(pages: Sequence[Recalled]) -> Recalled:
    """One recall of its pages: what the first did, and the sold cards of all."""
    return replace(pages[0], sold=tuple(card for page in pages for card in page.sold))


def _sku(name: str, terms: SkuTerms) -> inventory_pb2.Sku:
    quotas = terms.get("held_quotas")
    return inventory_pb2.Sku(
        name=name,
        title=terms.get("title") or "",
        unit_price=money(terms.get("unit_price")),
        face_value=money(terms.get("face_value")),
        cost_currency=terms.get("cost_currency") or "",
        hold_for=duration(terms.get("hold_for")),
        hold_for_max=duration(terms.get("hold_for_max")),
        hold_lifetime_max=duration(terms.get("hold_lifetime_max")),
        cards_per_hold_max=terms.get("cards_per_hold_max") or 0,
        late_window=duration(terms.get("late_window")),
        held_quotas=None
        if quotas is None
        else inventory_pb2.HeldQuotas(
            user=quotas.user, device=quotas.device, ip=quotas.ip, payment_instrument=quotas.payment_instrument
        ),
        paused=bool(terms.get("paused")),
        expiry_warning_days=terms.get("expiry_warning_days") or (),
        wait_max=terms.get("wait_max") or 0,
    )


def _is_batch(target: str | Sequence[str]) -> bool:
    return isinstance(target, str) and "/batches/" in target


def _listed(target: str | Sequence[str]) -> list[str]:
    return [target] if isinstance(target, str) else list(target)
