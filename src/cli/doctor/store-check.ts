import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { clickhouseLimits, createClickhouseClient } from '../../clickhouse/client.js';
import { channelPathOf } from '../../clickhouse/embedded/process/engine-channel.js';
import { keptWriterPassword } from '../../clickhouse/embedded/process/engine-passwords.js';
import { readingAsWriter } from '../../clickhouse/maintenance/rollup-repair.js';
import { migrate } from '../../clickhouse/migrate.js';
import { readStorage, type StorageRow } from '../../clickhouse/queries/operations/storage.js';
import {
  readFullestPartition,
  readStoreState,
  type StoreState,
} from '../../clickhouse/queries/operations/store-state.js';
import { readExpiredParts } from '../../clickhouse/retention/expired-parts.js';
import { connectToServer, type ServerConnection } from '../../clickhouse/server/server-connection.js';
import { findingsOf } from '../../clickhouse/server/server-settings.js';
import type { Config } from '../../config/config.js';
import { type Clock, systemRandom } from '../../core/clock.js';
import { errorMessage } from '../../core/errors.js';
import { silentLogger } from '../../core/logger.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { retentionOf } from '../../core/retention.js';
import { dayMs } from '../../core/time-span.js';
import { ageText, bytesText, countText } from './amounts.js';
import { type Finding, fault, ok, unknown, warn } from './finding.js';

/** ClickHouse itself: version, settings, schema, sizes, parts, what should have expired. Reads only. */
export async function checkStore(clock: Clock, config: Config, dataDir: string): Promise<Finding[]> {
  const access = accessTo(clock, config, dataDir);
  if ('reason' in access) return [unknown('engine', access.reason, access.advice)];
  try {
    return await examine(clock, config, access);
  } catch (error) {
    const advice = 'see that ClickHouse runs and answers there, with the account of the configuration';
    return [fault('engine', `ClickHouse does not answer at ${access.url}: ${errorMessage(error)}`, advice)];
  } finally {
    await access.client.close();
  }
}

interface StoreAccess extends Pick<ServerConnection, 'client' | 'target'> {
  readonly url: string;
  /** Null for the embedded engine. */
  readonly server: ServerConnection | null;
}

type Access = StoreAccess | { readonly reason: string; readonly advice: string | null };

function accessTo(clock: Clock, { clickhouse, query }: Config, dataDir: string): Access {
  const { url, port, database } = clickhouse;
  if (url !== null) {
    const options = { ...clickhouse, url, reads: query };
    const server = connectToServer({ clock, random: systemRandom }, options);
    return { ...server, url, server };
  }
  const engineDir = join(dataDir, 'engine');
  if (!existsSync(engineDir)) return { reason: `there is no engine in ${dataDir} yet`, advice: null };
  const password = keptWriterPassword(dataDir);
  const channelPath = channelPathOf(engineDir);
  if (password === null || !existsSync(channelPath)) {
    return { reason: 'no engine runs here: versions, tables and parts are not known', advice: 'start the collector' };
  }
  const account = { user: 'tidemark', password };
  const engine = { url: `http://127.0.0.1:${port}`, channelPath, database };
  const limits = clickhouseLimits(query);
  const client = createClickhouseClient({ clock }, { ...engine, writer: account, reader: account, limits });
  return { client, url: engine.url, server: null, target: async () => ({ kind: 'embedded' as const }) };
}

async function examine(clock: Clock, config: Config, access: StoreAccess): Promise<Finding[]> {
  const store = access.client;
  const reader = readingAsWriter(store);
  const state = await readStoreState(reader);
  const findings = [
    ok('engine', `ClickHouse ${state.version}, up for ${ageText(state.uptime_s * 1_000)}, ${memoryText(state)}`),
    ...stateFindings(state),
    ...(access.server === null ? [] : await settingFindings(access.server)),
  ];
  const isPresent = await schemaFindings(access, config, findings);
  if (!isPresent) return findings;
  const tables = await readStorage(reader);
  const retention = retentionOf(config.retention);
  return [
    ...findings,
    sizeFinding(tables),
    await partsFinding(reader, state),
    // Maintenance looks every hour, and a merge may have a part in hand.
    expiryFinding(await readExpiredParts(reader, { retention, nowMs: clock.nowMs() - dayMs }), config),
  ];
}

