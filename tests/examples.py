"""How many examples a property is tried with: all of them in `make unit` and at the gate, some in the quick check."""

import os

#: Which part of them, above 0 and up to 1.
_SHARE = float(os.environ.get("CARDKEEP_EXAMPLES_SHARE", "1"))

#: Fewer say hardly more than none: kinds of input would be left out.
_LEAST = 5


def examples(all_of_them: int) -> int:
    """How many to try of so many."""
    return max(min(all_of_them, _LEAST), round(all_of_them * _SHARE))
