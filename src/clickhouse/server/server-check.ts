import { z } from 'zod';
import { CollectorError, errorMessage } from '../../core/errors.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { storeErrorNumber } from '../classify-error.js';
import { unsafeTableStatements } from '../durable-tables.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { integer64 } from '../queries/sql/column-types.js';
import { oneBlockSettings } from '../segments/segment-insert.js';
import type { ServerCheckOptions, ServerFinding } from './server-finding.js';
import { missingGrants } from './server-grants.js';

/** The oldest release with everything the statements use; newer ones, known or not, are tried. */
export const versionMin = { text: '25.8', major: 25, minor: 8 } as const;

/** Looks at a server as the user that writes to it. Rejects as `StoreReader.rows` when it does not answer. */
export async function checkServer(store: StoreReader, options: ServerCheckOptions): Promise<ServerFinding[]> {
  const findings: ServerFinding[] = [];
  for (const check of [ofVersion, ofGrants, ofUserSettings, ofQuotas, ofTokens, ofMerges, ofCluster]) {
    try {
      findings.push(...(await check(store, options)));
    } catch (error) {
      if (storeErrorNumber(error) === null) throw error;
      const cause = errorMessage(error instanceof CollectorError ? (error.cause ?? error) : error).slice(0, 160);
      findings.push({ what: `cannot look at ${check.name.slice(2)}: ${cause}`, mend: grantOf(error), isFault: false });
    }
  }
  return findings;
}

const accessDenied = 497;

function grantOf(error: unknown): string {
  if (storeErrorNumber(error) !== accessDenied) return 'see what the server says';
  return 'GRANT SELECT ON system.*, SHOW QUOTAS ON *.* TO the user of the collector';
}

const identityRow = z.object({ version: z.string(), timezone: z.string(), user: z.string() });

export async function readIdentity(store: StoreReader): Promise<z.output<typeof identityRow>> {
  const [row] = await checkedRows(store, identityRow, {
    name: 'server_identity',
    sql: 'SELECT version() AS version, timezone() AS timezone, currentUser() AS user',
    params: {},
  });
  return row ?? { version: '', timezone: '', user: '' };
}

async function ofVersion(store: StoreReader): Promise<ServerFinding[]> {
  const { version } = await readIdentity(store);
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > versionMin.major || (major === versionMin.major && minor >= versionMin.minor)) return [];
  const what = `ClickHouse ${version} is older than ${versionMin.text}, from which on every statement is understood`;
  return [{ what, mend: `update the server to ${versionMin.text} or newer`, isFault: true }];
}

/** Also looked at alone, before the schema is made. Rejects as `StoreReader.rows`. */
export async function ofGrants(store: StoreReader, options: ServerCheckOptions): Promise<ServerFinding[]> {
  const { user } = await readIdentity(store);
  return await missingGrants(store, { ...options, user });
}

const settingRow = z.object({ name: z.string(), value: z.string(), readonly: integer64, max: z.string().nullable() });

/** Limits of the profile that a segment or a migration can run into, and settings that the user may not change. */
async function ofUserSettings(store: StoreReader): Promise<ServerFinding[]> {
  const { user } = await readIdentity(store);
  const sent = Object.keys(oneBlockSettings(''));
  const rows = await checkedRows(store, settingRow, {
    name: 'settings_of_the_user',
    sql: `
      SELECT name, value, toUInt8(readonly) AS readonly, max FROM system.settings
      WHERE name IN {sent:Array(String)} OR name IN ('readonly', 'max_execution_time')`,
    params: { sent },
  });
  const findings: ServerFinding[] = [];
  const alter = (setting: string) => `ALTER USER ${user} SETTINGS ${setting}`;
  for (const { name, value, readonly } of rows) {
    if (name === 'readonly' && value !== '0') {
      findings.push({
        what: `user ${user} may not write (readonly = ${value})`,
        mend: alter('readonly = 0'),
        isFault: true,
      });
    } else if (name === 'max_execution_time' && value !== '0' && Number(value) < executionSecondsMin) {
      const what = `statements of user ${user} end after ${value} s; a large insert or a migration may take longer`;
      findings.push({ what, mend: alter(`max_execution_time = ${executionSecondsMin}`), isFault: false });
    } else if (sent.includes(name) && readonly === 1) {
      const what = `user ${user} may not change ${name}, which inserts are sent with`;
      findings.push({ what, mend: alter(`${name} CHANGEABLE_IN_READONLY`), isFault: true });
    }
  }
  const known = new Set(rows.map(({ name }) => name));
  for (const name of sent.filter((each) => !known.has(each))) {
    const mend = `update the server to ${versionMin.text} or newer`;
    findings.push({ what: `the server has no setting ${name}, which inserts are sent with`, mend, isFault: true });
  }
  return findings;
}

/** As long as the collector waits for a statement. */
const executionSecondsMin = 120;

