import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFleet } from '../../src/cli/fleet.js';
import { AgentLedger } from '../../src/cli/fleet-ledger.js';
import { seededRandom } from '../../src/cli/seeded-random.js';
import { createSegmentWriter } from '../../src/clickhouse/segments/segment-insert.js';
import { packageFile } from '../../src/core/package-root.js';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import type { TidemarkEvent } from '../../src/sdk/event.js';
import { columnsOf } from '../../src/sdk/event-columns.js';
import { encodeFrame, stampSeq } from '../../src/sdk/frame-encoder.js';
import { metricsReference } from '../../src/telemetry/metrics-reference.js';
import { defaultFrameLimits } from '../support/default-config.js';
import { EngineStore } from '../support/engine-store.js';
import { columnNames } from '../support/segment-file.js';

interface Target {
  readonly rawSql?: string;
  readonly format?: number;
  readonly expr?: string;
}

interface Panel {
  readonly id: number;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly title: string;
  readonly type: string;
  readonly description?: string;
  readonly targets?: readonly Target[];
}

interface Variable {
  readonly name: string;
  readonly query: string | { readonly rawSql: string };
}

interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
}

const boards = readdirSync(packageFile('clickhouse/grafana/dashboards')).map(
  (name) => JSON.parse(readFileSync(packageFile(`clickhouse/grafana/dashboards/${name}`), 'utf8')) as Dashboard,
);
/** Whose figures are compared with the events. */
const dashboard = boards.find(({ uid }) => uid === 'tidemark-fleet')!;
const database = 'tidemark';
const nowMs = Date.now();
const range = { fromMs: nowMs - 3_600_000, toMs: nowMs + 60_000 };
const fleet = createFleet(seededRandom(11), { agents: 12, token: 'board' });
const events: TidemarkEvent[] = [];
let store: EngineStore;

beforeAll(async () => {
  for (let turn = 0; turn < 180; turn += 1) {
    // Spread over three minutes, so that a series has more than one point.
    events.push(...fleet[turn % fleet.length]!.nextRun(nowMs - (turn % 3) * 60_000));
  }
  store = await EngineStore.withSchema();
  await insert();
});

afterAll(() => store.end());

/** The way of an event: frame, decoder, segment, insert. */
async function insert(): Promise<void> {
  const frame = stampSeq(encodeFrame(columnsOf(events)), 1).slice();
  const { rows, rowCount } = createBatchDecoder(defaultFrameLimits).decode({
    bytes: frame.buffer,
    receivedMs: nowMs,
    clockMs: nowMs,
    frames: [
      {
        offset: 0,
        length: frame.length,
        format: 'msgpack',
        tenant: 'default',
        contentAllowed: false,
        duplicate: false,
        duplicateEvents: [],
      },
    ],
  });
  const dataPath = join(store.directory, 'segment.native');
  writeFileSync(dataPath, rows);
  await createSegmentWriter({ store }, { database, transport: 'infile' }).insert({
    id: 'board',
    dataPath,
    bytes: rows.length,
    rows: rowCount,
    columns: columnNames,
    firstReceivedMs: nowMs,
    lastReceivedMs: nowMs,
  });
}

type Choice = Readonly<Record<string, readonly string[]>>;

/** What Grafana and its ClickHouse plugin make of a query before they send it. */
function substitute(sql: string, chosen: Choice): string {
  const seconds = (timeMs: number): string => `toDateTime(${Math.floor(timeMs / 1_000)})`;
  const day = (timeMs: number): string => `toDate('${new Date(timeMs).toISOString().slice(0, 10)}')`;
  const filled = sql
    .replaceAll(/\$__conditionalAll\((.*), \$(\w+)\)/g, (_, condition: string, name: string) =>
      chosen[name] === undefined ? '1=1' : condition,
    )
    .replaceAll(/\$\{(\w+):singlequote\}/g, (_, name: string) =>
      (chosen[name] ?? []).map((value) => `'${value.replaceAll("'", "\\'")}'`).join(','),
    )
    .replaceAll(/\$__timeFilter\((\w+)\)/g, (_, column: string) => {
      return `${column} >= ${seconds(range.fromMs)} AND ${column} <= ${seconds(range.toMs)}`;
    })
    .replaceAll(/\$__dateFilter\((\w+)\)/g, (_, column: string) => {
      return `${column} >= ${day(range.fromMs)} AND ${column} <= ${day(range.toMs)}`;
    })
    .replaceAll(/\$__timeInterval\((\w+)\)/g, 'toStartOfInterval(toDateTime($1), INTERVAL 60 second)');
  expect(filled).not.toContain('$');
  return filled;
}

const everything: Choice = { tenant: ['default'] };
const sqlPanelsOf = ({ panels, title: board }: Dashboard) =>
  panels.flatMap((panel) =>
    (panel.targets ?? []).flatMap(({ rawSql, format }) =>
      rawSql === undefined ? [] : [{ ...panel, board, rawSql, format }],
    ),
  );
const sqlPanels = sqlPanelsOf(dashboard);
const sqlPanelsOfAll = boards.flatMap(sqlPanelsOf);

function ledgerOf(keep: (event: TidemarkEvent) => boolean): AgentLedger {
  const ledger = new AgentLedger('all');
  for (const event of events) if (keep(event)) ledger.add(event);
  return ledger;
}

async function panelRows(title: string, chosen = everything): Promise<Record<string, unknown>[]> {
  const panel = sqlPanels.find((candidate) => candidate.title === title);
  return store.selectAsGuest(substitute(panel!.rawSql, chosen));
}

