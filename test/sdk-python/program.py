"""Programs of a few lines in a process of their own, to be ended as they should not be."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

#: How long an outage or a stop takes that is to be a long one. 60 was tried; less goes through the same states, as
#: waits between tries end at 10 s and silence is a fault after 30.
LONG_SECONDS = float(os.environ.get("TIDEMARK_TEST_LONG_SECONDS", "35"))

PRELUDE = """
import os, sys, time, signal, threading, asyncio
import tidemark as tm
tm.configure(**{options!r})
def say(count):
    for number in range(count):
        tm.log("info", f"{{os.getpid()}} {{number}}")
def ready():
    print("ready", flush=True)
"""


def start(url: str, body: str, **options: object) -> subprocess.Popen[str]:
    # The end of a program waits for longer than the usual two seconds, which a machine that does much else may take.
    usual = {"heartbeat_ms": 0, "exit_ms": 30_000}
    told = {"url": url, "key": os.environ.get("TIDEMARK_TEST_KEY", ""), **usual, **options}
    text = PRELUDE.format(options=told) + textwrap.dedent(body)
    pipe = subprocess.PIPE
    # A program that reads a line waits until `ended` is asked for it.
    return subprocess.Popen([sys.executable, "-c", text], stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def ended(child: subprocess.Popen[str], seconds: float = 120) -> tuple[int, str, str]:
    """Code, output and errors. A program that does not end is killed, and the test fails."""
    try:
        output, errors = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        output, errors = child.communicate()
        raise AssertionError(f"the program did not end: {output}\n{errors}") from None
    return child.returncode, output, errors


def until_ready(child: subprocess.Popen[str]) -> None:
    assert child.stdout is not None
    line = child.stdout.readline()
    assert line == "ready\n", line + (child.stderr.read() if child.stderr is not None else "")
