"""What the judges of a leg object to in its supply."""

import pytest

from bench.audit import Findings
from bench.chaos import judging
from bench.run.supply_truth import Truth

SOUND = Truth(attempts=3, units=300, twice=0, other_units=0, other_minor=0, doubled=0, missing=0)


@pytest.mark.parametrize(
    ("changed", "objections"),
    [({}, 0), ({"attempts": 0, "units": 0}, 1), ({"twice": 2}, 1), ({"doubled": 1, "missing": 1}, 2)],
)
def test_ledgers_that_differ_and_shelves_that_nobody_fills_are_objected_to(
    changed: dict[str, int], objections: int
) -> None:
    """A house that buys nothing keeps every law of its suppliers' books."""
    findings = Findings()
    judging._compare(SOUND._replace(**changed), findings)
    assert findings.broken.get("supply", 0) == objections