test('every panel says what it shows and asks something', () => {
  const panels = boards.flatMap((board) => board.panels).filter(({ type }) => type !== 'row');
  for (const panel of panels) {
    expect(panel.targets?.length ?? 0, panel.title).toBeGreaterThan(0);
    expect(panel.description, panel.title).toMatch(/\.$/);
  }
  expect(sqlPanels.length).toBeGreaterThan(15);
});

test('panels have places and ids of their own, and the data sources that their dashboard lets choose', () => {
  expect(boards.map(({ uid }) => uid).sort()).toEqual(
    ['agent', 'collector', 'failures', 'fleet', 'runs'].map((name) => `tidemark-${name}`),
  );
  for (const { title, panels, templating } of boards) {
    expect(new Set(panels.map(({ id }) => id)).size, title).toBe(panels.length);
    const taken = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    );
    expect(new Set(taken).size, title).toBe(taken.length);
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
    const chosen = templating.list.map(({ name }) => `\${${name}}`);
    for (const { datasource } of panels) if (datasource !== undefined) expect(chosen).toContain(datasource.uid);
  }
});

test.each(sqlPanelsOfAll.map((panel) => [panel.board, panel.title, panel] as const))(
  '%s: "%s" has an answer',
  async (_board, _title, panel) => {
    const rows = await store.selectAsGuest(substitute(panel.rawSql, everything));
    expect(rows.length).toBeGreaterThan(0);
    const [first] = rows;
    // A series needs its time; a number without one is a stat or a table.
    if (panel.type === 'timeseries') {
      expect(panel.format).toBe(0);
      expect(Object.keys(first!)[0]).toBe('time');
      expect(new Set(rows.map(({ time }) => time)).size).toBeGreaterThan(1);
    } else {
      expect(panel.format).toBe(1);
    }
    const values = rows.flatMap((row) => Object.values(row));
    expect(values).not.toContain(null);
  },
);

test('counts, rate and percentiles are those of the events', async () => {
  const { executions, successRate, p95 } = ledgerOf(() => true).figures();
  expect(Number((await panelRows('Executions'))[0]!.executions)).toBe(executions);
  const rateRow = (await panelRows('Success rate'))[0];
  expect(Number(rateRow!.success_rate)).toBeCloseTo(successRate!, 9);
  expect(Math.abs(Number((await panelRows('p95 duration'))[0]!.p95) / p95! - 1)).toBeLessThan(0.02);

  const byOutcome = await panelRows('Executions by outcome');
  const summed = byOutcome.flatMap((row) => [row.completed, row.failed, row.cancelled].map(Number));
  expect(summed.reduce((sum, count) => sum + count, 0)).toBe(executions);
  const failed = events.filter(({ type }) => type === 'task.failed').length;
  expect(failed).toBeGreaterThan(0);
  for (const title of ['Failed tasks by category', 'Most frequent errors']) {
    const rows = await panelRows(title);
    expect(rows.reduce((sum, row) => sum + Number(row.failures), 0)).toBe(failed);
  }
  const own = events.filter(({ usage_scope }) => usage_scope === 'own');
  const cost = own.reduce((sum, event) => sum + (event.cost_micros ?? 0), 0) / 1e6;
  expect(Number((await panelRows('Cost'))[0]!.cost)).toBeCloseTo(cost, 9);
});

test('chosen agents and tenants narrow every panel', async () => {
  const { agentId } = fleet[2]!;
  const chosen = { tenant: ['default'], agent: [agentId, "no'body"] };
  const { executions } = ledgerOf((event) => event.agent_id === agentId).figures();
  expect(Number((await panelRows('Executions', chosen))[0]!.executions)).toBe(executions);
  expect((await panelRows('Agents', chosen)).length).toBe(1);
  const table = sqlPanels.find(({ title, type }) => title === 'Agents' && type === 'table');
  const rows = await store.selectAsGuest<{ agent: string; executions: string }>(substitute(table!.rawSql, chosen));
  expect(rows.map((row) => [row.agent, Number(row.executions)])).toEqual([[agentId, executions]]);
  for (const panel of sqlPanels.filter(({ type }) => type !== 'stat')) {
    expect([panel.title, await store.selectAsGuest(substitute(panel.rawSql, { tenant: ['other'] }))]).toEqual([
      panel.title,
      [],
    ]);
  }
});

test('the variables offer the tenants and agents there are', async () => {
  const offered = new Map<string, string[]>();
  for (const { name, query } of dashboard.templating.list) {
    if (typeof query === 'string') continue;
    const rows = await store.selectAsGuest(substitute(query.rawSql, everything));
    offered.set(
      name,
      rows.map((row) => String(Object.values(row)[0])),
    );
  }
  expect(offered.get('tenant')).toEqual(['default']);
  expect(offered.get('agent')).toEqual(fleet.map(({ agentId }) => agentId).sort());
});

test('every metric that a panel asks Prometheus for is one the collector declares', () => {
  const declared = new Set(
    metricsReference.flatMap(({ name, type }) => (type === 'histogram' ? [`${name}_bucket`] : [name])),
  );
  const asked = boards
    .flatMap(({ panels }) => panels)
    .flatMap(({ targets }) => targets ?? [])
    .flatMap(({ expr }) => expr?.match(/\b(tidemark|agent)_\w+/g) ?? []);
  expect(asked.length).toBeGreaterThan(5);
  expect(asked.filter((name) => !declared.has(name))).toEqual([]);
});
