"""OpenAI Agents: a tracing processor, `pip install tidemark[openai-agents]`.

    from agents import add_trace_processor
    from tidemark.openai_agents import TidemarkProcessor
    add_trace_processor(TidemarkProcessor())

A trace is a run (a task where a handle is open already), its group the session; what an agent does is a task of that
agent; generations, functions, handoffs and guardrails are steps. Inputs and outputs of models are never looked at.
"""

from __future__ import annotations

from typing import Any

from agents.tracing import Span, Trace, TracingProcessor

import tidemark
from tidemark import Client, Handle
from tidemark._context import innermost

#: Traces and spans that never end are forgotten, the oldest first.
_OPEN_MAX = 10_000

#: The category of a span that fails; that of its agent is mostly the same.
_PLACES = {"generation": "model", "response": "model", "function": "tool", "guardrail": "guardrail"}


class TidemarkProcessor(TracingProcessor):
    """Without a client it uses the default one."""

    def __init__(self, client: Client | None = None, **options: Any) -> None:
        """`options` (session, user, labels, …) are those of each run."""
        self._words: Any = client if client is not None else tidemark
        self._options = options
        # A span that is left out stands for the handle around it.
        self._open: dict[str, tuple[Handle, bool]] = {}
        # By trace: where something has failed last, and what its outermost agent has failed with. Gone with the trace.
        self._places: dict[str, str] = {}
        self._failures: dict[str, dict[str, str]] = {}

    def on_trace_start(self, trace: Trace) -> None:
        around = innermost()
        word = self._words.run if around is None else around.task
        group = getattr(trace, "group_id", None)
        self._keep(trace.trace_id, word(trace.name, **{"session": group, **self._options}).start(), True)

    def on_trace_end(self, trace: Trace) -> None:
        handle, _ = self._open.pop(trace.trace_id, (None, False))
        self._places.pop(trace.trace_id, None)
        failure = self._failures.pop(trace.trace_id, None)
        if handle is not None and failure is not None:
            handle.fail(**failure)
        elif handle is not None:
            handle.end()

    def on_span_start(self, span: Span[Any]) -> None:
        around = self._around(span)
        if around is None:
            return
        begun = _begin(around[0], span.span_data)
        self._keep(span.span_id, begun.start() if begun is not None else around[0], begun is not None)

    def on_span_end(self, span: Span[Any]) -> None:
        handle, is_own = self._open.pop(span.span_id, (None, False))
        if handle is None or not is_own:
            return
        data, error = span.span_data, span.error
        if data.type in ("generation", "response"):
            handle.usage(**_usage(data))
        failure = _failure(data, error, self._places.get(span.trace_id))
        if span.trace_id in self._open:
            self._note(span, failure)
        if failure is not None:
            handle.fail(**failure)
        else:
            handle.end()

    def _note(self, span: Span[Any], failure: dict[str, str] | None) -> None:
        """What the agents around it and the trace fail with, if they do."""
        place = _PLACES.get(span.span_data.type)
        if failure is not None and place is not None:
            self._places[span.trace_id] = place
        if span.span_data.type == "agent" and self._is_outermost(span):
            if failure is not None:
                self._failures[span.trace_id] = failure
            else:
                self._failures.pop(span.trace_id, None)

    def shutdown(self) -> None:
        self._words.flush()

    def force_flush(self) -> None:
        self._words.flush()

    def _around(self, span: Span[Any]) -> tuple[Handle, bool] | None:
        return self._open.get(span.parent_id or "") or self._open.get(span.trace_id)

    def _is_outermost(self, span: Span[Any]) -> bool:
        around, trace = self._around(span), self._open.get(span.trace_id)
        return around is not None and trace is not None and around[0] is trace[0]

    def _keep(self, key: str, handle: Handle, is_own: bool) -> None:
        while len(self._open) >= _OPEN_MAX:
            oldest = next(iter(self._open))
            for kept in (self._open, self._places, self._failures):
                kept.pop(oldest, None)
        self._open[key] = (handle, is_own)


def _begin(around: Handle, data: Any) -> Handle | None:
    """None for spans without a meaning of their own, such as turns."""
    kind = data.type
    if kind == "agent":
        return around.task(data.name, agent=data.name)
    if kind in ("generation", "response"):
        return around.llm(getattr(data, "model", None) or kind)
    if kind == "function":
        # What a function is called with is known when its span begins, and only hashed.
        return around.tool(data.name, args=data.input)
    if kind == "handoff":
        return around.step(data.from_agent or "handoff", kind="handoff")
    if kind in ("guardrail", "custom"):
        return around.step(data.name, kind="other")
    return None


def _usage(data: Any) -> dict[str, Any]:
    """A generation tells its usage as a map, a response as an object; cached tokens are part of the input in both."""
    response = getattr(data, "response", None)
    usage = getattr(response, "usage", None) or getattr(data, "usage", None)
    return {
        "calls": 1,
        "model": getattr(response, "model", None) or getattr(data, "model", None),
        "tokens_in": _of(usage, "input_tokens"),
        "tokens_out": _of(usage, "output_tokens"),
        "cache_read": _of(_of(usage, "input_tokens_details"), "cached_tokens"),
        "reasoning": _of(_of(usage, "output_tokens_details"), "reasoning_tokens"),
    }


def _failure(data: Any, error: Any, inside: str | None) -> dict[str, str] | None:
    """None when it did not fail. `inside`: the category of what has failed in the trace last."""
    if data.type == "guardrail" and data.triggered:
        text = f"guardrail {data.name} was triggered"
        return {"error": text, "category": "guardrail", "code": "guardrail_triggered"}
    if error is None:
        return None
    failure = {"error": _message(error), "code": "span_error"}
    return failure if data.type != "agent" or inside is None else {**failure, "category": inside}


def _message(error: Any) -> str:
    """The text of what was thrown, which the package has beside a message of its own."""
    return str(_of(error.get("data"), "error") or error.get("message", ""))


def _of(source: Any, name: str) -> Any:
    return source.get(name) if isinstance(source, dict) else getattr(source, name, None)
