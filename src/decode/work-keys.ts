import { fingerprintKey } from '../core/live-batch.js';
import type { WorkKeys, WorkNames } from '../core/work-rows.js';
import { type ByteSource, createTextSource } from './byte-range.js';
import { hashWide, wide } from './wide-hash.js';

/** Tells an agent, a task and a step with one id apart. */
const agentSalt = 0x1656_67b1;
const taskSalt = 0x5bd1_e995;
const stepSalt = 0x2545_f491;

/**
 * Fingerprints of runs, tasks and steps, each a hash seeded by that of what it is part of: the tenant; the run, or the
 * agent where no run is told; the task. Every function takes the seed and leaves the hash in `wide`.
 */
export function hashTenant(tenant: ByteSource): void {
  hashWide(tenant, 0, tenant.bytes.length, 0, 0);
}

export function hashRun(source: ByteSource, offset: number, length: number, low: number, high: number): void {
  hashWide(source, offset, length, low, high);
}

export function hashAgent(agent: ByteSource, low: number, high: number): void {
  hashWide(agent, 0, agent.bytes.length, low ^ agentSalt, high);
}

/** Seeded by the run, or by the agent of a task without run. */
export function hashTask(source: ByteSource, offset: number, length: number, low: number, high: number): void {
  hashWide(source, offset, length, low ^ taskSalt, high);
}

/** Seeded by the task, or by what a task would be seeded by. `attempt` is from 1. */
export function hashStep(
  { source, offset, length }: { readonly source: ByteSource; readonly offset: number; readonly length: number },
  attempt: number,
  low: number,
  high: number,
): void {
  hashWide(source, offset, length, low ^ stepSalt, high ^ attempt);
}

/** The key of an attempt of the run or task whose hash is in `wide`. */
export function attemptKey(attempt: number): number {
  return fingerprintKey(wide.low ^ Math.imul(attempt - 1, 0x9e37_79b1), wide.high);
}

/** The same by names, for what the store remembers. */
export function workKeys({ tenant, run, agent, task, step, attempt }: WorkNames): WorkKeys {
  hashTenant(createTextSource(tenant));
  const { low: tenantLow, high: tenantHigh } = wide;
  hashAgent(createTextSource(agent), tenantLow, tenantHigh);
  const { low: agentLow, high: agentHigh } = wide;
  let runKey = 0;
  if (run !== '') {
    const source = createTextSource(run);
    hashRun(source, 0, source.bytes.length, tenantLow, tenantHigh);
    runKey = fingerprintKey(wide.low, wide.high);
  }
  let alias = 0;
  if (task !== '') {
    const source = createTextSource(task);
    const { low, high } = wide;
    hashTask(source, 0, source.bytes.length, agentLow, agentHigh);
    alias = fingerprintKey(wide.low, wide.high);
    if (run !== '') hashTask(source, 0, source.bytes.length, low, high);
  }
  if (step === '') return { key: attemptKey(attempt), alias, runKey };
  const source = createTextSource(step);
  hashStep({ source, offset: 0, length: source.bytes.length }, attempt, wide.low, wide.high);
  return { key: attemptKey(1), alias, runKey };
}
