"""Terms change field by field."""

from engine.stock.terms import HeldQuotas, Terms, changed

_BEFORE = Terms(title="Steam", paused=True, quotas=HeldQuotas(user=1, ip=2), revision=4)
_ASKED = Terms(title="Other", quotas=HeldQuotas(user=7, ip=8), cards_per_hold_max=9)


def test_no_field_named_means_all() -> None:
    """Everything is as asked, but for the count of changes."""
    assert changed(_BEFORE, _ASKED, ()) == _ASKED._replace(revision=5)


def test_only_named_fields_change() -> None:
    """The others keep what they were."""
    assert changed(_BEFORE, _ASKED, ("title",)) == _BEFORE._replace(title="Other", revision=5)


def test_one_quota_changes_without_the_others() -> None:
    """A dotted name is one part; the whole name is all parts."""
    assert changed(_BEFORE, _ASKED, ("quotas.user",)).quotas == HeldQuotas(user=7, ip=2)
    assert changed(_BEFORE, _ASKED, ("quotas",)).quotas == HeldQuotas(user=7, ip=8)
