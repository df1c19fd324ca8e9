"""Which adapter speaks which protocol. To add one: write its file, and a row here."""

from collections.abc import Callable, Mapping
from secrets import token_hex

from actors.suppliers.acg_faka import AcgFakaLine
from actors.suppliers.dujiao_next import DujiaoNextLine
from actors.suppliers.folder import FolderLine
from actors.suppliers.http_json import HttpJsonLine
from engine.ports import Clock
from engine.supply.ports import SupplierLine
from engine.supply.suppliers import Supplier

Make = Callable[[Supplier, Mapping[str, str], Callable[[], int], Callable[[], str]], SupplierLine]

_NONCE_BYTES = 16

PROTOCOLS: Mapping[str, Make] = {
    "acg-faka": AcgFakaLine,
    "dujiao-next": DujiaoNextLine,
    "folder": FolderLine,
    "http": HttpJsonLine,
}
"""Protocol name → its line, made of the profile, the credentials, the time now in milliseconds, and a fresh nonce."""


def line_to(supplier: Supplier, credentials: Mapping[str, str], clock: Clock) -> SupplierLine:
    """A line to a supplier. Nothing is sent yet.

    Raises ValueError in words for a protocol that nobody speaks, and for options or credentials that do not do; the
    words hold no credential.
    """
    make = PROTOCOLS.get(supplier.protocol)
    if make is None:
        raise ValueError(f"no protocol {supplier.protocol!r}; there are {', '.join(sorted(PROTOCOLS))}")
    return make(supplier, credentials, clock.now_ms, lambda: token_hex(_NONCE_BYTES))
