"""Every test runs torch on one thread, as the app does: many small tests share few cores."""

import torch


def pytest_configure() -> None:
    torch.set_num_threads(1)
