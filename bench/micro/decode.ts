import { pack, unpack } from 'msgpackr';
import { readConfig } from '../../src/config/read-config.js';
import type { Random } from '../../src/core/clock.js';
import type { FrameBatch, FrameFormat, FrameRange } from '../../src/core/event-batch.js';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import { raiseInliningBudget } from '../../src/decode/inlining-budget.js';

/**
 * One measured shape of frame. CPU time of the whole process, since wall time is shared with others, and of
 * several windows the best, since what others do only slows a window down.
 */
export interface DecodeFigure {
  readonly name: string;
  readonly eventsPerCpuSecond: number;
  readonly bytesPerEvent: number;
}

const eventsPerFrame = 500;
const framesPerBatch = 8;
const agents = 50;
const windows = 20;
const windowSeconds = 0.1;
const receivedMs = Date.UTC(2026, 0, 15, 12);

/** Realistic events of 22 fields: 50 agents, ids of their own, heavy-tailed durations, a tenth of them failed. */
function createEvent(random: Random, sequence: number): Record<string, unknown> {
  const hex = (characters: number) =>
    Array.from({ length: characters }, () => Math.floor(random() * 16).toString(16)).join('');
  const endedMs = receivedMs - Math.floor(random() * 2_000);
  const durationMs = Math.floor(Math.exp(6 + 1.2 * (random() + random() + random() - 1.5)) * 10) / 10;
  const failed = random() < 0.1;
  const agent = Math.floor(random() * agents);
  return {
    type: failed ? 'task.failed' : 'task.completed',
    event_id: `${hex(8)}-${hex(4)}-${hex(4)}-${hex(12)}`,
    agent_id: `agent-${agent}`,
    agent_name: `Research agent ${agent}`,
    agent_version: `1.${agent % 5}.0`,
    run_id: `run-${hex(12)}`,
    task_id: `task-${sequence}-${hex(8)}`,
    crew_id: `crew-${agent % 8}`,
    session_id: `sess-${hex(10)}`,
    ts: endedMs,
    started_at: endedMs - Math.ceil(durationMs),
    ended_at: endedMs,
    duration_ms: durationMs,
    attempt: 1 + Math.floor(random() * 2),
    name: ['summarise', 'extract', 'classify', 'plan', 'search'][Math.floor(random() * 5)],
    llm_calls: Math.floor(random() * 8),
    tokens_in: Math.floor(random() * 9_000),
    tokens_out: Math.floor(random() * 2_000),
    cost_micros: Math.floor(random() * 90_000),
    confidence: Math.round(random() * 1_000) / 1_000,
    memory_mb: Math.round(random() * 4_096) / 8,
    ...(failed
      ? { error_category: 'tool', error_code: 'timeout', error_message: `Tool search timed out after ${agent} s` }
      : { labels: { region: 'eu-west-1', tier: `t${agent % 3}` } }),
  };
}

type Shape = 'maps' | 'positional' | 'json' | 'ndjson';

function createFrames(shape: Shape, random: Random, frames: number, events = eventsPerFrame): Uint8Array[] {
  let sequence = 0;
  return Array.from({ length: frames }, (_, index) => {
    const list = Array.from({ length: events }, () => createEvent(random, sequence++));
    if (shape === 'maps') return pack({ seq: index + 1, events: list });
    if (shape === 'json') return new TextEncoder().encode(JSON.stringify({ seq: index + 1, events: list }));
    if (shape === 'ndjson') return new TextEncoder().encode(list.map((event) => JSON.stringify(event)).join('\n'));
    const columns = [...new Set(list.flatMap((event) => Object.keys(event)))];
    return pack({ seq: index + 1, columns, rows: list.map((event) => columns.map((name) => event[name] ?? null)) });
  });
}

/** Frames end to end in one buffer. */
function createBatch(frames: readonly Uint8Array[], format: FrameFormat): FrameBatch {
  const bytes = new Uint8Array(frames.reduce((sum, frame) => sum + frame.length, 0));
  const ranges: FrameRange[] = [];
  let offset = 0;
  for (const frame of frames) {
    bytes.set(frame, offset);
    const range = { format, tenant: 'default', contentAllowed: false, duplicate: false, duplicateEvents: [] };
    ranges.push({ offset, length: frame.length, ...range });
    offset += frame.length;
  }
  return { bytes: bytes.buffer, frames: ranges, receivedMs, clockMs: receivedMs };
}

function measure(name: string, bytesPerEvent: number, eventsPerCall: number, call: () => void): DecodeFigure {
  const cpuSeconds = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  for (const warmUntil = cpuSeconds() + 1; cpuSeconds() < warmUntil; ) call();
  let best = 0;
  for (let window = 0; window < windows; window++) {
    const started = cpuSeconds();
    let events = 0;
    for (; cpuSeconds() < started + windowSeconds; events += eventsPerCall) call();
    best = Math.max(best, events / (cpuSeconds() - started));
  }
  return { name, eventsPerCpuSecond: Math.round(best), bytesPerEvent };
}

/** As in a decoding thread: its inlining budget, and the checks that V8 adds once a buffer was transferred. */
function prepareThread(): void {
  raiseInliningBudget();
  const buffer = new ArrayBuffer(8);
  structuredClone(buffer, { transfer: [buffer] });
}

/** Decode of each shape, and `msgpackr.unpack` alone of the same MessagePack frames. */
export function measureDecode(
  random: Random,
  shapes: readonly Shape[] = ['positional', 'maps', 'json'],
): DecodeFigure[] {
  prepareThread();
  const { config } = readConfig({ env: {}, argv: [] });
  const figures: DecodeFigure[] = [];
  const eventsPerBatch = eventsPerFrame * framesPerBatch;
  for (const shape of shapes) {
    const frames = createFrames(shape, random, framesPerBatch);
    const format = shape === 'json' || shape === 'ndjson' ? shape : 'msgpack';
    const batch = createBatch(frames, format);
    const bytesPerEvent = Math.round(batch.bytes.byteLength / eventsPerBatch);
    const decoder = createBatchDecoder(config.limits);
    figures.push(measure(`decode ${shape}`, bytesPerEvent, eventsPerBatch, () => void decoder.decode(batch)));
    if (format !== 'msgpack') continue;
    const unpackAll = () => {
      for (const frame of frames) unpack(frame);
    };
    figures.push(measure(`msgpackr.unpack ${shape}`, bytesPerEvent, eventsPerBatch, unpackAll));
  }
  return figures;
}
