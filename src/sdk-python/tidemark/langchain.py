"""LangChain and LangGraph: a callback handler, `pip install tidemark[langchain]`.

    from tidemark.langchain import TidemarkCallback
    graph.invoke(state, config={"callbacks": [TidemarkCallback()]})

The outermost chain or graph is a run, or a task where a handle is open already; each node of a graph is a task; models,
tools and retrievers are steps of what they are called in. Chains in between have no meaning of their own and are left
out. Prompts and answers are never looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult

import tidemark
from tidemark import Client, Handle
from tidemark._context import innermost

#: Calls that never end are forgotten, the oldest first.
_CALLS_MAX = 10_000


class TidemarkCallback(BaseCallbackHandler):
    """May be shared by all calls of a process. Without a client it uses the default one."""

    # In the caller's thread and order, also where the caller is async; nothing here waits.
    run_inline = True

    def __init__(self, client: Client | None = None, **options: Any) -> None:
        """`options` (agent, session, user, labels, …) are those of each run."""
        self._words: Any = client if client is not None else tidemark
        self._options = options
        # A call that is left out stands for the handle around it.
        self._calls: dict[UUID, tuple[Handle | None, bool]] = {}

    def on_chain_start(
        self,
        serialized: dict[str, Any],
        inputs: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        name = _name(serialized, kwargs, "chain")
        if parent_run_id is None or parent_run_id not in self._calls:
            around = innermost()
            word = self._words.run if around is None else around.task
            self._begin(run_id, word(name, **self._options))
        elif name == (metadata or {}).get("langgraph_node") and "langsmith:hidden" not in (tags or []):
            self._begin(run_id, self._inside(parent_run_id).task(name))
        else:
            self._keep(run_id, self._calls[parent_run_id][0], False)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self._end(run_id)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._end(run_id, error)

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        told = metadata or {}
        name = _name(serialized, kwargs, "model")
        options = {"model": told.get("ls_model_name"), "provider": told.get("ls_provider")}
        self._begin(run_id, self._inside(parent_run_id).llm(name, **options))

    def on_llm_start(self, serialized: dict[str, Any], prompts: list[str], **kwargs: Any) -> None:
        self.on_chat_model_start(serialized, prompts, **kwargs)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        handle, is_own = self._calls.get(run_id, (None, False))
        if handle is not None and is_own:
            handle.usage(**_usage(response))
        self._end(run_id)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._end(run_id, error)

    def on_tool_start(
        self,
        serialized: dict[str, Any],
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        inputs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        args = inputs if inputs is not None else input_str
        self._begin(run_id, self._inside(parent_run_id).tool(_name(serialized, kwargs, "tool"), args=args))

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self._end(run_id)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._end(run_id, error)

    def on_retriever_start(
        self, serialized: dict[str, Any], query: str, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        name = _name(serialized, kwargs, "retriever")
        self._begin(run_id, self._inside(parent_run_id).retrieval(name, args=query))

    def on_retriever_end(self, documents: Sequence[Any], *, run_id: UUID, **kwargs: Any) -> None:
        handle, is_own = self._calls.get(run_id, (None, False))
        if handle is not None and is_own:
            handle.output(documents=len(documents))
        self._end(run_id)

    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._end(run_id, error)

    def _inside(self, parent: UUID | None) -> Any:
        """What has the words: the handle around, else the innermost one here, else the client."""
        found = self._calls.get(parent, (None, False))[0] if parent is not None else None
        return found or innermost() or self._words

    def _begin(self, call: UUID, handle: Handle) -> None:
        self._keep(call, handle.start(), True)

    def _keep(self, call: UUID, handle: Handle | None, is_own: bool) -> None:
        while len(self._calls) >= _CALLS_MAX:
            self._calls.pop(next(iter(self._calls)), None)
        self._calls[call] = (handle, is_own)

    def _end(self, call: UUID, error: BaseException | None = None) -> None:
        handle, is_own = self._calls.pop(call, (None, False))
        if handle is None or not is_own:
            return
        if error is None:
            handle.end()
        elif type(error).__name__ == "GraphInterrupt":
            # A graph that asks a person has not failed.
            handle.cancel()
        else:
            handle.fail(error)


def _name(serialized: Mapping[str, Any] | None, kwargs: Mapping[str, Any], otherwise: str) -> str:
    told = serialized or {}
    return str(kwargs.get("name") or told.get("name") or (told.get("id") or [otherwise])[-1])


def _usage(response: LLMResult) -> dict[str, Any]:
    """Of all generations of a call, told alike for every vendor; cached tokens are part of the input."""
    counts: dict[str, Any] = {"calls": 1}
    for generation in (each for several in response.generations for each in several):
        message = getattr(generation, "message", None)
        usage = getattr(message, "usage_metadata", None) or {}
        into, out = usage.get("input_token_details") or {}, usage.get("output_token_details") or {}
        told = {
            "tokens_in": usage.get("input_tokens"),
            "tokens_out": usage.get("output_tokens"),
            "cache_read": into.get("cache_read"),
            "cache_write": into.get("cache_creation"),
            "reasoning": out.get("reasoning"),
        }
        for name, value in told.items():
            if value is not None:
                counts[name] = counts.get(name, 0) + value
        said = getattr(message, "response_metadata", None) or {}
        counts["finish_reason"] = said.get("finish_reason") or said.get("stop_reason")
        if said.get("model_name"):
            counts["model"] = said["model_name"]
    return counts
