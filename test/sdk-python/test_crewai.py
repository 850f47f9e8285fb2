"""The event listener on the real package, with a model on loopback that deals out known numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import tidemark
from fake_model import MODEL, call_of, fake_model, text_of, usage

# The package tells its maker of each run, by a provider of OpenTelemetry, unless it is told not to.
os.environ.update(CREWAI_DISABLE_TELEMETRY="true", OTEL_SDK_DISABLED="true", CREWAI_TRACING_ENABLED="false")

pytest.importorskip("crewai", reason="crewai is not here")

from crewai import LLM, Agent, Crew, Task
from crewai.events import crewai_event_bus
from crewai.flow.flow import Flow, listen, start
from crewai.tools import tool
from tidemark.crewai import TidemarkListener

Events = list[dict[str, Any]]


@pytest.fixture
def events() -> Events:
    return []


@pytest.fixture
def client(events: Events, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[tidemark.Client]:
    monkeypatch.setenv("CREWAI_STORAGE_DIR", str(tmp_path))

    def see(event: dict[str, Any]) -> None:
        events.append(dict(event))

    made = tidemark.Client(url="http://127.0.0.1:1", agent="a", redact=see, heartbeat_ms=0, batch_age_ms=0)
    yield made
    made.close(0)


@tool("look_up")
def look_up(order: str) -> str:
    """Looks an order up."""
    if order == "none":
        raise ValueError("no such order")
    return f"{order} is shipped"


def kickoff(client: tidemark.Client, url: str) -> TidemarkListener:
    with crewai_event_bus.scoped_handlers():
        listener = TidemarkListener(client, session="chat", user="ann")
        model = LLM(model=f"openai/{MODEL}", base_url=url, api_key="none")
        agent = Agent(role="support", goal="help", backstory="at sea", tools=[look_up], llm=model, max_iter=4)
        task = Task(name="where", description="secret question", expected_output="a sentence", agent=agent)
        Crew(name="shop", agents=[agent], tasks=[task]).kickoff()
        crewai_event_bus.flush()
    return listener


def began(events: Events) -> list[tuple[str, str, str, str | None]]:
    """Type, name, agent and the name of the parent."""
    names = {event.get("step_id") or event.get("task_id") or event.get("run_id"): event["name"] for event in events}
    kinds = ("run.started", "task.running", "step.started")
    return [
        (event["type"], event["name"], event["agent_id"], names.get(event.get("parent_id")))
        for event in events
        if event["type"] in kinds
    ]


def test_a_crew_is_a_run_of_tasks_with_steps_and_the_usage_that_was_dealt_out(
    client: tidemark.Client, events: Events
) -> None:
    with fake_model(call_of("look_up", {"order": "A-1"}), text_of("it is shipped")) as model:
        listener = kickoff(client, model.url)
    assert began(events) == [
        ("run.started", "shop", "a", None),
        ("task.running", "where", "support", "shop"),
        ("step.started", MODEL, "support", "where"),
        ("step.started", "look_up", "support", "where"),
        ("step.started", MODEL, "support", "where"),
    ]
    calls = [event for event in events if event["type"] == "step.completed" and event["step_kind"] == "llm"]
    assert len(calls) == model.calls == 2
    for number, call in enumerate(calls, 1):
        dealt = usage(number)
        assert (call["tokens_in"], call["tokens_out"], call["llm_calls"]) == (
            dealt["prompt_tokens"],
            dealt["completion_tokens"],
            1,
        )
        assert (call["tokens_cache_read"], call["tokens_reasoning"]) == (40 * number, number)
        assert call["model"] == MODEL
    assert [call["finish_reason"] for call in calls] == ["tool_calls", "stop"]
    (looked,) = [event for event in events if event.get("step_kind") == "tool" and event["type"] == "step.started"]
    assert looked["args_hash"] == tidemark.args_hash({"order": "A-1"})
    assert {(event["session_id"], event["user_id"]) for event in events} == {("chat", "ann")}
    assert events[-1]["type"] == "run.completed"
    assert all(event["duration_ms"] > 0 for event in events if event["type"].endswith("completed"))
    assert not listener._open
    assert "secret question" not in str(events)


def test_a_tool_that_throws_is_a_failed_step(client: tidemark.Client, events: Events) -> None:
    with fake_model(call_of("look_up", {"order": "none"}), text_of("there is none")) as model:
        kickoff(client, model.url)
    failed = [event for event in events if event["type"].endswith("failed")]
    assert {(event["type"], event["name"], event["error_category"]) for event in failed} == {
        ("step.failed", "look_up", "tool")
    }
    assert events[-1]["type"] == "run.completed"


def test_a_flow_is_a_run_and_its_methods_are_tasks_that_fail_with_what_they_throw(
    client: tidemark.Client, events: Events
) -> None:
    class Nightly(Flow[Any]):
        @start()
        def fetch(self) -> str:
            return "tides"

        @listen(fetch)
        def write(self, found: str) -> None:
            raise KeyError(found)

    with crewai_event_bus.scoped_handlers():
        listener = TidemarkListener(client)
        with pytest.raises(KeyError):
            Nightly().kickoff()
        crewai_event_bus.flush()
    assert [each[:2] for each in began(events)] == [
        ("run.started", "Nightly"),
        ("task.running", "fetch"),
        ("task.running", "write"),
    ]
    assert {event["flow_id"] for event in events} == {"Nightly"}
    failed = [event for event in events if event["type"].endswith("failed")]
    assert [(event["type"], event["error_category"], event["error_code"]) for event in failed] == [
        ("task.failed", "orchestration", "KeyError"),
        ("run.failed", "orchestration", "KeyError"),
    ]
    assert not listener._open


def test_a_crew_inside_a_handle_is_a_task_of_it(client: tidemark.Client, events: Events) -> None:
    with fake_model(text_of("it is shipped")) as model, client.run("outer") as run:
        kickoff(client, model.url)
    assert began(events)[:3] == [
        ("run.started", "outer", "a", None),
        ("task.running", "shop", "a", "outer"),
        ("task.running", "where", "support", "shop"),
    ]
    assert {event["run_id"] for event in events} == {run.id}
