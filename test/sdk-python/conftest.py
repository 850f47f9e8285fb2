from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from collector import Collector

_agents = itertools.count(1)


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """One for all tests that leave it running."""
    started = Collector()
    try:
        started.start()
        yield started
    finally:
        started.stop()


@pytest.fixture
def own_collector() -> Iterator[Collector]:
    """For a test that ends, stops or starts it."""
    made = Collector()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def agent() -> str:
    """A name that no other test uses."""
    return f"agent-{next(_agents)}"
