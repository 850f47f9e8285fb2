"""What a step costs beside an empty function, in µs: `python bench/overhead.py [steps]`.

With TIDEMARK_URL and TIDEMARK_KEY of a running collector events are sent and acknowledged meanwhile, else nothing is
kept. `wall` is the time of the loop, `cpu` that of the process until all is acknowledged, its sending thread included;
the best of five rounds. `npm run bench:sdk -- --python python3` runs it against a process that only acknowledges.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import tidemark

# A step may be looked at in a run, with a usage, or as a decorated function.
client = tidemark.Client(agent="overhead", heartbeat_ms=0, buffer_bytes_max=2**30)


def empty() -> None:
    pass


def step() -> None:
    with client.tool("search"):
        empty()


def step_with_usage() -> None:
    with client.llm("answer") as handle:
        empty()
        handle.usage(model="large", tokens_in=900, cache_read=600, tokens_out=120, cost_micros=4200)


@client.step
def decorated() -> None:
    empty()


def measure(work: Callable[[], None], count: int) -> tuple[float, float]:
    best = (float("inf"), float("inf"))
    for _ in range(5):
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(count):
            work()
        wall = time.perf_counter() - wall
        # What still has to be sent is a cost of the steps as well.
        client.flush(60)
        cost = wall / count * 1e6, (time.process_time() - cpu) / count * 1e6
        best = min(best[0], cost[0]), min(best[1], cost[1])
    return best


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    wall, cpu = measure(empty, count)
    how = "without a url" if client.stats().state == "off" else "sent and acknowledged"
    print(f"Python {sys.version.split()[0]}, {how}; an empty function: {wall:.2f} wall, {cpu:.2f} cpu")
    with client.run("overhead", session="s", user="u"), client.task("measure"):
        for name, work in (("step", step), ("step with usage", step_with_usage), ("decorated", decorated)):
            each = measure(work, count)
            print(f"{name}: {each[0] - wall:.2f} wall, {each[1] - cpu:.2f} cpu")
    print(client.close(60))


if __name__ == "__main__":
    main()
