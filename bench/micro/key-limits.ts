import { type KeyLimits, noKeyLimits } from '../../src/core/key-limits.js';
import { silentLogger } from '../../src/core/logger.js';
import { KeyBudgets } from '../../src/ingest/limits/key-budgets.js';
import { StreamSession } from '../../src/ingest/stream-session.js';
import type { MicroResult } from '../budget.js';

const framesPerFlush = 8;
const framesWarm = 200_000;
const frames = 800_000;

/** What a connection costs the main thread a frame, beside the pipeline: of a key without limits, and with all. */
export function measureKeyLimits(): MicroResult[] {
  const all: KeyLimits = { eventsPerSecond: 1e12, bytesPerSecond: 1e12, requestsPerSecond: null, eventsPerDay: 1e12 };
  return [measured('frame of a key without limits', noKeyLimits), measured('frame of a key with limits', all)];
}

function measured(name: string, limits: KeyLimits): MicroResult {
  const session = sessionOf(limits);
  pass(session, framesWarm);
  const before = process.cpuUsage();
  pass(session, frames);
  const { user, system } = process.cpuUsage(before);
  return { name, value: (user + system) / frames, unit: 'us' };
}

const frame = {
  seq: 1,
  events: 100,
  accepted: 100,
  rows: 100,
  rejected: 0,
  errors: [],
  rejectedByCode: {},
  fault: null,
};
const result = { seq: 1, frame, duplicate: false, duplicateEvents: 0 };
const bytes = new Uint8Array(200);
// A map of two entries, the first of them `seq`.
bytes.set([0x82, 0xa3, 0x73, 0x65, 0x71, 0xce, 0, 0, 0, 1]);

function pass(session: StreamSession, count: number): void {
  for (let sent = 0; sent < count; sent += framesPerFlush) {
    for (let index = 0; index < framesPerFlush; index++) session.message(bytes, true);
    for (let index = 0; index < framesPerFlush; index++) session.acknowledge(result);
    session.flush(framesPerFlush);
  }
}

function sessionOf(limits: KeyLimits): StreamSession {
  const clock = { nowMs: Date.now, monotonicMs: () => performance.now(), setTimer: () => ({ cancel() {} }) };
  const instruments = { held: { inc() {} }, usageWriteFailures: { inc() {} } };
  const budgets = new KeyBudgets({ clock, logger: silentLogger, instruments }, { dataDir: '', burstSeconds: 10 });
  const principal = {
    tenant: 'acme',
    keyName: 'k',
    scopes: new Set(['ingest'] as const),
    contentAllowed: false,
    limits,
  };
  const session = new StreamSession(
    {
      clock,
      pipeline: { submit() {}, submitFault() {} },
      socket: { send: () => 'sent', close() {} },
      budget: budgets.of(principal),
      lastSeq: () => 0,
      onFinished() {},
      onClosedWith() {},
      onGapForgotten() {},
    },
    { tenant: 'acme', producer: 'p', contentAllowed: false, encoding: 'msgpack', frameBytesMax: 1e6, creditMax: 64 },
  );
  session.greet(64);
  return session;
}
