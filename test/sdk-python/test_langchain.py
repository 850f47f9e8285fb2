"""The callback handler on the real packages, with a model that deals out known numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import tidemark

pytest.importorskip("langgraph", reason="langgraph is not here")

from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from tidemark.langchain import TidemarkCallback

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


def answer(number: int) -> AIMessage:
    usage: Any = {
        "input_tokens": 100 * number,
        "output_tokens": 10 * number,
        "total_tokens": 110 * number,
        "input_token_details": {"cache_read": 40 * number, "cache_creation": 3},
        "output_token_details": {"reasoning": number},
    }
    said = {"finish_reason": "stop", "model_name": "fake-1"}
    return AIMessage(content=f"answer {number}", usage_metadata=usage, response_metadata=said)


class Shelf(BaseRetriever):
    def _get_relevant_documents(self, query: str, **_: Any) -> list[Document]:
        return [Document(page_content="tides"), Document(page_content="sails")]


@tool
def look_up(order: str) -> str:
    """Looks an order up."""
    if order == "none":
        raise ValueError("no such order")
    return f"{order} is shipped"


def graph_of(order: str) -> Any:
    model = GenericFakeChatModel(messages=iter([answer(1), answer(2)]))

    def think(state: MessagesState) -> dict[str, Any]:
        Shelf().invoke("tides")
        return {"messages": [model.invoke(state["messages"])]}

    def act(state: MessagesState) -> dict[str, Any]:
        look_up.invoke({"order": order})
        return {"messages": [model.invoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("think", think)
    graph.add_node("act", act)
    graph.add_edge(START, "think")
    graph.add_edge("think", "act")
    graph.add_edge("act", END)
    return graph.compile(name="support")


def tree(events: Events) -> list[tuple[str, str, str | None]]:
    """Type, name and the name of the parent, of what began."""
    names = {event.get("step_id") or event.get("task_id") or event.get("run_id"): event["name"] for event in events}
    began = [event for event in events if event["type"] in ("run.started", "task.running", "step.started")]
    return [(event["type"], event["name"], names.get(event.get("parent_id"))) for event in began]


def test_a_graph_is_a_run_of_tasks_with_steps_and_the_usage_that_was_dealt_out(
    client: tidemark.Client, events: Events
) -> None:
    callback = TidemarkCallback(client, session="chat", user="ann")
    graph_of("A-1").invoke({"messages": [HumanMessage("where")]}, config={"callbacks": [callback]})
    assert tree(events) == [
        ("run.started", "support", None),
        ("task.running", "think", "support"),
        ("step.started", "Shelf", "think"),
        ("step.started", "GenericFakeChatModel", "think"),
        ("task.running", "act", "support"),
        ("step.started", "look_up", "act"),
        ("step.started", "GenericFakeChatModel", "act"),
    ]
    assert {event["session_id"] for event in events} == {"chat"}
    calls = [event for event in events if event["type"] == "step.completed" and event["step_kind"] == "llm"]
    for number, call in enumerate(calls, 1):
        assert (call["tokens_in"], call["tokens_out"], call["llm_calls"]) == (100 * number, 10 * number, 1)
        assert (call["tokens_cache_read"], call["tokens_cache_write"], call["tokens_reasoning"]) == (
            40 * number,
            3,
            number,
        )
        assert (call["model"], call["finish_reason"]) == ("fake-1", "stop")
    assert len(calls) == 2
    tools = [event for event in events if event.get("step_kind") == "tool"]
    assert tools[0]["args_hash"] == tidemark.args_hash({"order": "A-1"})
    assert not callback._calls
    assert events[-1]["type"] == "run.completed"
    assert "where" not in str(events)


def test_a_tool_that_throws_fails_its_step_task_and_run(client: tidemark.Client, events: Events) -> None:
    with pytest.raises(ValueError, match="no such order"):
        graph_of("none").invoke({"messages": [HumanMessage("where")]}, config={"callbacks": [TidemarkCallback(client)]})
    failed = [event for event in events if event["type"].endswith("failed")]
    assert [(event["type"], event["error_category"]) for event in failed] == [
        ("step.failed", "tool"),
        ("task.failed", "tool"),
        ("run.failed", "tool"),
    ]


def test_graphs_that_run_at_once_keep_apart_and_belong_to_the_handle_around(
    client: tidemark.Client, events: Events
) -> None:
    callback = TidemarkCallback(client)

    async def main() -> str:
        async with client.run("outer") as run:
            states: list[Any] = [{"messages": [HumanMessage(str(number))]} for number in range(5)]
            config: Any = {"callbacks": [callback]}
            await asyncio.gather(*(graph_of("A-1").ainvoke(state, config=config) for state in states))
        return run.id

    run_id = asyncio.run(main())
    assert {event["run_id"] for event in events} == {run_id}
    began = [event for event in events if event["type"] == "task.running"]
    assert sorted(event["name"] for event in began) == sorted(["support", "think", "act"] * 5)
    by_id = {event["task_id"]: event for event in began}
    for event in began:
        parent = by_id.get(event["parent_id"])
        assert (parent["name"] if parent else "outer") == ("outer" if event["name"] == "support" else "support")
    assert sum(event["type"] == "step.completed" for event in events) == 20
