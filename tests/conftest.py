"""Settings that hold for every test."""

from hypothesis import settings

# no deadline: a first call pays for imports, and shared machines stall
settings.register_profile("paritygate", deadline=None)
settings.load_profile("paritygate")
