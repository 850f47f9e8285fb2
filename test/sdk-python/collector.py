"""The built collector as a child process, and what it answers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

KEY = "tdm_key_of_the_sdk_tests_0123456789"
PASSWORD = "a-password-of-the-sdk-tests"
ROOT = Path(os.environ.get("TIDEMARK_TEST_ROOT", Path(__file__).parents[2]))


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def until(holds: Callable[[], Any], seconds: float = 90.0) -> Any:
    """The first answer that is true. Waiting is bounded; how long it takes says nothing."""
    deadline = time.monotonic() + seconds
    while True:
        found = holds()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not become so within {seconds} s")
        time.sleep(0.05)


class Collector:
    def __init__(self, environment: dict[str, str] | None = None) -> None:
        self._environment = environment or {}
        self._secure = "TIDEMARK_TLS_CERT_FILE" in self._environment
        self.directory = tempfile.mkdtemp(prefix="tidemark-sdk-")
        self.port = free_port()
        self.store_port = free_port()
        self._log = Path(self.directory) / "output.txt"
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self._secure else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "TIDEMARK_DATA_DIR": f"{self.directory}/data",
            "TIDEMARK_PORT": str(self.port),
            "TIDEMARK_CLICKHOUSE_PORT": str(self.store_port),
            "TIDEMARK_API_KEYS": f"{KEY}:default:admin",
            "TIDEMARK_CLICKHOUSE_READERS": f"reader:default:{PASSWORD}",
            "TIDEMARK_LOG_LEVEL": "warn",
            **self._environment,
        }
        self._lay_store()
        with self._log.open("ab") as log:
            command = ["node", str(ROOT / "dist/src/main.js")]
            self._child = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        until(self._answers)

    def _lay_store(self) -> None:
        """Tables as a first start would make them, one by one, where the tests were given a store to copy."""
        given = os.environ.get("TIDEMARK_TEST_STORE")
        data = Path(self.directory) / "data"
        if given and Path(given).exists() and not data.exists():
            data.mkdir(mode=0o700)
            shutil.copytree(given, data / "engine", symlinks=True)

    def _answers(self) -> bool:
        assert self._child is not None
        if self._child.poll() is not None:
            raise AssertionError(f"the collector ended:\n{self._log.read_text()}")
        # Whoever signed its certificate: here it is asked whether it is there, and not who it is.
        context = ssl._create_unverified_context() if self._secure else None
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=2, context=context) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)
        shutil.rmtree(self.directory, ignore_errors=True)

    def send_signal(self, number: int) -> None:
        assert self._child is not None
        self._child.send_signal(number)

    def _end(self, number: int) -> None:
        child = self._child
        if child is None or child.poll() is not None:
            return
        child.send_signal(number)
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def get(self, path: str) -> Any:
        request = urllib.request.Request(f"{self.url}{path}", headers={"Authorization": f"Bearer {KEY}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        query = urllib.parse.urlencode({"user": "reader", "password": PASSWORD})
        url = f"http://127.0.0.1:{self.store_port}/?{query}"
        request = urllib.request.Request(url, data=f"{sql} FORMAT JSONEachRow".encode())
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return [json.loads(line) for line in answer.read().splitlines()]
        except urllib.error.HTTPError as error:
            raise OSError(f"the store answered {error.code}: {error.read()[:1000]!r}") from None

    def count(self, agent: str, events: int) -> tuple[int, int]:
        """Events of an agent and how many differ, once there are as many as expected or no more come."""
        sql = f"SELECT count() AS all, uniqExact(event_id) AS unlike FROM agent_events WHERE agent_id = '{agent}'"
        found = (0, 0)

        def enough() -> bool:
            nonlocal found
            try:
                row = self.rows(sql)[0]
            except OSError:
                # Its tables are still being made: events are taken before that.
                return False
            found = (int(row["all"]), int(row["unlike"]))
            return found[0] >= events

        try:
            until(enough, 90)
        except AssertionError:
            pass
        return found

    def events(self, agent: str, columns: str, least: int) -> list[dict[str, Any]]:
        self.count(agent, least)
        return self.rows(f"SELECT {columns} FROM agent_events WHERE agent_id = '{agent}' ORDER BY ts, event_id")
