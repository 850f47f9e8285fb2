import { z } from 'zod';
import { readAgentKnown } from '../../clickhouse/queries/agents/agent-known.js';
import { csvFormulas, exportDays } from '../../clickhouse/queries/agents/daily-export.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { type ExportFormat, exportFormats } from '../../core/ports/store-exporter.js';
import { dayMs } from '../../core/time-span.js';
import { dayText } from '../../core/time-text.js';
import { agentUnknown } from '../request/agent-path.js';
import { type ApiContext, readWithin } from '../request/api-context.js';
import { idParameter, parseParameters, wordParameter } from '../request/parameters.js';
import { dayParameter } from '../request/time-parameters.js';
import { CountedExport } from './counted-export.js';
import { dailyRowSchema } from './daily-row-schema.js';

const defaultDays = 30;

const shape = {
  format: wordParameter(exportFormats).default('csv'),
  from: dayParameter.optional().describe('First UTC day; 30 days up to the last one unless given.'),
  to: dayParameter.optional().describe('Last UTC day; today unless given.'),
  agent_id: idParameter.optional(),
  csv_formulas: wordParameter(csvFormulas)
    .default('escaped')
    .describe(
      'In CSV, a text that a spreadsheet would run as a formula (it begins with = + - @, a tab or the end of a line) ' +
        'gets a single quote in front; raw leaves it as it is. Numbers and other formats are never changed.',
    ),
};

const contentTypes: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv; charset=utf-8; header=present',
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  parquet: 'application/vnd.apache.parquet',
};

/** `GET /api/v1/metrics/export`: the daily rows of a tenant as a file of any size, which passes through. */
export function createMetricsExportRoute(context: ApiContext): HttpRoute {
  const parameters = z.strictObject(shape).superRefine((given, issues) => {
    const { fromDay, toDay } = dayRange(given, context.clock.nowMs());
    // Days compare as text.
    if (fromDay <= toDay) return;
    const message = `expected a UTC date not after the last day, ${toDay}`;
    issues.addIssue({ code: 'custom', path: ['from'], message });
  });
  return {
    method: 'GET',
    path: '/api/v1/metrics/export',
    scope: 'read',
    operation: {
      id: 'exportMetrics',
      tag: 'metrics',
      summary: 'Daily rows of the tenant as a file of any size: a row an agent and day',
      query: parameters,
      answer: {
        kind: 'other',
        contentTypes: exportFormats.map((format) => contentTypes[format]),
        jsonSchema: z.array(dailyRowSchema),
      },
      errors: ['not_found'],
    },
    handle: async (request, { tenant }) => {
      const given = parseParameters(parameters, request.query);
      const { format, agent_id: agentId, csv_formulas: formulas } = given;
      const { fromDay, toDay } = dayRange(given, context.clock.nowMs());
      if (agentId !== undefined) {
        const known = await readWithin(context, request, (store) => readAgentKnown(store, { tenant, agentId }));
        if (!known) throw agentUnknown(agentId);
      }
      const headers = {
        'content-type': contentTypes[format],
        'content-disposition': `attachment; filename="tidemark-daily-${fromDay}-${toDay}.${format}"`,
        'cache-control': 'no-store',
      };
      if (request.method === 'HEAD') return { status: 200, headers };
      const counted = new CountedExport(context.exports, { format, signal: request.signal });
      const { signal } = request;
      const days = { tenant, agentId: agentId ?? null, fromDay, toDay, format, csvFormulas: formulas, signal };
      return { status: 200, headers, body: await counted.of(exportDays(context.exporter, days)) };
    },
  };
}

interface DayShape {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/** Both ends are exported. Without `to`: up to today; without `from`: the 30 days that end with `to`. */
function dayRange({ from, to }: DayShape, nowMs: number) {
  const lastMs = to ?? nowMs;
  const firstMs = from ?? Math.max(0, lastMs - (defaultDays - 1) * dayMs);
  return { fromDay: dayText(firstMs), toDay: dayText(lastMs) };
}
