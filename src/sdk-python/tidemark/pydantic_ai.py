"""Pydantic AI: a capability, `pip install tidemark[pydantic-ai]`.

    from pydantic_ai import Agent
    from tidemark.pydantic_ai import TidemarkCapability
    agent = Agent(model, name="support", capabilities=[TidemarkCapability()])

A run of an agent is a run (a task where a handle is open already), its conversation the session; model requests and
tools are steps with their usage. What is asked and answered is never looked at. Nothing of OpenTelemetry is touched.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.exceptions import ApprovalRequired, CallDeferred
from pydantic_ai.messages import ModelResponse

import tidemark
from tidemark import Client
from tidemark._context import innermost

# A tool that waits for a person or another process has not failed.
_DEFERRALS = (ApprovalRequired, CallDeferred)


class TidemarkCapability(AbstractCapability[Any]):
    """May be shared by all agents of a process. Without a client it uses the default one."""

    def __init__(self, client: Client | None = None, **options: Any) -> None:
        """`options` (session, user, labels, …) are those of each run."""
        self._words: Any = client if client is not None else tidemark
        self._options = options

    async def wrap_run(self, ctx: Any, *, handler: Callable[[], Awaitable[Any]]) -> Any:
        name = getattr(getattr(ctx, "agent", None), "name", None) or "agent"
        around = innermost()
        word = self._words.run if around is None else around.task
        told = {"agent": name, "session": getattr(ctx, "conversation_id", None), **self._options}
        async with word(name, **told):
            return await handler()

    async def wrap_model_request(
        self, ctx: Any, *, request_context: Any, handler: Callable[[Any], Awaitable[ModelResponse]]
    ) -> ModelResponse:
        model = getattr(request_context, "model", None) or getattr(ctx, "model", None)
        name = getattr(model, "model_name", None) or "model"
        async with self._words.llm(name, model=name, provider=getattr(model, "system", None)) as step:
            response = await handler(request_context)
            step.usage(**_usage(response))
            return response

    async def wrap_tool_execute(
        self, ctx: Any, *, call: Any, tool_def: Any, args: Any, handler: Callable[[Any], Awaitable[Any]]
    ) -> Any:
        async with self._words.tool(call.tool_name, args=args) as step:
            try:
                return await handler(args)
            except _DEFERRALS:
                step.cancel()
                raise


def _usage(response: ModelResponse) -> dict[str, Any]:
    """Cached tokens are part of the input, as here."""
    usage = response.usage
    return {
        "calls": 1,
        "model": response.model_name,
        "provider": response.provider_name,
        "tokens_in": usage.input_tokens,
        "tokens_out": usage.output_tokens,
        "cache_read": usage.cache_read_tokens,
        "cache_write": usage.cache_write_tokens,
        "reasoning": usage.details.get("reasoning_tokens"),
        "finish_reason": response.finish_reason,
    }
