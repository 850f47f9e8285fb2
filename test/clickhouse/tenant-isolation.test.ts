import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readAgentActivity } from '../../src/clickhouse/queries/agents/agent-activity.js';
import { readAgentBreakdown } from '../../src/clickhouse/queries/agents/agent-breakdown.js';
import { readAgentErrorDays, readAgentErrors } from '../../src/clickhouse/queries/agents/agent-errors.js';
import { readAgentKnown } from '../../src/clickhouse/queries/agents/agent-known.js';
import { readAgentMemory } from '../../src/clickhouse/queries/agents/agent-memory.js';
import { readAgentPage } from '../../src/clickhouse/queries/agents/agent-page.js';
import { readAgentPerformance } from '../../src/clickhouse/queries/agents/agent-performance.js';
import { readAgentSeries } from '../../src/clickhouse/queries/agents/agent-series.js';
import { exportDays } from '../../src/clickhouse/queries/agents/daily-export.js';
import { readErrorDays } from '../../src/clickhouse/queries/agents/error-days.js';
import { readExecutionBucket, readFirstExecutions } from '../../src/clickhouse/queries/agents/execution-split.js';
import { readFailedTimes } from '../../src/clickhouse/queries/agents/failed-times.js';
import { readFleetWindows } from '../../src/clickhouse/queries/agents/fleet-windows.js';
import { readEdgeErrors, readRawErrors } from '../../src/clickhouse/queries/agents/raw-failures.js';
import { readAgentNames } from '../../src/clickhouse/queries/dashboard/agent-names.js';
import { readAgentRegister } from '../../src/clickhouse/queries/dashboard/agent-register.js';
import { readAgentStandings } from '../../src/clickhouse/queries/dashboard/agent-standings.js';
import { readTenantDays } from '../../src/clickhouse/queries/dashboard/tenant-days.js';
import {
  readGlanceAhead,
  readRememberedPage,
  readTenantGlance,
} from '../../src/clickhouse/queries/dashboard/tenant-glance.js';
import { readTenantMinutes } from '../../src/clickhouse/queries/dashboard/tenant-minutes.js';
import { readEngagementDays, readEngagementKnown } from '../../src/clickhouse/queries/engagements/engagement-days.js';
import { readDayFinalizations } from '../../src/clickhouse/queries/operations/day-finalizations.js';
import { readErasures } from '../../src/clickhouse/queries/operations/erasures.js';
import { readTenantRows } from '../../src/clickhouse/queries/operations/storage.js';
import { readPatternEvidence } from '../../src/clickhouse/queries/patterns/pattern-evidence.js';
import { readPatternFeedback } from '../../src/clickhouse/queries/patterns/pattern-feedback.js';
import { readPatternObserver } from '../../src/clickhouse/queries/patterns/pattern-observer.js';
import { readPatternPage } from '../../src/clickhouse/queries/patterns/pattern-page.js';
import { readPatterns } from '../../src/clickhouse/queries/patterns/pattern-rows.js';
import { readWindowRestore } from '../../src/clickhouse/queries/restoration/window-restore.js';
import { readFinalOutput } from '../../src/clickhouse/queries/runs/final-output.js';
import { readFlowPage } from '../../src/clickhouse/queries/runs/flow-page.js';
import { readRunDetail } from '../../src/clickhouse/queries/runs/run-detail.js';
import { readRunEvents } from '../../src/clickhouse/queries/runs/run-events.js';
import { readRunRows } from '../../src/clickhouse/queries/runs/run-list.js';
import { readRunOutcomes } from '../../src/clickhouse/queries/runs/run-outcomes.js';
import { readRunTasks } from '../../src/clickhouse/queries/runs/run-tasks.js';
import { readRunTotals } from '../../src/clickhouse/queries/runs/run-totals.js';
import { readRunsUsage } from '../../src/clickhouse/queries/runs/runs-usage.js';
import type { ErrorRange } from '../../src/clickhouse/queries/sql/rollup-range.js';
import { readTaskDetails } from '../../src/clickhouse/queries/tasks/task-detail.js';
import { readTaskEvents } from '../../src/clickhouse/queries/tasks/task-events.js';
import { readTaskRows } from '../../src/clickhouse/queries/tasks/task-list.js';
import { readTaskLogs } from '../../src/clickhouse/queries/tasks/task-logs.js';
import { readAttemptEvents, readLoggedEvents } from '../../src/clickhouse/queries/work/attempt-event.js';
import { readHeardWork } from '../../src/clickhouse/queries/work/heard-work.js';
import { readHistoryCandidates } from '../../src/clickhouse/queries/work/history-candidates.js';
import { runKind, taskKind } from '../../src/clickhouse/queries/work/history-kind.js';
import { placesReader } from '../../src/clickhouse/queries/work/history-latest.js';
import { readListTouched } from '../../src/clickhouse/queries/work/history-touched.js';
import { readManyAttempts } from '../../src/clickhouse/queries/work/many-attempts.js';
import { readMergedPlaces } from '../../src/clickhouse/queries/work/merged-places.js';
import { readMerged } from '../../src/clickhouse/queries/work/merged-rows.js';
import { readRunActivity } from '../../src/clickhouse/queries/work/run-activity.js';
import { readRunLeaseRenewals } from '../../src/clickhouse/queries/work/run-lease-renewals.js';
import { readTaskLeaseRenewals } from '../../src/clickhouse/queries/work/task-lease-renewals.js';
import { readGroupedAttempts, readWorkAttempts } from '../../src/clickhouse/queries/work/work-attempts.js';
import { wholeColumns } from '../../src/clickhouse/queries/work/work-event.js';
import { readOwnerByTasks, readOwners } from '../../src/clickhouse/queries/work/work-owner.js';
import { runScope, taskScope } from '../../src/clickhouse/queries/work/work-scope.js';
import type { ReadMemory } from '../../src/core/ports/read-memory.js';
import type { StoreReader } from '../../src/core/ports/store-reader.js';
import { openQueryStore, type QueryStore } from '../api/api-store.js';
import { failureReads } from './failure-reads.js';
import { baseMs, dayMs, eventsOfTenant, heardSinceMs, minuteMs } from './two-tenants.js';

