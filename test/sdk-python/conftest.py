from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from collector import Collector

_agents = itertools.count(1)

_waiting = ("test_after_a_long_time_without_a_collector", "test_a_process_that_was_stopped_goes_on[35.0")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits for most of a minute is the first of a process's share: there are three, and all would wait for it."""
    waiting = [item for item in items if item.name.startswith(_waiting)]
    others = [item for item in items if item not in waiting]
    for share, item in enumerate(waiting):
        others.insert(share * len(items) // 3, item)
    items[:] = others


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
