import { benchKey, type CollectorProcess } from './collector-process.js';

const runs = 20;
const tasksPerRun = 5;
/** A lease is five minutes. */
const heartbeatMs = 60_000;
const listedMsMax = 30_000;

/** Runs that go on during a measurement: their tasks stay running, because their heartbeats are sent. */
export class LiveRuns {
  readonly #collector: CollectorProcess;
  readonly #token: string;
  readonly #timer: NodeJS.Timeout;

  private constructor(collector: CollectorProcess, token: string) {
    this.#collector = collector;
    this.#token = token;
    this.#timer = setInterval(() => {
      this.#send(this.#events('heartbeat')).catch(() => undefined);
    }, heartbeatMs);
  }

  /** `token` makes their ids unique. Throws when the collector does not take them, or does not list them in time. */
  static async start(collector: CollectorProcess, token: string): Promise<LiveRuns> {
    const live = new LiveRuns(collector, token);
    try {
      await live.#send([...live.#events('run.started'), ...live.#tasks()]);
      await live.#untilListed();
    } catch (error) {
      live.stop();
      throw error;
    }
    return live;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** An event is sent before it is stored. */
  async #untilListed(): Promise<void> {
    const deadline = performance.now() + listedMsMax;
    const headers = { authorization: `Bearer ${benchKey}` };
    for (let total = 0; total < runs * tasksPerRun; ) {
      if (performance.now() > deadline) throw new Error(`only ${total} tasks that go on were listed in time`);
      const response = await fetch(`${this.#collector.url}/api/v1/monitoring/tasks?status=running&limit=1`, {
        headers,
      });
      ({ total = 0 } = (await response.json()) as { readonly total?: number });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  #events(type: string): object[] {
    return Array.from({ length: runs }, (_, run) => ({ type, ...this.#run(run) }));
  }

  #tasks(): object[] {
    return Array.from({ length: runs * tasksPerRun }, (_, task) => ({
      type: 'task.running',
      ...this.#run(task % runs),
      task_id: `live-task-${this.#token}-${task}`,
    }));
  }

  #run(run: number): object {
    return { agent_id: `live-agent-${run}`, run_id: `live-run-${this.#token}-${run}`, ts: Date.now() };
  }

  async #send(events: readonly object[]): Promise<void> {
    const response = await fetch(`${this.#collector.url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${benchKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ events }),
    });
    if (response.status !== 202) throw new Error(`cannot send: ${response.status} ${await response.text()}`);
  }
}