const quotaRow = z.object({ quota_name: z.string(), seconds: integer64, limits: z.string() });

async function ofQuotas(store: StoreReader): Promise<ServerFinding[]> {
  const rows = await checkedRows(store, quotaRow, {
    name: 'quotas_of_the_user',
    sql: `
      SELECT quota_name, ifNull(duration, 0) AS seconds,
        arrayStringConcat(arrayFilter(text -> text != '', [
          if(max_queries > 0, concat('queries ', toString(max_queries)), ''),
          if(max_query_inserts > 0, concat('inserts ', toString(max_query_inserts)), ''),
          if(max_errors > 0, concat('errors ', toString(max_errors)), ''),
          if(max_written_bytes > 0, concat('written bytes ', toString(max_written_bytes)), ''),
          if(max_execution_time > 0, concat('seconds ', toString(max_execution_time)), '')
        ]), ', ') AS limits
      FROM system.quota_usage WHERE limits != ''`,
    params: {},
  });
  return rows.map(({ quota_name: name, seconds, limits }) => ({
    what: `quota ${name} limits the user within ${seconds} s: ${limits}; what is beyond waits in the spool`,
    mend: `ALTER QUOTA ${name} FOR INTERVAL ${seconds} SECOND NO LIMITS`,
    isFault: false,
  }));
}

const tableRow = z.object({ name: z.string(), engine: z.string(), engine_full: z.string() });
const defaultRow = z.object({ name: z.string(), value: z.string() });

const tokenSettings = {
  plain: { non_replicated_deduplication_window: 1_000 },
  replicated: { replicated_deduplication_window: 1_000, replicated_deduplication_window_seconds: 86_400 },
} as const;

/** How long tables that inserts reach remember tokens: a segment that is sent again after that counts twice. */
async function ofTokens(store: StoreReader, { cluster, database }: ServerCheckOptions): Promise<ServerFinding[]> {
  const [tables, defaults] = await Promise.all([
    checkedRows(store, tableRow, {
      name: 'tables_of_inserts',
      sql: `
        SELECT name, engine, engine_full FROM system.tables
        WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name LIKE 'agent\\\\_%\\\\_v_'`,
      params: {},
    }),
    checkedRows(store, defaultRow, {
      name: 'defaults_of_tokens',
      sql: "SELECT name, value FROM system.replicated_merge_tree_settings WHERE name LIKE '%deduplication_window%'",
      params: {},
    }),
  ]);
  return tables.flatMap(({ name, engine, engine_full: definition }) => {
    const wanted = /^(Replicated|Shared)/.test(engine) ? tokenSettings.replicated : tokenSettings.plain;
    const low = Object.entries(wanted).filter(([setting, least]) => {
      const own = new RegExp(`\\b${setting} = (\\d+)`).exec(definition)?.[1];
      return Number(own ?? defaults.find((each) => each.name === setting)?.value ?? 0) < least;
    });
    if (low.length === 0) return [];
    const settings = low.map(([setting]) => `${setting} = ${mended[setting] ?? 10_000}`).join(', ');
    const table = cluster === null ? name : `${database}_local.${name} ON CLUSTER '${cluster}'`;
    const what = `${name} forgets the tokens of inserts too early: a segment that is sent again would count twice`;
    return [{ what, mend: `ALTER TABLE ${table} MODIFY SETTING ${settings}`, isFault: true }];
  });
}

const mended: Readonly<Record<string, number>> = { replicated_deduplication_window_seconds: 604_800 };

async function ofMerges(store: StoreReader): Promise<ServerFinding[]> {
  const statements = await unsafeTableStatements(store);
  const what = 'a power cut of the ClickHouse server can take acknowledged rows from a table';
  return statements.map((mend) => ({ what, mend, isFault: false }));
}

const macroRow = z.object({ macro: z.string() });

async function ofCluster(store: StoreReader, { cluster, shards }: ServerCheckOptions): Promise<ServerFinding[]> {
  if (cluster === null || shards === null) return [];
  const sql = "SELECT macro FROM system.macros WHERE macro IN ('shard', 'replica')";
  const macros = (await checkedRows(store, macroRow, { name: 'macros', sql, params: {} })).map(({ macro }) => macro);
  const missing = ['shard', 'replica'].filter((macro) => !macros.includes(macro));
  const outside = shards.filter(({ isReplicatedInside }) => !isReplicatedInside).map(({ number }) => number);
  return [
    ...missing.map((macro) => ({
      what: `the server has no macro {${macro}}, by which replicas find each other`,
      mend: `<macros><${macro}>…</${macro}></macros> in the configuration of each server`,
      isFault: true,
    })),
    ...(outside.length === 0
      ? []
      : [
          {
            what: `shards ${outside.join(', ')} of ${cluster} send an insert to each replica, which replicate it too`,
            mend: '<internal_replication>true</internal_replication> in each <shard> of remote_servers',
            isFault: true,
          },
        ]),
  ];
}