let store: QueryStore;
/** Of the store alone, or of what is remembered of it, for all tenants in one memory. */
let reader: StoreReader;
const remembering = () => ({ ...store.reader, memory: memory() });
/** As a request has it. */
function memory(): ReadMemory {
  const opened = store.memory.open();
  if (opened === null) throw new Error('the store of the test has no memory');
  return opened;
}

const run = 'run one of b on 0';
const task = `task of ${run}`;
const agentIds = ['a', 'b', 'c', 'd', 'e'];
const runIds = [0, 1, 2].flatMap((day) => ['one', 'three'].map((name) => `run ${name} of b on ${day}`));
const openRuns = [`open ${task}`, run];
const taskIds = [task, `other ${task}`, `open ${task}`, `bare ${task}`];
const loose = { agents: new Set(agentIds), tasks: taskIds.map((id) => ({ id, agent: 'a' })) };
const midnightMs = Math.floor(baseMs / dayMs) * dayMs;
const span = { fromMs: baseMs - dayMs, toMs: baseMs + 30 * minuteMs };
const minutes = { fromMs: midnightMs, toMs: midnightMs + dayMs };
const days = { fromMs: midnightMs - 2 * dayMs, toMs: midnightMs };
const none = { fromMs: 0, toMs: 0 };

async function attemptsOf(read: typeof readWorkAttempts, tenant: string) {
  return [
    await read(reader, await scopeOfRun(tenant), { limit: 50, contexts: true }),
    await read(reader, taskScope({ tenant, taskId: task, runId: run, agentId: 'b' }), {
      limit: 2,
      only: 'attempts',
    }),
  ];
}

const failingAsked = {
  baseline: days,
  finishedMin: 1,
  baselineFinishedMin: 1,
  errorRateMin: 1,
  risePointsMin: 1,
  agentsMax: 10,
};
const standingsAsked = {
  baselineDayMs: midnightMs - 2 * dayMs,
  recentDayMs: midnightMs - dayMs,
  rankedDayMs: midnightMs - 2 * dayMs,
  endDayMs: midnightMs + dayMs,
  ranking: { finishedMin: 1, placesMax: 10, zScore: 1.96 },
  slowness: { recentMin: 1, baselineMin: 1, ratioMin: 0.1, agentsMax: 10 },
};

const glanceAsked = (tenant: string) => ({
  tenant,
  day: span,
  week: days,
  month: days,
  failing: failingAsked,
  standings: standingsAsked,
});

