"""The conversations of test/vectors, played with the packages that the SDK stands on, without the SDK."""

from __future__ import annotations

import json
from typing import Any

import msgpack
import pytest
from collector import KEY, ROOT, Collector
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

VECTORS: list[dict[str, Any]] = json.loads((ROOT / "test/vectors/stream.json").read_text("utf-8"))["vectors"]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_a_conversation_goes_as_written(vector: dict[str, Any], collector: Collector) -> None:
    for connection in vector["connections"]:
        url = f"{collector.url.replace('http', 'ws', 1)}/v1/stream?{connection['query']}"
        with connect(url, additional_headers={"Authorization": f"Bearer {KEY}"}) as socket:
            for step in connection["steps"]:
                play(socket, step)


def play(socket: ClientConnection, step: dict[str, Any]) -> None:
    if "send" in step:
        socket.send(bytes.fromhex(step["send"]))
    elif "sendText" in step:
        socket.send(step["sendText"])
    elif "closed" in step:
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == step["closed"]
    else:
        data = socket.recv(timeout=10)
        message = json.loads(data) if isinstance(data, str) else msgpack.unpackb(data)
        assert_holds(message, step["receive"])


def assert_holds(heard: Any, wanted: Any) -> None:
    """Whatever is wanted is there, perhaps among more."""
    if isinstance(wanted, dict):
        for name, value in wanted.items():
            assert_holds(heard[name], value)
    elif isinstance(wanted, list):
        assert len(heard) == len(wanted)
        for there, value in zip(heard, wanted, strict=True):
            assert_holds(there, value)
    else:
        assert heard == wanted
