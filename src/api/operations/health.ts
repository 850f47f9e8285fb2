import { z } from 'zod';
import type { NewestRow } from '../../clickhouse/queries/operations/newest-rows.js';
import { sleep } from '../../core/clock.js';
import { type EventLedger, ledgerDifference } from '../../core/event-ledger.js';
import { type DependencyHealth, healthStatuses } from '../../core/ports/health-probe.js';
import type { HttpReply, HttpRoute } from '../../core/ports/http-route.js';
import { instant, optionalInstant } from '../../core/time-text.js';
import {
  countSchema,
  instantSchema,
  optionalInstantSchema,
  optionalTextSchema,
  textSchema,
} from '../answers/answer-schema.js';
import { type ApiContext, jsonReply } from '../request/api-context.js';
import { parseParameters } from '../request/parameters.js';
import { HealthCheck, type HealthReport } from './health-check.js';
import { NewestRows } from './newest-rows.js';

const parameters = z.strictObject({});

const statusSchema = z.enum(healthStatuses).meta({ id: 'HealthStatus' });

const dependencySchema = z
  .strictObject({
    name: textSchema,
    status: statusSchema,
    reason: optionalTextSchema,
    details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  })
  .meta({ id: 'DependencyHealth' });

const ledgerSchema = z
  .strictObject({
    received: countSchema,
    durable: countSchema,
    duplicate: countSchema,
    rejected: countSchema,
    refused: countSchema,
    underway: countSchema,
    recovered: countSchema,
    inserted: countSchema,
    spooled: countSchema,
    quarantined: countSchema,
    balanced: z.boolean(),
    intake_difference: z.int(),
    delivery_difference: z.int(),
  })
  .meta({ id: 'EventLedger' });

const shallowAnswer = z.strictObject({ status: statusSchema });

const deepSchema = z.strictObject({
  status: statusSchema,
  checked_at: instantSchema,
  dependencies: z.array(dependencySchema),
  ledger: ledgerSchema,
  oldest_undelivered_at: optionalInstantSchema,
  oldest_undelivered_age_ms: countSchema.nullable(),
  newest_rows: z
    .array(
      z
        .strictObject({ table: textSchema, newest_at: optionalInstantSchema, age_ms: countSchema.nullable() })
        .meta({ id: 'NewestRow' }),
    )
    .nullable()
    .meta({ description: 'Of every table, over all tenants, at most 5 s old; null while the store does not answer.' }),
});

const serviceStatusSchema = z
  .strictObject({ name: textSchema, status: statusSchema, details: optionalTextSchema })
  .meta({ id: 'ServiceStatus' });

/** What monitoring clients read; the deep answer stands beside it. */
const systemSummarySchema = z.strictObject({
  overall_status: statusSchema,
  timestamp: instantSchema,
  service_statuses: z.array(serviceStatusSchema),
});

const systemSchema = deepSchema.extend(systemSummarySchema.shape);

/**
 * `GET /health`, for load balancers: 200 while events are accepted, 503 when they are not; public, so it says no more.
 * `GET /health/deep` and `GET /api/v1/monitoring/system/health`, for people: every dependency and the event ledger;
 * 200 with any status, because the answer itself is good.
 */
