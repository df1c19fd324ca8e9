"""How a promise can break. Expected refusals are not here: they are outcomes, see stock/outcomes.py.

Every class answers the caller's one question, *did it happen?* Arguments are positional and
reach `super().__init__`, so that an error survives being pickled on its way to another process.
"""


class CardkeepError(Exception):
    """Root of everything Cardkeep raises on purpose; never raised itself."""


class NotDone(CardkeepError):
    """Nothing happened. Retry freely, with the same request id."""


class Overloaded(NotDone):
    """A bound was reached before anything was taken. Wait a little, then retry."""


class PoolClosed(NotDone):
    """No owner answers for this pool right now. Look the owner up again, then retry."""


class StoreUnavailable(NotDone):
    """The store cannot be reached, so nothing could be made durable. Retry when it is back."""


class WeakStore(NotDone):
    """The store's settings would lose acknowledged work. Start-up stops; the text says what to set."""


class InDoubt(CardkeepError):
    """It may have happened. Ask again with the same request id; never assume a no."""


class Fenced(CardkeepError):
    """A newer epoch owns this pool. Stop answering for it at once; never leaves the owner."""


class InvariantBroken(CardkeepError):
    """Our own promise does not hold. The pool stops; its journal is kept for a person to read."""


class UnreadableCard(CardkeepError):
    """A sealed code does not open: wrong key ring, or the bytes were changed. Quarantine the card."""


class UnreadableSecret(CardkeepError):
    """A sealed secret does not open: wrong key ring, or the bytes were changed. Restore the ring, or enter it anew."""


class ReportTooLarge(NotDone):
    """A report takes more time or memory than one may. Ask for a shorter time, or for one SKU."""


class ReportOfNothing(NotDone):
    """A report about a SKU that nobody knows. Check the name."""


class SupplierNotAsked(NotDone):
    """No purchase was made: paused, breaker open, exposure full, too many requests, or not its currency."""
