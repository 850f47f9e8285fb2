"""The tracing processor on the real package, with a model that deals out known numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import tidemark

pytest.importorskip("agents", reason="openai-agents is not here")

from agents import (
    Agent,
    Model,
    ModelResponse,
    Runner,
    Usage,
    function_tool,
    generation_span,
    set_trace_processors,
    trace,
)
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails
from tidemark.openai_agents import TidemarkProcessor

Events = list[dict[str, Any]]


@pytest.fixture
def events() -> Events:
    return []


@pytest.fixture
def client(events: Events) -> Iterator[tidemark.Client]:
    def see(event: dict[str, Any]) -> None:
        events.append(dict(event))

    made = tidemark.Client(url="http://127.0.0.1:1", agent="a", redact=see, heartbeat_ms=0, batch_age_ms=0)
    set_trace_processors([TidemarkProcessor(made, user="ann")])
    yield made
    set_trace_processors([])
    made.close(0)


class Dealer(Model):
    """Asks for the tool first, then answers."""

    def __init__(self, order: str) -> None:
        self.calls = 0
        self._order = order

    async def get_response(self, *args: Any, **named: Any) -> ModelResponse:
        self.calls += 1
        usage = {
            "input_tokens": 100 * self.calls,
            "output_tokens": 10 * self.calls,
            "input_tokens_details": {"cached_tokens": 40 * self.calls},
            "output_tokens_details": {"reasoning_tokens": self.calls},
        }
        with generation_span(model="fake-1") as span:
            span.span_data.usage = usage
        output: list[Any] = [self._call()] if self.calls == 1 else [self._message()]
        dealt = Usage(
            requests=1,
            input_tokens=100,
            output_tokens=10,
            total_tokens=110,
            input_tokens_details=InputTokensDetails.model_construct(cached_tokens=40),
            output_tokens_details=OutputTokensDetails(reasoning_tokens=1),
        )
        return ModelResponse(output=output, usage=dealt, response_id=None)

    def stream_response(self, *args: Any, **named: Any) -> Any:
        raise NotImplementedError

    def _call(self) -> ResponseFunctionToolCall:
        arguments = f'{{"order":"{self._order}"}}'
        return ResponseFunctionToolCall(arguments=arguments, call_id="c", name="look_up", type="function_call")

    def _message(self) -> ResponseOutputMessage:
        text = ResponseOutputText(annotations=[], text="it is shipped", type="output_text")
        return ResponseOutputMessage(id="m", content=[text], role="assistant", status="completed", type="message")


@function_tool(failure_error_function=None)
def look_up(order: str) -> str:
    """Looks an order up."""
    if order == "none":
        raise ValueError("no such order")
    return "shipped"


def run(order: str) -> None:
    agent = Agent(name="support", model=Dealer(order), tools=[look_up])
    asyncio.run(Runner.run(agent, "where is it"))


def test_a_trace_is_a_run_with_the_usage_that_was_dealt_out(client: tidemark.Client, events: Events) -> None:
    run("A-1")
    began = [event for event in events if event["type"] in ("run.started", "task.running", "step.started")]
    assert [(event["type"], event["name"], event["agent_id"]) for event in began] == [
        ("run.started", "Agent workflow", "a"),
        ("task.running", "support", "support"),
        ("step.started", "fake-1", "support"),
        ("step.started", "look_up", "support"),
        ("step.started", "fake-1", "support"),
    ]
    calls = [event for event in events if event["type"] == "step.completed" and event["step_kind"] == "llm"]
    told = [
        (call["tokens_in"], call["tokens_out"], call["tokens_cache_read"], call["tokens_reasoning"], call["model"])
        for call in calls
    ]
    assert told == [(100, 10, 40, 1, "fake-1"), (200, 20, 80, 2, "fake-1")]
    assert {event["user_id"] for event in events} == {"ann"}
    assert events[-1]["type"] == "run.completed"


def test_a_tool_that_throws_is_a_failed_step(client: tidemark.Client, events: Events) -> None:
    with pytest.raises(Exception, match="no such order"):
        run("none")
    failed = [event for event in events if event["type"] == "step.failed"]
    assert [(event["name"], event["error_category"]) for event in failed] == [("look_up", "tool")]
    tasks = [event for event in events if event["type"] == "task.failed"]
    assert [(event["name"], event["error_category"]) for event in tasks] == [("support", "tool")]
    assert (events[-1]["type"], events[-1]["error_category"]) == ("run.failed", "tool")


def test_a_trace_goes_on_after_an_agent_that_failed(client: tidemark.Client, events: Events) -> None:
    with trace("two tries"):
        with pytest.raises(Exception, match="no such order"):
            run("none")
        run("A-1")
    assert events[-1]["type"] == "run.completed"