/** Every way to read of one tenant, by the name of what reads. */
const reads: Readonly<Record<string, (tenant: string) => Promise<unknown>>> = {
  readAgentActivity: (tenant) => readAgentActivity(reader, { tenant, agentIds, ...span }),
  readAgentBreakdown: (tenant) =>
    Promise.all(
      (['version', 'model', 'provider', 'environment'] as const).map((groupBy) =>
        readAgentBreakdown(reader, { tenant, agentId: 'b' }, { span, groupBy, limit: 1 }),
      ),
    ),
  readAgentErrors: async (tenant) => {
    const ranges: ErrorRange[] = [
      { days, raw: [], covered: days },
      { days: none, raw: [minutes], covered: minutes },
      { days, raw: [minutes], covered: { fromMs: days.fromMs, toMs: minutes.toMs } },
    ];
    return Promise.all(ranges.map((range) => readAgentErrors(reader, { tenant, agentId: 'b' }, { range, limit: 9 })));
  },
  readErrorDays: (tenant) => readErrorDays(store.reader, memory(), { tenant, agentId: 'b' }, days),
  readEdgeErrors: (tenant) => readEdgeErrors(store.reader, memory(), { tenant, agentId: 'b' }, [minutes]),
  readRawErrors: (tenant) =>
    readRawErrors(store.reader, memory(), { tenant, agentId: 'b' }, { span: minutes, limit: 9 }),
  readAgentErrorDays: (tenant) =>
    readAgentErrorDays(reader, { tenant, agentId: 'b' }, { range: { days, raw: [minutes], covered: null }, limit: 9 }),
  readFleetWindows: async (tenant) => {
    const read = agentIds.map((agentId) =>
      readFleetWindows(reader, { tenant, agentId }, { nowMs: span.toMs, windowsMs: [minuteMs, dayMs] }),
    );
    return (await Promise.all(read)).map(({ windows, ...rest }) => ({ ...rest, windows: [...windows] }));
  },
  readAgentKnown: (tenant) => Promise.all(agentIds.map((agentId) => readAgentKnown(reader, { tenant, agentId }))),
  readAgentMemory: (tenant) => readAgentMemory(reader, { tenant, agentId: 'b' }, span),
  readAgentNames: async (tenant) => [...(await readAgentNames(reader, { tenant, agentIds }))],
  readAgentPage: (tenant) =>
    Promise.all(['', 'b'].map((afterAgentId) => readAgentPage(reader, { tenant, afterAgentId, limit: 1 }))),
  readFailedTimes: (tenant) => {
    const range = { days: none, minutes: [minutes], splitMs: midnightMs, dayLeftOutMs: null };
    return readFailedTimes({ ...store.reader, memory: memory() }, { tenant, agentId: 'b' }, range);
  },
  readExecutionBucket: (tenant) =>
    Promise.all(
      [
        { days, minutes: [] },
        { days: none, minutes: [minutes] },
        { days, minutes: [minutes] },
      ].map((range) =>
        readExecutionBucket(
          reader,
          { tenant, agentId: 'b' },
          { ...range, splitMs: midnightMs, dayLeftOutMs: null },
          'middle',
        ),
      ),
    ),
  readFirstExecutions: (tenant) => readFirstExecutions(reader, { tenant, agentId: 'b' }, { span: days, count: 1_000 }),
  readOwners: (tenant) =>
    readOwners(reader, runKind, { tenant, user: 'user', ids: ['run one of b on 0', 'run one of a on 0'] }),
  readOwnerByTasks: (tenant) => readOwnerByTasks(reader, { tenant, user: 'user', runId: 'run three of b on 0' }),
  readAgentPerformance: (tenant) =>
    Promise.all(
      [
        { days, minutes: [] },
        { days: none, minutes: [minutes] },
        { days, minutes: [minutes] },
      ].map((range) =>
        readAgentPerformance(reader, { tenant, agentId: 'b' }, { ...range, splitMs: midnightMs, dayLeftOutMs: null }),
      ),
    ),
  readAgentRegister: (tenant) =>
    readAgentRegister(reader, {
      tenant,
      dayFromMs: baseMs,
      weekFromMs: baseMs - 7 * dayMs,
      monthFromMs: baseMs - 30 * dayMs,
    }),
  readAgentSeries: (tenant) =>
    Promise.all(
      [dayMs, minuteMs].map((stepMs) =>
        readAgentSeries(
          reader,
          { tenant, agentId: 'b' },
          { fromMs: midnightMs - dayMs, toMs: midnightMs + dayMs, stepMs, columns: ['successful', 'cost_micros'] },
        ),
      ),
    ),
  readAgentStandings: (tenant) => readAgentStandings(reader, { tenant, ...standingsAsked }),
  exportDays: async (tenant) => {
    const exported: string[] = [];
    const { signal } = new AbortController();
    const fromDay = new Date(midnightMs - 2 * dayMs).toISOString().slice(0, 10);
    const toDay = new Date(midnightMs).toISOString().slice(0, 10);
    for (const agentId of [null, 'b']) {
      for (const format of ['csv', 'ndjson'] as const) {
        const asked = { tenant, agentId, fromDay, toDay, format, csvFormulas: 'escaped', signal } as const;
        const chunks: Uint8Array[] = [];
        for await (const chunk of await exportDays(store.exporter, asked)) chunks.push(chunk);
        exported.push(Buffer.concat(chunks).toString());
      }
    }
    return exported;
  },
  readDayFinalizations: (tenant) => readDayFinalizations(reader, { tenant, limit: 10 }),
  readEngagementDays: (tenant) => readEngagementDays(reader, { tenant, engagementId: 'deal of a' }, days),
  readEngagementKnown: (tenant) => readEngagementKnown(reader, { tenant, engagementId: 'deal of a' }),
  readFlowPage: (tenant) => readFlowPage(reader, { tenant, span: days, limit: 1_000 }),
  readErasures: (tenant) =>
    Promise.all([null, 'erased run', 'erased user'].map((id) => readErasures(reader, { tenant, id, limit: 9 }))),
  ...failureReads(() => reader, { span, run }),
  readFinalOutput: async (tenant) => [
    await readFinalOutput(reader, await scopeOfRun(tenant)),
    await readFinalOutput(reader, taskScope({ tenant, taskId: `other ${task}`, runId: run, agentId: 'b' })),
  ],
  readHeardWork: (tenant) =>
    Promise.all(
      [false, true].map((areManyRuns) => readHeardWork(reader, { tenant, sinceMs: heardSinceMs, areManyRuns })),
    ),
  readHistoryCandidates: (tenant) =>
    Promise.all(
      [taskKind, runKind].flatMap((kind) =>
        [
          undefined,
          ...[undefined, { isOnePage: true }].map((crowd) => {
            const [runs, named] = crowd === undefined ? [new Set(openRuns), loose] : [null, null];
            const read = async () => ({ sinceMs: heardSinceMs, runs, loose: named });
            return { sinceMs: heardSinceMs, crowd, read };
          }),
        ].map((heard) =>
          readHistoryCandidates(
            reader,
            kind,
            { tenant, ...(heard === undefined ? {} : { status: 'orphaned' as const }) },
            { limit: 20, heard },
          ),
        ),
      ),
    ),
  readMerged: (tenant) =>
    Promise.all(
      [taskKind, runKind].map((kind) =>
        readMerged(reader, kind, {
          name: 'merged',
          where: 'tenant = {tenant:String}',
          params: { tenant },
          columns: wholeColumns,
        }),
      ),
    ),
  readMergedPlaces: (tenant) =>
    Promise.all(
      [undefined, { version: '1', rows: 1, rowsBefore: 0 }].map((since) =>
        readMergedPlaces(reader, taskKind, {
          name: 'places',
          ids: taskIds,
          since,
          params: { tenant },
          texts: ['user_id'],
          mayHold: 'tenant = {tenant:String}',
          hasText: null,
        }),
      ),
    ),
  readListTouched: (tenant) => {
    const since = new Map([['agent_task_history_v1', []]] as const);
    const touched = (errorCategory: string, ids: readonly string[]) =>
      readListTouched(reader, taskKind, { tenant, errorCategory }, { ids, since });
    return Promise.all([touched('tool', []), touched('model', []), touched('user', ['task of run three of a on 0'])]);
  },
  placesReader: (tenant) => placesReader(taskKind)(reader, { tenant }, { ids: taskIds }),
  // Told is only whether there are any: the first tenant's stand-in has none.
  readPatternEvidence: (tenant) => readPatternEvidence(reader, { tenant, patternId: 'pattern' }),
  readPatternFeedback: (tenant) => readPatternFeedback(reader, { tenant, patternIds: ['pattern', 'q'] }),
  readPatternObserver: (tenant) => readPatternObserver(reader, { tenant, patternId: 'pattern' }),
  readPatternPage: (tenant) =>
    readPatternPage(reader, {
      tenant,
      patternType: undefined,
      agentId: undefined,
      confidenceMin: undefined,
      after: undefined,
      limit: 9,
    }),
  readPatterns: (tenant) => readPatterns(reader, { tenant, patternIds: ['pattern', 'q'] }),
  readRunActivity: (tenant) => readRunActivity(reader, { tenant, runId: run }),
  readRunDetail: (tenant) => readRunDetail(reader, { tenant, runId: run }),
  readRunLeaseRenewals: (tenant) =>
    readRunLeaseRenewals(reader, { tenant, runIds: openRuns, agentIds, sinceMs: heardSinceMs }),
  readRunRows: (tenant) => readRunRows(reader, { tenant }, { ids: runIds }),
  readRunOutcomes: (tenant) => readRunOutcomes(reader, { tenant }, { ids: runIds }),
  readRunEvents: async (tenant) => {
    const key = { tenant, runId: run };
    const events = await readRunEvents(reader, key, (await readRunActivity(reader, key))!);
    return [events!.detail(), events!.tasks({ limit: 9 }), events!.attempts(null, { limit: 9 })];
  },
  readRunTasks: (tenant) => readRunTasks(reader, { tenant, runId: run }, { limit: 2 }),
  readRunTotals: (tenant) => readRunTotals(reader, { tenant, runIds }),
  readRunsUsage: (tenant) => readRunsUsage(reader, { tenant, runIds }),
  readTenantRows: (tenant) =>
    readTenantRows(store.metadata, { tenant, tables: ['agent_events_raw_v1', 'agent_failures_v1'] }),
  readTaskDetails: (tenant) => readTaskDetails(reader, { tenant, taskId: task }),
  readTaskLeaseRenewals: (tenant) =>
    readTaskLeaseRenewals(reader, {
      tenant,
      taskIds,
      taskIdsOfSilentRuns: taskIds,
      runIds: openRuns,
      sinceMs: heardSinceMs,
    }),
  readTaskRows: (tenant) => readTaskRows(reader, { tenant }, { ids: taskIds }),
  readTaskEvents: (tenant) => readTaskEvents(reader, taskScope({ tenant, taskId: task, runId: run, agentId: 'b' })),
  readLoggedEvents: (tenant) =>
    readLoggedEvents(reader, taskScope({ tenant, taskId: task, runId: run, agentId: 'b' }), 50),
  readTaskLogs: (tenant) => readTaskLogs(reader, taskScope({ tenant, taskId: task, runId: run, agentId: 'b' })),
  readTenantDays: (tenant) => readTenantDays(reader, { tenant, ...days }),
  readTenantMinutes: (tenant) => readTenantMinutes(reader, { tenant, ...span }, failingAsked),
  readTenantGlance: async (tenant) => {
    const { names, ...glance } = await readTenantGlance(reader, glanceAsked(tenant));
    return { ...glance, names: await names(agentIds) };
  },
  readGlanceAhead: async (tenant) => {
    const asRemembering = remembering();
    await readGlanceAhead(asRemembering, glanceAsked(tenant));
    return readRememberedPage(asRemembering, glanceAsked(tenant), { afterAgentId: 'a', limit: 2 });
  },
  readRememberedPage: async (tenant) => {
    const asRemembering = remembering();
    await readTenantGlance(asRemembering, glanceAsked(tenant));
    return readRememberedPage(asRemembering, glanceAsked(tenant), { afterAgentId: 'a', limit: 2 });
  },
  readWorkAttempts: (tenant) => attemptsOf(readWorkAttempts, tenant),
  readAttemptEvents: async (tenant) =>
    await readAttemptEvents(reader, await scopeOfRun(tenant), { contexts: true, limit: 50 }),
  readManyAttempts: async (tenant) => await readManyAttempts(reader, await scopeOfRun(tenant)),
  readGroupedAttempts: (tenant) => attemptsOf(readGroupedAttempts, tenant),
};

