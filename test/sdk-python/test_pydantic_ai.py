"""The capability on the real package, with a model that deals out known numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import tidemark

pytest.importorskip("pydantic_ai", reason="pydantic-ai is not here")

from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, FunctionModel
from pydantic_ai.usage import RequestUsage
from tidemark.pydantic_ai import TidemarkCapability

Events = list[dict[str, Any]]


@pytest.fixture
def events() -> Events:
    return []


@pytest.fixture
def client(events: Events) -> Iterator[tidemark.Client]:
    def see(event: dict[str, Any]) -> None:
        events.append(dict(event))

    made = tidemark.Client(url="http://127.0.0.1:1", agent="a", redact=see, heartbeat_ms=0, batch_age_ms=0)
    yield made
    made.close(0)


class Dealer:
    """Asks for the tool first, then answers."""

    def __init__(self, order: str) -> None:
        self.calls = 0
        self._order = order

    def __call__(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.calls += 1
        part: Any = TextPart("it is shipped")
        if self.calls == 1:
            part = ToolCallPart("look_up", {"order": self._order})
        usage = RequestUsage(
            input_tokens=100 * self.calls,
            output_tokens=10 * self.calls,
            cache_read_tokens=40 * self.calls,
            cache_write_tokens=3,
            details={"reasoning_tokens": self.calls},
        )
        return ModelResponse(parts=[part], usage=usage, model_name="fake-1", finish_reason="stop")

    async def stream(self, messages: list[ModelMessage], info: AgentInfo) -> Any:
        self.calls += 1
        if self.calls == 1:
            yield {0: DeltaToolCall("look_up", '{"order":"A-1"}')}
        else:
            yield "it is "
            yield "shipped"


def agent_of(client: tidemark.Client, dealer: Dealer) -> Agent[None, str]:
    capability = TidemarkCapability(client, user="ann")
    model = FunctionModel(dealer, stream_function=dealer.stream, model_name="fake-1")
    agent = Agent(model, name="support", capabilities=[capability])

    @agent.tool_plain
    def look_up(order: str) -> str:
        with client.step("inside"):
            pass
        if order == "none":
            raise ValueError("no such order")
        return f"{order} is shipped"

    return agent


def began(events: Events) -> list[tuple[str, str, str | None]]:
    """Type, name and the name of the parent."""
    names = {event.get("step_id") or event.get("task_id") or event.get("run_id"): event["name"] for event in events}
    kinds = ("run.started", "task.running", "step.started")
    starts = [event for event in events if event["type"] in kinds]
    return [(event["type"], event["name"], names.get(event.get("parent_id"))) for event in starts]


def test_a_run_of_an_agent_is_a_run_with_the_usage_that_was_dealt_out(client: tidemark.Client, events: Events) -> None:
    dealer = Dealer("A-1")
    result = agent_of(client, dealer).run_sync("secret question", conversation_id="chat")
    assert result.output == "it is shipped"
    assert began(events) == [
        ("run.started", "support", None),
        ("step.started", "fake-1", "support"),
        ("step.started", "look_up", "support"),
        ("step.started", "inside", "look_up"),
        ("step.started", "fake-1", "support"),
    ]
    calls = [event for event in events if event["type"] == "step.completed" and event["step_kind"] == "llm"]
    assert len(calls) == dealer.calls == 2
    for number, call in enumerate(calls, 1):
        assert (call["tokens_in"], call["tokens_out"], call["llm_calls"]) == (100 * number, 10 * number, 1)
        assert (call["tokens_cache_read"], call["tokens_cache_write"], call["tokens_reasoning"]) == (
            40 * number,
            3,
            number,
        )
        assert (call["model"], call["finish_reason"]) == ("fake-1", "stop")
    (looked,) = [event for event in events if event["name"] == "look_up" and event["type"] == "step.started"]
    assert looked["args_hash"] == tidemark.args_hash({"order": "A-1"})
    assert {(event["agent_id"], event["session_id"], event["user_id"]) for event in events} == {
        ("support", "chat", "ann")
    }
    assert events[-1]["type"] == "run.completed"
    assert "secret question" not in str(events)


def test_a_tool_that_throws_fails_its_step_and_the_run(client: tidemark.Client, events: Events) -> None:
    with pytest.raises(ValueError, match="no such order"):
        agent_of(client, Dealer("none")).run_sync("where")
    failed = [event for event in events if event["type"].endswith("failed")]
    assert [(event["type"], event["name"], event["error_category"]) for event in failed] == [
        ("step.failed", "look_up", "tool"),
        ("run.failed", "support", "tool"),
    ]


def test_a_stream_is_a_step_with_the_usage_that_the_package_counted(client: tidemark.Client, events: Events) -> None:
    async def main() -> Any:
        async with agent_of(client, Dealer("A-1")).run_stream("where") as stream:
            assert [text async for text in stream.stream_text(delta=True, debounce_by=None)]
            return stream.usage

    counted = asyncio.run(main())
    counted = counted() if callable(counted) else counted
    calls = [event for event in events if event["type"] == "step.completed" and event["step_kind"] == "llm"]
    assert len(calls) == 2
    assert sum(call["tokens_in"] for call in calls) == counted.input_tokens
    assert sum(call["tokens_out"] for call in calls) == counted.output_tokens
    assert events[-1]["type"] == "run.completed"


def test_agents_that_run_at_once_keep_apart_and_belong_to_the_handle_around(
    client: tidemark.Client, events: Events
) -> None:
    async def main() -> str:
        async with client.run("outer") as run:
            await asyncio.gather(*(agent_of(client, Dealer("A-1")).run(str(number)) for number in range(5)))
        return run.id

    run_id = asyncio.run(main())
    assert {event["run_id"] for event in events} == {run_id}
    tasks = [event for event in events if event["type"] == "task.running"]
    assert [event["name"] for event in tasks] == ["support"] * 5
    steps = [event for event in events if event["type"] == "step.started"]
    for task in tasks:
        inside = [event["name"] for event in steps if event["parent_id"] == task["task_id"]]
        assert inside == ["fake-1", "look_up", "fake-1"]
