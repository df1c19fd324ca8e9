"""What holds for all tests."""

from hypothesis import settings

# A slow machine makes no example wrong: how long one may take is left to the time-out of a whole test.
settings.register_profile("cardkeep", deadline=None)
settings.load_profile("cardkeep")
