"""What every test may ask of pytest."""

import os

import pytest
from hypothesis import settings

# A run of the suite tells of the change it is run for: what chance finds is for `make fuzz`.
settings.register_profile("steady", derandomize=True)
settings.register_profile("fuzz", print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="write the answers of today into the pages of conformance")
