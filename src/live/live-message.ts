import { instant } from '../core/time-text.js';
import type { LiveQuery } from './live-query.js';
import type { LiveTask, RunState } from './live-run.js';

/** What a subscriber is sent, in the order of their coming. */
export type LiveOp = 'hello' | 'snapshot' | 'events' | 'progress' | 'dropped';

/** A message, encoded once for all who get it. A message over WebSocket is its JSON text. */
export class LiveMessage {
  readonly op: LiveOp;
  /** UTF-8, without a line break. */
  readonly json: Uint8Array;
  /** Events in it. */
  readonly events: number;
  /** Counts the messages of events of one filter; 0: not one of them. */
  readonly seq: number;
  #serverSent: Uint8Array | null = null;

  constructor(op: LiveOp, json: Uint8Array, events = 0, seq = 0) {
    this.op = op;
    this.json = json;
    this.events = events;
    this.seq = seq;
  }

  /** As a Server-Sent Event (WHATWG HTML, 9.2.5): its `event` is the op, its `id` the seq. */
  get serverSent(): Uint8Array {
    if (this.#serverSent === null) {
      const id = this.seq > 0 ? `id: ${this.seq}\n` : '';
      this.#serverSent = Buffer.concat([Buffer.from(`${id}event: ${this.op}\ndata: `), this.json, Buffer.from('\n\n')]);
    }
    return this.#serverSent;
  }
}

function encode(op: LiveOp, message: object): LiveMessage {
  return new LiveMessage(op, Buffer.from(JSON.stringify({ op, ...message })));
}

export function helloMessage(query: LiveQuery, sinceMs: number): LiveMessage {
  const { user, agents, runs, types, statuses, models, providers, environments } = query;
  return encode('hello', {
    filter: {
      ...(user === null ? {} : { user_id: [user] }),
      agent_id: agents,
      run_id: runs,
      type: types,
      status: statuses,
      model: models,
      provider: providers,
      environment: environments,
    },
    // Before it nothing is known: the collector started then, or the tenant has sent nothing since.
    known_since: instant(sinceMs),
  });
}

export interface Snapshot {
  readonly nowMs: number;
  readonly runs: readonly RunState[];
  readonly runsTotal: number;
  readonly tasks: readonly LiveTask[];
  readonly tasksTotal: number;
}

export function snapshotMessage({ nowMs, runs, runsTotal, tasks, tasksTotal }: Snapshot): LiveMessage {
  return encode('snapshot', {
    at: instant(nowMs),
    runs_total: runsTotal,
    runs: runs.map(runItem),
    tasks_total: tasksTotal,
    tasks: tasks.map(taskItem),
  });
}

export function progressMessage(runs: readonly RunState[]): LiveMessage {
  return encode('progress', { runs: runs.map(runItem) });
}

export function droppedMessage(count: number): LiveMessage {
  return encode('dropped', { count });
}

const eventsTail = Buffer.from(']}');
const comma = Buffer.from(',');

/** `parts`: JSON objects in UTF-8, those within a part separated by commas. */
export function eventsMessage(parts: readonly Uint8Array[], events: number, seq: number): LiveMessage {
  const pieces: Uint8Array[] = [Buffer.from(`{"op":"events","seq":${seq},"events":[`)];
  parts.forEach((part, index) => {
    if (index > 0) pieces.push(comma);
    pieces.push(part);
  });
  pieces.push(eventsTail);
  return new LiveMessage('events', Buffer.concat(pieces), events, seq);
}

function runItem(run: RunState) {
  return {
    run_id: run.runId,
    agent_ids: run.agents,
    name: run.name === '' ? null : run.name,
    status: run.status,
    started_at: run.startedMs === null ? null : instant(run.startedMs),
    last_event_at: instant(run.lastMs),
    events: run.events,
    tasks: run.tasks,
    steps: run.steps,
    tokens: { in: run.tokensIn, out: run.tokensOut, total: run.tokensIn + run.tokensOut },
    cost_micros: run.costMicros,
    tokens_unpriced: run.tokensUnpriced,
  };
}

function taskItem(task: LiveTask) {
  return {
    task_id: task.taskId,
    run_id: task.runId === '' ? null : task.runId,
    agent_id: task.agent,
    name: task.name === '' ? null : task.name,
    status: task.status,
    started_at: instant(task.startedMs),
  };
}
