import { CollectorRun, type DeepHealth } from './collector-run.js';
import { type Group, groupEvents, groups, type PreparedDirectory, sendGroup } from './prepared-directory.js';

/** What became of a start in a damaged directory. */
export interface StartOutcome {
  /** Null: it ran until it was stopped. */
  readonly exitCode: number | null;
  /** What it wrote to stderr when it ended by itself: one line. */
  readonly lastLine: string;
  /** Warnings and errors of its log. */
  readonly words: readonly string[];
  /** Dependencies that were not healthy at the end, and why. */
  readonly unhealthy: readonly string[];
  readonly quarantined: number;
  /** Events by group that are not in the store, and those there more than once; null: it could not be asked. */
  readonly missing: ReadonlyMap<Group, number> | null;
  readonly twice: ReadonlyMap<Group, number> | null;
  /** Of the rollup by day, against the rows. */
  readonly dayDifference: number | null;
  /** As `twice`, after everything was sent again. */
  readonly twiceAfterResend: ReadonlyMap<Group, number> | null;
}

/** Once the store is ready: what it refuses is said by then. */
const settleMsMax = 15_000;
/** A busy machine may take so long for what it takes. */
const answerMsMax = 60_000;
const resentGroups = groups.filter((group) => group !== 'aside');

/** Starts the collector, waits until it is well or settled, counts, sends everything again, counts, stops it. */
export async function startDamaged(directory: PreparedDirectory): Promise<StartOutcome> {
  const beganMs = performance.now();
  let readyMs = Number.POSITIVE_INFINITY;
  const run = await CollectorRun.begin(directory.path);
  try {
    const { key } = directory;
    let health: DeepHealth | null = null;
    const isDelivered = async () => (await run.metric('tidemark_spool_events')) === 0;
    // A lock that may be another's is watched for ten seconds of it.
    await run.until(
      async () => (await run.refuses(key)) || (await run.health(key)).dependencies.length > 0,
      answerMsMax,
    );
    await run.until(async () => {
      // Who has no key is told by the metrics, which need none.
      if (await run.refuses(key)) return await isDelivered();
      health = await run.health(key);
      const isReady = health.dependencies.some(({ name, details }) => name === 'schema' && details.ready === true);
      const nowMs = performance.now();
      if (isReady) readyMs = Math.min(readyMs, nowMs);
      const hasHadTime = nowMs - readyMs > settleMsMax || nowMs - beganMs > answerMsMax - settleMsMax;
      return (isReady && health.ledger.spooled === 0) || (hasHadTime && run.words.length > 0);
    }, answerMsMax);
    if (run.ended) return endedOutcome(run);
    const counts = await countGroups(run);
    const health2 = await run.health(key).catch(() => health);
    let after: Counts | null = null;
    if (counts !== null) {
      for (const group of resentGroups) await sendGroup(run, key, group).catch(() => []);
      await run.until(isDelivered, answerMsMax / 2);
      after = await countGroups(run);
    }
    if (run.ended) return endedOutcome(run);
    const bad = (health2 as DeepHealth | null)?.dependencies.filter(({ status }) => status !== 'healthy') ?? [];
    return {
      exitCode: null,
      lastLine: '',
      words: run.words,
      unhealthy: bad.map(({ name, status, reason }) => `${name} ${status}: ${reason}`),
      quarantined: (health2 as DeepHealth | null)?.ledger.quarantined ?? 0,
      missing: counts?.missing ?? null,
      twice: counts?.twice ?? null,
      dayDifference: counts?.dayDifference ?? null,
      twiceAfterResend: after?.twice ?? null,
    };
  } finally {
    await run.end('SIGKILL');
  }
}

function endedOutcome(run: CollectorRun): StartOutcome {
  return {
    exitCode: run.exitCode ?? -1,
    lastLine: run.errors.trim(),
    words: run.words,
    unhealthy: [],
    quarantined: 0,
    missing: null,
    twice: null,
    dayDifference: null,
    twiceAfterResend: null,
  };
}

interface Counts {
  readonly missing: ReadonlyMap<Group, number>;
  readonly twice: ReadonlyMap<Group, number>;
  readonly dayDifference: number;
}

async function countGroups(run: CollectorRun): Promise<Counts | null> {
  let counts: Counts | null = null;
  const isCounted = await run.until(async () => {
    const rows = await run.rows<{ readonly task: string; readonly copies: string }>(
      'SELECT task_id AS task, count() AS copies FROM tidemark.agent_events_raw_v1 GROUP BY task_id',
    );
    const [days] = await run.rows<{ readonly total: string }>(
      'SELECT sum(total) AS total FROM tidemark.agent_performance_daily',
    );
    const missing = new Map<Group, number>();
    const twice = new Map<Group, number>();
    for (const group of groups) {
      const own = rows.filter(({ task }) => task.startsWith(`${group}-`));
      if (group !== 'aside' && own.length < groupEvents) missing.set(group, groupEvents - own.length);
      const doubled = own.filter(({ copies }) => Number(copies) > 1).length;
      if (doubled > 0) twice.set(group, doubled);
    }
    const total = rows.reduce((sum, { copies }) => sum + Number(copies), 0);
    counts = { missing, twice, dayDifference: Number(days?.total ?? 0) - total };
    // The rollup of an insert follows its rows.
    return counts.dayDifference === 0;
  }, settleMsMax);
  return isCounted ? counts : (counts as Counts | null);
}
