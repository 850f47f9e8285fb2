"""CrewAI: an event listener, `pip install tidemark[crewai]`.

    from tidemark.crewai import TidemarkListener
    listener = TidemarkListener()    # kept as long as it is to listen
    crew.kickoff()

A kickoff, a flow or an agent by itself is a run (a task inside another one, or where a handle is open already); tasks
and methods of flows are tasks, each task of the agent that does it; models, tools, memory, knowledge, guardrails and
reasoning are steps. What is asked and answered is never looked at.

Handlers are asynchronous, as the bus of the package calls those on one thread and in the order of the events, and all
others on several at once. So it is told of work and never inside of it: a word of yours in a tool belongs to what was
open around the kickoff.
"""

from __future__ import annotations

import time
from typing import Any

from crewai.events import BaseEventListener, event_types
from crewai.events.base_events import BaseEvent

import tidemark
from tidemark import Client, Handle
from tidemark._context import innermost

#: Work that never ends is forgotten, the oldest first.
_OPEN_MAX = 10_000


class TidemarkListener(BaseEventListener):
    """Listens to everything of a process. Without a client it uses the default one."""

    def __init__(self, client: Client | None = None, **options: Any) -> None:
        """`options` (session, user, labels, …) are those of each run."""
        self._words: Any = client if client is not None else tidemark
        self._options = options
        # An event without a meaning of its own stands for the handle around it.
        self._open: dict[str, tuple[Handle | None, bool]] = {}
        super().__init__()

    def setup_listeners(self, crewai_event_bus: Any) -> None:
        for name in (*_STARTS, *_BEGUN_BY_OTHERS, *_ENDS):
            found = getattr(event_types, name, None)
            if found is not None:
                crewai_event_bus.on(found)(self._on_start if name not in _ENDS else self._on_end)

    async def _on_start(self, source: Any, event: BaseEvent) -> None:
        around = self._open.get(event.parent_event_id or "", (None, False))[0] or innermost()
        name = type(event).__name__
        describe = _STARTS.get(name)
        # An agent is carried out by a flow of the package's own.
        if describe is None or (name in _OF_FLOWS and type(source).__module__.startswith("crewai.")):
            self._keep(event.event_id, around, False)
            return
        word, called, options = describe(event)
        if word in ("run", "task"):
            word = "task" if around is not None else "run"
            options = {**options, **(self._options if around is None else {})}
        handle = getattr(around or self._words, word)(called, **options).start()
        handle.began_earlier(_seconds_since(event))
        self._keep(event.event_id, handle, True)

    async def _on_end(self, source: Any, event: BaseEvent) -> None:
        handle, is_own = self._open.pop(event.started_event_id or "", (None, False))
        if handle is None or not is_own:
            return
        handle.began_earlier(-_seconds_since(event))
        name = type(event).__name__
        told: Any = event
        if name == "LLMCallCompletedEvent":
            handle.usage(**_usage(told))
        elif name.startswith("Memory") and name.endswith("CompletedEvent"):
            with handle.active():
                (self._words.memory.stored if "Save" in name else self._words.memory.recalled)()
        failure = _failure(name, told)
        if failure is None:
            handle.end()
        else:
            handle.fail(**failure)

    def _keep(self, key: str, handle: Handle | None, is_own: bool) -> None:
        while len(self._open) >= _OPEN_MAX:
            self._open.pop(next(iter(self._open)), None)
        self._open[key] = (handle, is_own)


def _seconds_since(event: BaseEvent) -> float:
    """Events are heard a little after they happened."""
    happened: float = event.timestamp.timestamp()
    return min(max(time.time() - happened, 0), 3_600)


def _role(event: Any) -> Any:
    agent = getattr(event, "agent", None) or getattr(getattr(event, "task", None), "agent", None)
    return (getattr(agent, "role", None) or event.agent_role or "").strip() or None


def _task(event: Any) -> tuple[str, str, dict[str, Any]]:
    task = event.task
    name = getattr(task, "name", None) or event.task_name or getattr(task, "description", None) or "task"
    return "task", name, {"agent": _role(event)}


def _lite_agent(event: Any) -> tuple[str, str, dict[str, Any]]:
    role = event.agent_info.get("role") or "agent"
    return "run", role, {"agent": role}


def _model(event: Any) -> tuple[str, str, dict[str, Any]]:
    return "llm", event.model or "model", {"model": event.model}


def _tool(event: Any) -> tuple[str, str, dict[str, Any]]:
    return "tool", event.tool_name, {"args": event.tool_args}


