import { cpSync, lstatSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { adminKeyOf, awayStore, CollectorRun } from './collector-run.js';

/**
 * Where the events of a group lie: in the store; in the store, with the log of their segment still to be removed; in a
 * closed segment; in the segment that a kill left open; in a segment that was set aside.
 */
export const groups = ['inserted', 'released', 'closed', 'open', 'aside'] as const;
export type Group = (typeof groups)[number];

/** Events of a group: half are sent with an Idempotency-Key, half have an event id. */
export const groupEvents = 40;

export interface PreparedDirectory {
  readonly path: string;
  readonly key: string;
  /** Segment ids by group, of those that have files. */
  readonly segments: Readonly<Record<Exclude<Group, 'inserted'>, string>>;
}

/** A data directory as a killed collector may leave it, with something of every kind in it. */
export async function prepareDirectory(path: string): Promise<PreparedDirectory> {
  const spool = join(path, 'spool');
  const idsIn = () => [...new Set(readdirSync(spool).map((name) => /^([0-9a-f-]{36})\./.exec(name)?.[1]))];
  const known = new Set<string | undefined>([undefined]);
  const newId = (): string => {
    const id = idsIn().find((found) => !known.has(found));
    if (id === undefined) throw new Error(`no new segment in ${readdirSync(spool).join(' ')}`);
    known.add(id);
    return id;
  };
  await sent(path, 'inserted', { env: {}, signal: 'SIGTERM' });
  const key = adminKeyOf(path);
  await sentByBoundedKey(path, key);
  await sent(path, 'released', { env: awayStore, signal: 'SIGTERM' });
  const released = newId();
  const log = readFileSync(join(spool, `${released}.log`));
  await sent(path, null, { env: {}, signal: 'SIGTERM' });
  await sent(path, 'aside', { env: awayStore, signal: 'SIGTERM' });
  const aside = newId();
  for (const kind of ['data', 'log'])
    renameSync(join(spool, `${aside}.${kind}`), join(spool, `${aside}.${kind}.quarantined`));
  await sent(path, 'closed', { env: awayStore, signal: 'SIGTERM' });
  const closed = newId();
  await sent(path, 'open', { env: awayStore, signal: 'SIGKILL' });
  const open = newId();
  writeFileSync(join(spool, `${released}.released`), log);
  return { path, key, segments: { released, aside, closed, open } };
}

/** Leaves an entry of the audit log, and what a key with a daily quota has sent; the event is of no group. */
async function sentByBoundedKey(path: string, admin: string): Promise<void> {
  const run = await CollectorRun.begin(path, awayStore);
  try {
    const listening = await run.until(async () => (await run.health(admin)).dependencies.length > 0, 30_000);
    if (!listening) throw new Error(`the collector does not listen: ${run.output}${run.errors}`);
    const { body } = await run.ask('POST', '/api/v1/keys', admin, {
      scopes: ['ingest'],
      limits: { events_per_day: 9 },
    });
    const event = { type: 'task.completed', agent_id: 'agent', task_id: 'of-no-group', duration_ms: 5 };
    const status = await run.post([event], (body as { key: string }).key);
    if (status !== 202) throw new Error(`the event of a bounded key is answered ${status}`);
  } finally {
    await run.end('SIGTERM');
  }
}

export function copyDirectory(from: string, to: string): void {
  // A socket that a killed collector left is nothing to copy.
  const filter = (path: string) => !lstatSync(path).isSocket();
  cpSync(from, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true, filter });
}

/** Sends a group twice over: the second time as a client does that missed the answer. */
export async function sendGroup(run: CollectorRun, key: string, group: Group): Promise<number[]> {
  const { keyed, named } = eventsOf(group);
  return [await run.post(keyed, key, `group-${group}`), await run.post(named, key)];
}

function eventsOf(group: Group): { readonly keyed: object[]; readonly named: object[] } {
  const all = Array.from({ length: groupEvents }, (_, index) => ({
    type: 'task.completed',
    agent_id: 'agent',
    task_id: `${group}-${index}`,
    duration_ms: 5,
  }));
  const half = groupEvents / 2;
  return { keyed: all.slice(0, half), named: all.slice(half).map((event) => ({ ...event, event_id: event.task_id })) };
}

/** One run of a collector: it takes a group, or nothing, and ends when nothing of it waits for the store. */
async function sent(
  path: string,
  group: Group | null,
  how: { readonly env: Readonly<Record<string, string>>; readonly signal: 'SIGTERM' | 'SIGKILL' },
): Promise<void> {
  const run = await CollectorRun.begin(path, how.env);
  try {
    const listening = await run.until(async () => (await run.health(adminKeyOf(path))).dependencies.length > 0, 30_000);
    if (!listening) throw new Error(`the collector does not listen: ${run.output}${run.errors}`);
    if (group !== null) {
      const statuses = await sendGroup(run, adminKeyOf(path), group);
      if (statuses.some((status) => status !== 202)) throw new Error(`events are answered ${statuses}`);
    }
    if (how.env === awayStore) return;
    const isDelivered = async () => {
      const { dependencies, ledger } = await run.health(adminKeyOf(path));
      const isReady = dependencies.some(({ name, details }) => name === 'schema' && details.ready === true);
      return isReady && ledger.spooled === 0;
    };
    if (!(await run.until(isDelivered, 60_000))) throw new Error(`the events are not inserted: ${run.output}`);
  } finally {
    await run.end(how.signal);
  }
}
