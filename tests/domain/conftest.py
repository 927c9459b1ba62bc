"""How many cases the property tests try: RINGBACK_TEST_PROFILE=thorough tries thousands, by new chance each time."""

import os

from hypothesis import HealthCheck, settings

# Neither profile has a deadline: how long a case takes depends on who else uses the machine.
_SLOW_IS_FINE = [HealthCheck.too_slow]
settings.register_profile(
    "quick", max_examples=100, deadline=None, derandomize=True, suppress_health_check=_SLOW_IS_FINE
)
settings.register_profile("thorough", max_examples=4_000, deadline=None, suppress_health_check=_SLOW_IS_FINE)
settings.load_profile(os.environ.get("RINGBACK_TEST_PROFILE", "quick"))
