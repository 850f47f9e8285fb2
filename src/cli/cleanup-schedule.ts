import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { configSource } from '../config/load-config.js';
import { readConfig } from '../config/read-config.js';
import type { ApiClient } from './frame/api-client.js';
import type { CommandContext } from './frame/command.js';
import { misused } from './frame/command-error.js';
import { printTable } from './frame/table.js';
import { count, zonedTime } from './frame/told-values.js';

/** Each table with the days it is kept, as the store has them now. */
export async function printSchedule(
  { out }: CommandContext,
  api: ApiClient,
  options: { readonly json: boolean },
): Promise<void> {
  const { tables } = await api.get('/api/v1/monitoring/storage', {});
  if (options.json) {
    out.json({ tables });
    return;
  }
  printTable(
    out,
    [
      { title: 'table', columnsMin: 20, text: (row) => row.table },
      { title: 'kept days', align: 'right', text: (row) => keptOf(row.retention_days) },
      { title: 'rows', align: 'right', text: (row) => count(row.rows) },
      { title: 'oldest', rank: 1, text: (row) => zonedTime(row.oldest_at) },
    ],
    tables,
  );
}

function keptOf(days: number | null): string {
  return days === null ? 'for good' : count(days);
}

/**
 * Writes the days into the configuration file. Before it takes the place of the old one the whole configuration is
 * loaded with it, so that the next start does not meet a file that it refuses.
 */
export function writeSchedule(
  { env, out }: CommandContext,
  options: { readonly days: number; readonly config: string | undefined; readonly json: boolean },
): void {
  const { days } = options;
  const argv = options.config === undefined ? [] : ['--config', options.config];
  const { path } = configSource({ env, argv });
  if (path === undefined) throw misused('cannot set the days: no configuration file; give --config or TIDEMARK_CONFIG');
  const fixed = ['TIDEMARK_RETENTION_HISTORY_DAYS', 'TIDEMARK_RETENTION_RAW_DAYS'].filter((name) => env[name]);
  if (fixed.length > 0) throw misused(`cannot set the days in ${path}: ${fixed.join(' and ')} would win over it`);
  const settings = existsSync(path) ? settingsOf(path, env) : {};
  const { rawDays } = existsSync(path) ? readConfig({ env, argv: ['--config', path] }).config.retention : defaults(env);
  const retention = { ...settings.retention, historyDays: days, rawDays: Math.min(days, rawDays) };
  replaceFile(path, { ...settings, retention }, env);
  const written = { config: path, history_days: retention.historyDays, raw_days: retention.rawDays };
  if (options.json) out.json(written);
  else {
    out.line(`${path}: runs, tasks and failures are kept ${days} days, raw events ${retention.rawDays}`);
    out.line('it holds from the next start of the collector with this file on');
  }
}

function defaults(env: CommandContext['env']) {
  return readConfig({ env: { ...env, TIDEMARK_CONFIG: '' }, argv: [] }).config.retention;
}

interface Settings {
  readonly retention?: Readonly<Record<string, unknown>>;
}

/** As it is written, once it is known to be sound. */
function settingsOf(path: string, env: CommandContext['env']): Settings {
  readConfig({ env, argv: ['--config', path] });
  return JSON.parse(readFileSync(path, 'utf8')) as Settings;
}

function replaceFile(path: string, settings: Settings, env: CommandContext['env']): void {
  const next = `${path}.next`;
  // It may hold keys: as closed as the one it replaces, or to its owner only.
  const mode = existsSync(path) ? statSync(path).mode & 0o777 : 0o600;
  try {
    writeFileSync(next, `${JSON.stringify(settings, null, 2)}\n`, { mode, flag: 'wx' });
    readConfig({ env, argv: ['--config', next] });
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}