/** These read of every tenant at once. */
const ofAllTenants = [
  'readFullestPartition',
  'readLastSettlement',
  'readNewestRows',
  'readRememberedWork',
  'readStorage',
  'readStoreState',
  'readWindowRestore',
];

async function scopeOfRun(tenant: string) {
  const key = { tenant, runId: run };
  const activity = await readRunActivity(reader, key);
  if (activity === undefined) throw new Error('the run has no activity');
  return runScope(key, activity);
}

async function restored(agentsMax = 100): Promise<Map<string, unknown[]>> {
  const range = { receivedBeforeMs: baseMs + 8 * minuteMs, nowMs: baseMs + 20 * minuteMs, agentsMax };
  const byTenant = new Map<string, unknown[]>();
  for await (const page of readWindowRestore(reader, range)) {
    for (const row of page) byTenant.set(row.tenant, [...(byTenant.get(row.tenant) ?? []), row]);
  }
  return byTenant;
}

const before = new Map<string, unknown>();
const rememberedBefore = new Map<string, unknown>();
let restoredBefore: unknown[] | undefined;

beforeAll(async () => {
  store = await openQueryStore();
  reader = store.reader;
  await store.insert(eventsOfTenant('mine', false));
  await addLedgers('mine', 1);
  for (const [name, read] of Object.entries(reads)) {
    reader = store.reader;
    before.set(name, await read('mine'));
    reader = remembering();
    rememberedBefore.set(name, await read('mine'));
  }
  reader = store.reader;
  restoredBefore = (await restored()).get('mine');
  await store.insert(eventsOfTenant('theirs', true));
  await addLedgers('theirs', 2);
});

