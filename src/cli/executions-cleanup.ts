import { systemClock } from '../core/clock.js';
import { type Progress, silentProgress } from '../core/progress.js';
import type { Answer, ApiClient } from './frame/api-client.js';
import type { CommandContext } from './frame/command.js';
import { type ExitCode, exitCodes } from './frame/exit-codes.js';
import { daysBefore } from './frame/time-range.js';
import { count } from './frame/told-values.js';
import { createBarProgress, ProgressBars } from './progress-bar.js';

interface CleanupOptions {
  readonly days: number;
  readonly dryRun: boolean;
  /** Runs that are erased at most. */
  readonly limit: number;
  readonly json: boolean;
}

type Run = Answer<'/api/v1/runs'>['runs'][number];

interface Found {
  readonly runIds: readonly string[];
  readonly running: number;
  /** There are more than the limit. */
  readonly isCut: boolean;
}

const pageRuns = 100;
/** As many as one request may name. */
const listRuns = 1_000;

/**
 * Erases runs by lists, by the erasure of the API: each list is written down before anything of it goes, and a row once
 * erased is not counted twice. An interrupt finishes the list under way.
 */
export async function cleanUp(context: CommandContext, api: ApiClient, options: CleanupOptions): Promise<ExitCode> {
  const { out, err } = context;
  const before = daysBefore(systemClock.nowMs(), options.days);
  const found = await findRuns(api, { before, limit: options.limit });
  if (options.dryRun) {
    const { runIds, running, isCut } = found;
    if (options.json) out.json({ started_before: before, dry_run: true, runs: runIds.length, running, more: isCut });
    else {
      out.line(`${count(runIds.length)}${isCut ? ' or more' : ''} runs that started before ${before} would be erased`);
      if (running > 0) out.line(`${count(running)} more still run and would be left`);
    }
    return exitCodes.done;
  }
  const report = await erase(context, api, found.runIds);
  const { runs, pending, rows, isInterrupted } = report;
  if (options.json) {
    const whole = { started_before: before, dry_run: false, runs, pending, rows, running: found.running };
    out.json({ ...whole, more: found.isCut, interrupted: isInterrupted });
  } else {
    const all = Object.values(rows).reduce((sum, each) => sum + each, 0);
    out.line(`${count(runs)} runs that started before ${before} were erased, ${count(all)} rows`);
    if (pending > 0) err.line(`of ${count(pending)} the newest events still wait for their insert, and go after it`);
    if (found.running > 0) err.line(`${count(found.running)} still run and were left`);
    if (isInterrupted) err.line('interrupted: the rest is as it was');
    else if (found.isCut) err.line(`there are more than ${count(options.limit)}: ask again`);
  }
  return isInterrupted ? exitCodes.interrupted : exitCodes.done;
}

/** Their ids first: what is erased would shift the pages. */
async function findRuns(
  api: ApiClient,
  { before, limit }: { readonly before: string; readonly limit: number },
): Promise<Found> {
  const runIds: string[] = [];
  let running = 0;
  let cursor: string | null = null;
  do {
    const given: string | undefined = cursor ?? undefined;
    const page: Answer<'/api/v1/runs'> = await api.get('/api/v1/runs', {
      query: { start_date_to: before, limit: pageRuns, cursor: given },
    });
    running += page.runs.filter(isRunning).length;
    runIds.push(...page.runs.filter((run) => !isRunning(run)).map(({ run_id: id }) => id));
    cursor = page.next_cursor;
  } while (cursor !== null && runIds.length < limit);
  return { runIds: runIds.slice(0, limit), running, isCut: cursor !== null || runIds.length > limit };
}

function isRunning({ status }: Run): boolean {
  return status === 'running';
}

interface ErasureSum {
  readonly runs: number;
  readonly pending: number;
  readonly rows: Readonly<Record<string, number>>;
  readonly isInterrupted: boolean;
}

async function erase(context: CommandContext, api: ApiClient, runIds: readonly string[]): Promise<ErasureSum> {
  const interruption = context.interruption();
  const rows: Record<string, number> = {};
  let [runs, pending] = [0, 0];
  const task = shownProgress(context).begin({ what: 'erasing', unit: 'runs', total: runIds.length });
  try {
    while (runs < runIds.length && !interruption.aborted) {
      const list = runIds.slice(runs, runs + listRuns);
      const report = await api.post('/api/v1/erasures', { body: { runs: list } });
      for (const [table, erased] of Object.entries(report.rows)) rows[table] = (rows[table] ?? 0) + erased;
      runs += list.length;
      if (report.status === 'pending') pending += list.length;
      task.advance(runs);
    }
  } finally {
    task.end();
  }
  return { runs, pending, rows, isInterrupted: interruption.aborted };
}

function shownProgress({ err }: CommandContext): Progress {
  if (!err.isTerminal) return silentProgress;
  return createBarProgress({ clock: systemClock, bars: new ProgressBars(err.stream) });
}
