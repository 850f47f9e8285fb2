import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { holdingClock, systemClock } from '../../core/clock.js';
import { binaryWire } from '../binary-wire.js';
import { DiskDelivery } from './disk-delivery.js';
import { pooledHex } from './ids.js';
import { StreamDelivery } from './stream-delivery.js';
import type { ContextVariable, Surroundings, Unsent } from './surroundings.js';

/** Node, Bun and Deno. */
export const nodeSurroundings: Surroundings = {
  wire: binaryWire,
  clock: systemClock,
  holdingClock,
  createContext<Value>(): ContextVariable<Value> {
    const storage = new AsyncLocalStorage<Value | undefined>();
    return { get: () => storage.getStore(), run: (value, work) => storage.run(value, work) };
  },
  hash: (text) => createHash('sha256').update(text).digest('hex').slice(0, 16),
  randomHex: pooledHex(() => randomBytes(2_048).toString('hex')),
  random: () => randomInt(0x1_0000_0000_0000 - 1) / 0x1_0000_0000_0000,
  networkCodes: /^(E(CONN(REFUSED|RESET|ABORTED)|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|AI_AGAIN)|ENOTFOUND|ENOMEM)$/,
  environment: (name) => process.env[name],
  diskDelivery({ directory, ...options }) {
    if (directory === undefined) throw new Error('overflow disk needs a directory');
    try {
      return new DiskDelivery({ ...options, directory });
    } catch (error) {
      // A disk that is full, or that is not ours to write to; a producer that makes no sense is another matter.
      if (!(error instanceof Error && 'syscall' in error)) throw error;
      options.onProblem(`cannot use ${directory}, events are kept in memory instead: ${error.message}`);
      const producer = `${options.producer}-${randomBytes(6).toString('hex')}`;
      return new StreamDelivery({ ...options, producer, overflow: 'drop' });
    }
  },
  atEnd: (persist) => listen('exit', persist),
  beforeEnd,
};

/** `process.exit` leaves no time for anything asynchronous: whoever calls it flushes before. */
function beforeEnd({ counts, flush }: Unsent, options: { readonly signals: boolean }): () => void {
  let hasGivenUp = false;
  /** Comes again whenever nothing is left to do: what somebody began after the last time is waited for too. */
  const beforeExit = (): void => {
    const { offered, pending } = counts();
    if (hasGivenUp || pending === 0) return;
    void flush().then(() => {
      const later = counts();
      // What was told meanwhile has a time of its own.
      hasGivenUp = later.offered - later.pending < offered;
    });
  };
  const onSignal = (): void => {
    stopSignal();
    flushing += 1;
    // Others who listen decide when it ends.
    const own = listening.get('SIGTERM')?.call;
    const isOurs = process.listeners('SIGTERM').every((listener) => listener === own);
    void flush().finally(() => {
      flushing -= 1;
      if (flushing === 0 && isOurs) process.kill(process.pid, 'SIGTERM');
    });
  };
  const stopSignal = options.signals ? listen('SIGTERM', onSignal) : () => undefined;
  const stopExit = listen('beforeExit', beforeExit);
  return () => {
    stopExit();
    stopSignal();
  };
}

/** Clients that flush because of a signal. */
let flushing = 0;

type ProcessEvent = 'exit' | 'beforeExit' | 'SIGTERM';

const listening = new Map<ProcessEvent, { readonly called: Set<() => void>; readonly call: () => void }>();

/** One listener of the process for however many clients, which Node would warn of from eleven on. */
function listen(event: ProcessEvent, called: () => void): () => void {
  let shared = listening.get(event);
  if (shared === undefined) {
    const each = new Set<() => void>();
    shared = { called: each, call: () => [...each].forEach((one) => void one()) };
    listening.set(event, shared);
    process.on(event, shared.call);
  }
  const { called: all, call } = shared;
  const one = (): void => called();
  all.add(one);
  return () => {
    all.delete(one);
    if (all.size > 0 || listening.get(event)?.call !== call) return;
    listening.delete(event);
    process.removeListener(event, call);
  };
}