export function createHealthRoutes(context: ApiContext): HttpRoute[] {
  const check = new HealthCheck(context.probes, context.clock, context.options);
  const { probeMsMax } = context.options;
  const newestRows = new NewestRows(context, { waitMsMax: probeMsMax, ageMsMax: newestRowsMsMax });
  const deep =
    (summary: (report: HealthReport) => object): HttpRoute['handle'] =>
    async (request): Promise<HttpReply> => {
      parseParameters(parameters, request.query);
      const [report, ledger, newest] = await Promise.all([check.report(), settledLedger(context), newestRows.read()]);
      const answer = { ...deepAnswer(report, ledger, context.clock.nowMs()), ...newestAnswer(newest, context) };
      return jsonReply({ ...summary(report), ...answer });
    };
  const operation = {
    tag: 'monitoring',
    summary: 'Every dependency with its status and why, and the ledger of events',
    query: parameters,
  } as const;
  const deepRoute = { method: 'GET', scope: 'read', byUser: true, monitoring: true } as const;
  return [
    {
      method: 'GET',
      path: '/health',
      scope: null,
      withoutCertificate: true,
      operation: {
        id: 'getHealth',
        tag: 'monitoring',
        summary: 'Whether events are accepted, for load balancers: 200 when they are, 503 when not',
        answer: { kind: 'json', schema: shallowAnswer, alsoStatuses: [503] },
      },
      handle: async () => {
        const { overall } = await check.report();
        return jsonReply({ status: overall }, overall === 'unhealthy' ? 503 : 200);
      },
    },
    {
      ...deepRoute,
      path: '/health/deep',
      operation: { id: 'getDeepHealth', ...operation, answer: { kind: 'json', schema: deepSchema } },
      handle: deep(() => ({})),
    },
    {
      ...deepRoute,
      path: '/api/v1/monitoring/system/health',
      operation: { id: 'getSystemHealth', ...operation, answer: { kind: 'json', schema: systemSchema } },
      handle: deep(systemSummary),
    },
  ];
}

function systemSummary(report: HealthReport): z.input<typeof systemSummarySchema> {
  return {
    overall_status: report.overall,
    timestamp: instant(report.checkedAtMs),
    service_statuses: report.dependencies.map((dependency) => ({
      name: dependency.name,
      status: dependency.status,
      details: detailsText(dependency),
    })),
  };
}

/** `cannot reach it (retries 3, url http://…)`: why it is not healthy, and what is known; null when nothing is. */
function detailsText({ reason, details }: DependencyHealth): string | null {
  const known = Object.entries(details)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
  if (known === '') return reason;
  return reason === null ? known : `${reason} (${known})`;
}

/** The newest rows are read from the store, so they are shared for longer than what is in memory. */
const newestRowsMsMax = 5_000;

/** A row may claim a time that has not come: an agent's clock may be ahead, and a minute is named by its begin. */
function newestAnswer(newest: readonly NewestRow[] | null, { clock }: ApiContext) {
  const nowMs = clock.nowMs();
  const rows = newest?.map(({ table, newestMs }) => ({
    table,
    newest_at: optionalInstant(newestMs),
    age_ms: newestMs === null ? null : Math.max(0, nowMs - newestMs),
  }));
  return { newest_rows: rows ?? null };
}

const ledgerReadsMax = 5;
const ledgerPauseMs = 20;

/**
 * The ledger, read again when it does not add up: an event passes from one counter to the next in two steps
 * (a segment is inserted, then released), and a reading between them is off for a moment only.
 */
async function settledLedger({ ledger, clock }: ApiContext): Promise<EventLedger> {
  let reading = await ledger();
  for (let reads = 1; reads < ledgerReadsMax && !isBalanced(reading); reads++) {
    await sleep(clock, ledgerPauseMs);
    reading = await ledger();
  }
  return reading;
}

function isBalanced(ledger: EventLedger): boolean {
  const { intake, delivery } = ledgerDifference(ledger);
  return intake === 0 && delivery === 0;
}

function deepAnswer(report: HealthReport, ledger: EventLedger, nowMs: number) {
  const { oldestUndeliveredMs, ...counts } = ledger;
  const { intake, delivery } = ledgerDifference(ledger);
  return {
    status: report.overall,
    checked_at: instant(report.checkedAtMs),
    dependencies: report.dependencies,
    ledger: {
      ...counts,
      balanced: isBalanced(ledger),
      intake_difference: intake,
      delivery_difference: delivery,
    },
    oldest_undelivered_at: optionalInstant(oldestUndeliveredMs),
    oldest_undelivered_age_ms: oldestUndeliveredMs === null ? null : Math.max(0, nowMs - oldestUndeliveredMs),
  };
}
