"""A model server on loopback with the interface that vendors' packages speak: it deals out known answers and numbers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "fake-1"


def usage(number: int) -> dict[str, Any]:
    """Of the call of that number, from 1."""
    return {
        "prompt_tokens": 100 * number,
        "completion_tokens": 10 * number,
        "total_tokens": 110 * number,
        "prompt_tokens_details": {"cached_tokens": 40 * number},
        "completion_tokens_details": {"reasoning_tokens": number},
    }


def call_of(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """An answer that asks for a tool."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": function}]}


def text_of(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


class FakeModel:
    def __init__(self, answers: list[dict[str, Any]]) -> None:
        self.answers = answers
        self.calls = 0
        self.url = ""

    def answer(self) -> dict[str, Any]:
        message = self.answers[min(self.calls, len(self.answers) - 1)]
        self.calls += 1
        reason = "tool_calls" if "tool_calls" in message else "stop"
        choice = {"index": 0, "message": message, "finish_reason": reason}
        told = {"id": f"answer-{self.calls}", "object": "chat.completion", "created": 1, "model": MODEL}
        return {**told, "choices": [choice], "usage": usage(self.calls)}


@contextmanager
def fake_model(*answers: dict[str, Any]) -> Iterator[FakeModel]:
    model = FakeModel(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps(model.answer()).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    model.url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield model
    finally:
        server.shutdown()
        server.server_close()