def _memory(name: str) -> Any:
    return lambda event: ("step", name, {"kind": "memory"})


#: What begins: the word, the name and the options of it.
_STARTS: dict[str, Any] = {
    "CrewKickoffStartedEvent": lambda event: ("run", event.crew_name or "crew", {}),
    "FlowStartedEvent": lambda event: ("run", event.flow_name, {"flow": event.flow_name}),
    "MethodExecutionStartedEvent": lambda event: ("task", event.method_name, {}),
    "TaskStartedEvent": _task,
    "LiteAgentExecutionStartedEvent": _lite_agent,
    "LLMCallStartedEvent": _model,
    "ToolUsageStartedEvent": _tool,
    "MemoryQueryStartedEvent": _memory("query"),
    "MemorySaveStartedEvent": _memory("save"),
    "KnowledgeRetrievalStartedEvent": lambda event: ("retrieval", "knowledge", {}),
    "LLMGuardrailStartedEvent": lambda event: ("step", event.guardrail_name or "guardrail", {"kind": "other"}),
    "AgentReasoningStartedEvent": lambda event: ("step", "reasoning", {"kind": "plan"}),
}
_OF_FLOWS = frozenset(("FlowStartedEvent", "MethodExecutionStartedEvent"))
#: What begins without a meaning of its own, or is told by what is in it.
_BEGUN_BY_OTHERS = (
    "AgentExecutionStartedEvent",
    "MemoryRetrievalStartedEvent",
    "KnowledgeQueryStartedEvent",
    "AgentEvaluationStartedEvent",
    "CrewTrainStartedEvent",
    "CrewTestStartedEvent",
)
_ENDS = frozenset(
    f"{name}Event"
    for name in (
        *("CrewKickoffCompleted", "CrewKickoffFailed", "FlowFinished", "FlowFailed", "FlowPaused"),
        *("MethodExecutionFinished", "MethodExecutionFailed", "MethodExecutionPaused"),
        *("TaskCompleted", "TaskFailed", "LiteAgentExecutionCompleted", "LiteAgentExecutionError"),
        *("LLMCallCompleted", "LLMCallFailed", "ToolUsageFinished", "ToolUsageError"),
        *("MemoryQueryCompleted", "MemoryQueryFailed", "MemorySaveCompleted", "MemorySaveFailed"),
        *("KnowledgeRetrievalCompleted", "KnowledgeSearchQueryFailed"),
        *("LLMGuardrailCompleted", "LLMGuardrailFailed", "AgentReasoningCompleted", "AgentReasoningFailed"),
        *("AgentExecutionCompleted", "AgentExecutionError", "MemoryRetrievalCompleted", "MemoryRetrievalFailed"),
        *("KnowledgeQueryCompleted", "KnowledgeQueryFailed", "AgentEvaluationCompleted", "AgentEvaluationFailed"),
        *("CrewTrainCompleted", "CrewTrainFailed", "CrewTestCompleted", "CrewTestFailed"),
    )
)


def _failure(name: str, event: Any) -> dict[str, Any] | None:
    """Arguments of `fail`; None for what went well."""
    if name == "LLMGuardrailCompletedEvent" and not event.success:
        return {"error": event.error or "refused", "category": "guardrail", "code": "guardrail_refused"}
    reported = getattr(event, "failure", None)
    if reported is not None:
        return {"error": str(getattr(reported, "message", reported)), "code": "tool_failure"}
    if not name.endswith(("FailedEvent", "ErrorEvent")):
        return None
    error = getattr(event, "error", None)
    if isinstance(error, BaseException):
        return {"error": error}
    return {"error": str(error or "failed"), "code": _code(event)}


def _code(event: Any) -> str:
    kind = getattr(event, "error_type", None) or getattr(event, "exception_type", None)
    return getattr(kind, "__name__", None) or (kind if isinstance(kind, str) else "") or "crewai_error"


def _usage(event: Any) -> dict[str, Any]:
    """Told alike for every vendor; cached tokens are part of the input."""
    usage = event.usage or {}
    return {
        "calls": 1,
        "model": event.model,
        "tokens_in": usage.get("prompt_tokens", usage.get("input_tokens")),
        "tokens_out": usage.get("completion_tokens", usage.get("output_tokens")),
        "cache_read": usage.get("cached_prompt_tokens"),
        "cache_write": usage.get("cache_creation_tokens"),
        "reasoning": usage.get("reasoning_tokens"),
        "finish_reason": event.finish_reason,
    }
