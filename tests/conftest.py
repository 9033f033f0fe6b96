"""What every test has in common: one thread of torch, and how hypothesis looks for examples."""

import os

import torch
from hypothesis import HealthCheck, settings

# Fixtures that properties share are read only; a loaded machine is no failure. Where others wait
# for the outcome (`.ci/run` sets CI), the examples are the same each time; on a desk they are not.
settings.register_profile(
    "jumok",
    deadline=None,
    derandomize="CI" in os.environ,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("jumok")
# `pytest --hypothesis-profile search` looks long and elsewhere each time.
settings.register_profile(
    "search", settings.get_profile("jumok"), derandomize=False, max_examples=1_500
)


def pytest_configure() -> None:
    # As the app does: many small tests share few cores.
    torch.set_num_threads(1)
