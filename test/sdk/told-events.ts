import { onTestFinished } from 'vitest';
import { nodeSurroundings } from '../../src/sdk/record/node.js';
import type { TidemarkOptions } from '../../src/sdk/record/options.js';
import { Tidemark } from '../../src/sdk/record/tidemark.js';
import { type ReceivedFrame, scriptedCollector } from './scripted-collector.js';

export type ToldEvent = Readonly<Record<string, unknown>>;

/** The events of a frame, without what they do not have. */
export function eventsOf({ columns, rows }: ReceivedFrame): ToldEvent[] {
  return rows.map((row) => {
    const pairs = columns.map((name, index) => [name, row[index]] as const);
    return Object.fromEntries(pairs.filter(([, value]) => value !== null && value !== undefined));
  });
}

/** A client of a collector that acknowledges everything, and what it was told, in the order of telling. */
export async function told(options: TidemarkOptions = {}) {
  const events: ToldEvent[] = [];
  const collector = await scriptedCollector({
    received(peer, frame) {
      events.push(...eventsOf(frame));
      peer.say({ op: 'ack', seq: frame.seq });
    },
  });
  const problems: string[] = [];
  const tm = new Tidemark(nodeSurroundings, {
    url: collector.url,
    key: 'secret',
    agent: 'scout',
    signals: false,
    // What is told depends on what is asked for, not on how long a test takes.
    batchAgeMs: 60_000,
    onProblem: (text) => problems.push(text),
    ...options,
  });
  onTestFinished(async () => {
    await tm.close({ timeoutMs: 0 });
  });
  /** What has come in, after everything told so far. */
  const heard = async (): Promise<ToldEvent[]> => {
    await tm.flush({ timeoutMs: 60_000 });
    return events;
  };
  return { tm, heard, problems };
}

/** The fields that say what happened to what, as text: `step.failed search#2 tool`. */
export function summary(events: readonly ToldEvent[]): string[] {
  return events.map(({ type, name, attempt, error_category }) => {
    const turn = typeof attempt === 'number' && attempt > 1 ? `#${attempt}` : '';
    return [type, `${name ?? ''}${turn}`, error_category].filter((part) => part !== undefined && part !== '').join(' ');
  });
}