function memoryText({ memory_bytes_max: bytesMax }: StoreState): string {
  return bytesMax === 0 ? 'no limit of memory of its own' : `at most ${bytesText(bytesMax)} of memory`;
}

function stateFindings(state: StoreState): Finding[] {
  const findings: Finding[] = [];
  if (state.timezone !== 'UTC') {
    findings.push(ok('engine', `its time zone is ${state.timezone}; times of Tidemark are UTC all the same`));
  }
  if (state.mutations_failing > 0) {
    const found = `${countText(state.mutations_failing, 'mutation')} fail again and again: ${state.mutation_failure}`;
    findings.push(fault('tables', found, 'mend the cause, or end it: KILL MUTATION'));
  }
  if (state.detached > 0) {
    const found = `the engine has set ${countText(state.detached, 'part')} aside (system.detached_parts)`;
    findings.push(fault('tables', found, 'put back a copy of each, as docs/damage.md says, then ATTACH or remove it'));
  }
  return findings;
}

/** Of a server: what its operator's settings mean for rows, as the collector looks at its start. */
async function settingFindings(server: ServerConnection): Promise<Finding[]> {
  const found = await findingsOf(server);
  if (found.length === 0)
    return [ok('engine', 'version, rights, quotas, tokens and merges of the server are as wanted')];
  return found.map(({ what, mend, isFault }) => (isFault ? fault : warn)('engine', what, `run ${mend}`));
}

/** Answers whether there are tables to look at. */
async function schemaFindings(access: StoreAccess, config: Config, findings: Finding[]): Promise<boolean> {
  try {
    const { steps } = await migrate(
      { store: access.client, logger: silentLogger },
      { database: config.clickhouse.database, target: await access.target(), dryRun: true },
    );
    const [first] = steps;
    if (first === undefined) {
      findings.push(ok('schema', 'every migration is applied'));
      return true;
    }
    const found = `${countText(steps.length, 'migration')} not applied yet, from ${first.name} on`;
    findings.push(warn('schema', found, 'start the collector, or run: tidemark migrate'));
    return first.number > 1;
  } catch (error) {
    findings.push(fault('schema', errorMessage(error), 'do what the message says; events wait in the spool meanwhile'));
    return false;
  }
}

function sizeFinding(tables: readonly StorageRow[]): Finding {
  const bytes = tables.reduce((sum, table) => sum + table.disk_bytes, 0);
  const [largest] = tables;
  const most = largest === undefined || largest.disk_bytes === 0 ? '' : `, most of it ${largest.table}`;
  const events = tables.find(({ table }) => table === 'agent_events_raw_v1')?.rows ?? 0;
  return ok('tables', `${countText(events, 'event')} in ${tables.length} tables of ${bytesText(bytes)}${most}`);
}

async function partsFinding(store: StoreReader, { parts_delayed_at: delayedAt }: StoreState): Promise<Finding> {
  const fullest = await readFullestPartition(store);
  if (fullest === null) return ok('tables', 'there are no parts yet');
  const { table, partition, parts } = fullest;
  const found = `at most ${countText(parts, 'part')} in a partition (${table}, ${partition})`;
  if (delayedAt === 0 || parts < delayedAt / 2) return ok('tables', found);
  const advice = 'merges do not keep up: see how busy the disk is, and whether inserts come in many small segments';
  return parts < delayedAt
    ? warn('tables', `${found}; inserts are slowed down at ${delayedAt}`, advice)
    : fault('tables', `${found}; inserts are slowed down from ${delayedAt} on`, advice);
}

function expiryFinding(
  expired: readonly { readonly table: string; readonly bytes: number }[],
  { maintenance }: Config,
): Finding {
  if (expired.length === 0) return ok('tables', 'nothing that should have expired is still there');
  const bytes = expired.reduce((sum, part) => sum + part.bytes, 0);
  const tables = [...new Set(expired.map(({ table }) => table))].join(', ');
  const verb = expired.length === 1 ? 'is' : 'are';
  const found = `${countText(expired.length, 'expired part')} (${bytesText(bytes)}) ${verb} still there, in ${tables}`;
  const advice =
    maintenance.schedule === 'off'
      ? 'one collector of a store needs TIDEMARK_MAINTENANCE_SCHEDULE=on'
      : 'see why the maintenance does not drop them: its reason is in /health/deep';
  return warn('tables', found, advice);
}
