"""A support agent that answers a customer, with a model that is made up: no key, no network but the collector's.

    TIDEMARK_URL=http://127.0.0.1:7077 TIDEMARK_KEY=<key> python support_agent.py

It recalls the customer, retrieves articles, looks up the order with a tool that fails twice, lets a nested agent check
the answer, and stores what it learned. Ids, parents, attempts, times and who it was for come from the context.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import tidemark as tm


@dataclass(frozen=True)
class Answer:
    text: str
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    tokens_reasoning: int
    cost_micros: int


class FakeModel:
    """Always says the same for the same question, and counts words as tokens."""

    name = "small-1"
    provider = "made-up"

    def __init__(self) -> None:
        self._seen = 0

    async def complete(self, system: str, question: str) -> Answer:
        await asyncio.sleep(0)
        total = len(system.split()) + len(question.split())
        cached, self._seen = min(self._seen, len(system.split())), len(system.split())
        text = f"About {question.split()[-1].rstrip('?')}: it is on its way and comes tomorrow."
        spoken = len(text.split())
        return Answer(text, total, cached, spoken + 4, 4, cost_micros=3 * (total - cached) + 12 * (spoken + 4))


class OrderSystem:
    """Of which every third call works."""

    def __init__(self) -> None:
        self.calls = 0

    def find(self, order: str) -> str:
        self.calls += 1
        if self.calls % 3 != 0:
            raise TimeoutError(f"the order system did not answer call {self.calls}")
        return f"{order}: shipped"


SYSTEM = "You help customers of a shop that sells sails and rope and answer in one sentence"
model = FakeModel()
orders = OrderSystem()


@tm.retrieval
async def search_articles(query: str) -> list[str]:
    await asyncio.sleep(0)
    return [article for article in ("Returns", "Shipping times", "Order status") if "ord" in query or article]


@tm.tool
def look_up_order(order: str) -> str:
    return orders.find(order)


async def ask(name: str, question: str) -> str:
    async with tm.llm(name):
        answer = await model.complete(SYSTEM, question)
        tm.usage(
            model=model.name,
            provider=model.provider,
            tokens_in=answer.tokens_in,
            cache_read=answer.tokens_cached,
            tokens_out=answer.tokens_out,
            reasoning=answer.tokens_reasoning,
            cost_micros=answer.cost_micros,
            finish_reason="stop",
        )
        return answer.text


async def review(text: str) -> bool:
    """An agent of its own: its run is nested in that of the caller."""
    async with tm.run("review", agent="reviewer") as run, tm.task("check tone"):
        verdict = await ask("judge", f"Is this kind: {text}")
        run.output(kind=bool(verdict))
    return True


async def answer_customer(question: str, order: str) -> tuple[str, str]:
    """The answer and the id of the run."""
    async with tm.run("answer customer", agent="support", user="customer-7", session="chat-42") as run:
        run.label(channel="chat", language="en")
        async with tm.task("understand"):
            tm.memory.recalled()
            articles = await search_articles(question)
            await ask("classify", question)
        async with tm.task("look up"):
            status = tm.retry(3, lambda attempt: look_up_order(order))
        async with tm.task("answer"):
            text = await ask("write", f"{question} {status} {len(articles)} articles about {order}?")
            await review(text)
            tm.memory.stored()
        run.output(order=order, articles=len(articles))
    return text, run.id


def main() -> None:
    text, run_id = asyncio.run(answer_customer("Where is my order", "A-1001"))
    print(text)
    print(f"run {run_id}: {tm.flush()}")


if __name__ == "__main__":
    main()