afterAll(() => store.close());

/** What the maintenance writes beside the events. */
async function addLedgers(tenant: string, number: number): Promise<void> {
  const at = `fromUnixTimestamp64Milli(${baseMs + number})`;
  await store.run(`INSERT INTO day_finalizations_v1 (day, finalized_at, received_before, tenant, agents, events)
    SELECT yesterday(), ${at}, ${at}, '${tenant}', 1, ${number}`);
  for (const [kind, id] of ['run', 'user'].map((name) => [name, `erased ${name}`])) {
    const erasure = `${kind} ${tenant}`;
    await store.run(`INSERT INTO erasures_v1 (tenant, erasure_id, kind, requested_by, requested_at, version)
      SELECT '${tenant}', '${erasure}', '${kind}', '${tenant}', ${at}, 1`);
    await store.run(`INSERT INTO erased_ids_v1 (tenant, kind, id_hash, erasure_id, until, erased_at)
      SELECT '${tenant}', '${kind}', lower(hex(SHA256('${tenant}\\n${kind}\\n${id}'))), '${erasure}', ${at}, ${at}`);
  }
}

describe('another tenant with the same ids changes nothing of what is read of one', () => {
  test.each(Object.keys(reads))('%s', async (name) => {
    const read = reads[name]!;
    expect(await read('mine')).toEqual(before.get(name));
    // What could not be told apart would prove nothing.
    expect(await read('theirs')).not.toEqual(before.get(name));
  });

  test.each(Object.keys(reads))('%s, of what is remembered', async (name) => {
    const read = reads[name]!;
    // Either may be what the memory then has for both: each is asked after the other, first read and then remembered.
    for (const tenant of ['theirs', 'mine', 'theirs', 'mine']) {
      reader = remembering();
      const answer = expect(await read(tenant));
      if (tenant === 'mine') answer.toEqual(rememberedBefore.get(name));
      else answer.not.toEqual(rememberedBefore.get(name));
    }
    reader = store.reader;
  });

  test('readWindowRestore', async () => {
    const after = await restored();
    expect(after.get('mine')).toEqual(restoredBefore);
    expect(after.get('theirs')?.length).toBeGreaterThan(restoredBefore?.length ?? 0);
    // The five agents that were heard of last are the other's; two of the first have the same names.
    expect([...(await restored(5)).keys()]).toEqual(['theirs']);
  });
});

test('every read of the store is asked here, or is one of all tenants', async () => {
  const directory = new URL('../../src/clickhouse/queries/', import.meta.url);
  const found: string[] = [];
  for (const file of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) {
      continue;
    }
    const module: Record<string, unknown> = await import(new URL(file, directory).href);
    found.push(...Object.keys(module).filter((name) => /^(read|export|places)[A-Z]/.test(name)));
  }
  found.push('placesReader');
  expect([...new Set(found)].sort()).toEqual([...Object.keys(reads), ...ofAllTenants].sort());
});
