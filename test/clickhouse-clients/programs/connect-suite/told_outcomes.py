"""A plug-in of pytest: a line of JSON for each test that was found, and for what came of it."""

import json
import os

told = {}


def _tell(**line):
    with open(os.environ["TOLD_OUTCOMES"], "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def pytest_collection_finish(session):
    for item in session.items:
        _tell(test=item.nodeid, outcome="found")


def pytest_collectreport(report):
    """A file that cannot be read is a failure by its own name."""
    if report.failed:
        _tell(test=report.nodeid, outcome="failed")


def pytest_runtest_logreport(report):
    """One that fails before or after its own lines has failed too."""
    worse = {"passed": 0, "skipped": 1, "failed": 2}
    if worse[report.outcome] >= worse[told.get(report.nodeid, "passed")]:
        told[report.nodeid] = report.outcome
    if report.when == "teardown":
        _tell(test=report.nodeid, outcome=told[report.nodeid])
