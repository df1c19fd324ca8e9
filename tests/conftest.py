"""What holds for all tests."""

from hypothesis import settings

from tests.examples import examples

# A slow machine makes no example wrong: how long one may take is left to the time-out of a whole test.
settings.register_profile("cardkeep", deadline=None, max_examples=examples(100))
settings.load_profile("cardkeep")
