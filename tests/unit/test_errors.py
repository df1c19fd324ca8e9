"""Errors answer "did it happen?", and survive the way through another process."""

import pickle

import pytest

from engine import errors

_ALL = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]


@pytest.mark.parametrize("kind", _ALL)
def test_an_error_survives_pickling_with_its_text(kind: type[errors.CardkeepError]) -> None:
    """An error that cannot be unpickled would arrive as another error."""
    again = pickle.loads(pickle.dumps(kind("the shelf fell", 7)))
    assert type(again) is kind
    assert again.args == ("the shelf fell", 7)


@pytest.mark.parametrize("kind", [errors.Overloaded, errors.PoolClosed, errors.StoreUnavailable, errors.WeakStore])
def test_what_did_not_happen_may_be_retried(kind: type[errors.CardkeepError]) -> None:
    """Everything that stops before anything is taken is NotDone."""
    assert issubclass(kind, errors.NotDone)


@pytest.mark.parametrize(
    "kind", [errors.InDoubt, errors.Fenced, errors.InvariantBroken, errors.UnreadableCard, errors.UnreadableSecret]
)
def test_what_may_have_happened_is_never_called_not_done(kind: type[errors.CardkeepError]) -> None:
    """A caller that retries NotDone with a new id must never meet one of these."""
    assert not issubclass(kind, errors.NotDone)
