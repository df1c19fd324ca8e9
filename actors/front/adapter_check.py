"""Whether an adapter takes a profile as it is: said when it is entered, and not only when its desk begins."""

import asyncio
import json
from collections.abc import Mapping

from actors.front.refusals import Refusal
from engine.ports import Clock, Vault
from engine.supply.suppliers import Supplier, credentials_place


async def check_adapter(supplier: Supplier, told: Mapping[str, str], vault: Vault, clock: Clock) -> None:
    """Raise Refusal in the adapter's words. `told` are its credentials in plain; without, those that are kept count."""
    credentials = told
    if supplier.credentials and not told:
        credentials = json.loads(await vault.open_secret(credentials_place(supplier.name), supplier.credentials))
    # Adapters bring an HTTP client with them: buyers must not wait while the first one is loaded.
    await asyncio.to_thread(_check, supplier, credentials, clock)


def _check(supplier: Supplier, credentials: Mapping[str, str], clock: Clock) -> None:
    from actors.suppliers.protocols import line_to  # noqa: PLC0415 - most front ends never enter a supplier

    try:
        line_to(supplier, credentials, clock)
    except (ValueError, LookupError) as mistake:
        text = f"The profile cannot be used as it is: {mistake}. See docs/suppliers.md."
        raise Refusal("INVALID_FIELD", {"field": "supplier"}, text) from None
