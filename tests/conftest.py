"""Everywhere: where the result gates a commit (CI is set), hypothesis tries the same examples each time; on a desk it looks for new ones."""

import os

from hypothesis import settings

settings.register_profile("gate", derandomize=True, deadline=None)
settings.register_profile("desk", deadline=None)
settings.load_profile("gate" if os.environ.get("CI") else "desk")
