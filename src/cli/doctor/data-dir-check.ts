import { accessSync, constants, readFileSync, type Stats, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { passwordProblem } from '../../clickhouse/embedded/process/engine-passwords.js';
import type { Config } from '../../config/config.js';
import { errorMessage } from '../../core/errors.js';
import { adminKeyPath, adminKeyProblem, keyFilePath, readKeyFile } from '../../ingest/key-file.js';
import { foreignFormat, readDataDirUse } from '../../spool/data-dir-format.js';
import { lockHolder } from '../../spool/data-dir-lock.js';
import { nodeFileSystem } from '../../spool/file-system.js';
import { countText } from './amounts.js';
import { type Finding, fault, ok, unknown, warn } from './finding.js';
import type { RunningCollector } from './running-collector.js';

export interface DataDirFindings {
  readonly findings: readonly Finding[];
  readonly isUsable: boolean;
}

/** Whether it is there, ours to write, and had by one collector at most. `isUsable`: its files can be looked at. */
export async function checkDataDir(
  dataDir: string,
  { collector, version }: { readonly collector: RunningCollector; readonly version: string },
): Promise<DataDirFindings> {
  const stats = statSync(dataDir, { throwIfNoEntry: false });
  if (stats === undefined) return { findings: [absentFinding(dataDir, collector)], isUsable: false };
  if (!stats.isDirectory()) {
    const findings = [fault('data directory', `${dataDir} is not a directory`, 'choose another TIDEMARK_DATA_DIR')];
    return { findings, isUsable: false };
  }
  const writable = writableFinding(dataDir, stats);
  const findings = [writable, lockFinding(dataDir, collector), await formatFinding(dataDir, version)];
  return { findings, isUsable: writable.severity !== 'fault' };
}

function absentFinding(dataDir: string, collector: RunningCollector): Finding {
  const found = `${dataDir} is not there`;
  if (collector.status !== 'answers') return ok('data directory', `${found}: the first start makes it`);
  return unknown('data directory', `${found}: the collector that answers has another`, 'give its --data-dir');
}

function writableFinding(dataDir: string, { mode, uid }: Stats): Finding {
  try {
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const advice = `let the user who runs the collector own it: chown -R <user> ${dataDir}`;
    return fault('data directory', `${dataDir} cannot be written: ${errorMessage(error)}`, advice);
  }
  const user = process.getuid?.();
  if (user !== undefined && user !== 0 && uid !== user) {
    return warn('data directory', `${dataDir} is another user's (${uid})`, 'run this as the user of the collector');
  }
  return openToOthers(mode) === 0
    ? ok('data directory', `${dataDir} can be written, and nobody else can look into it`)
    : warn('data directory', `others may look into ${dataDir} (mode ${octal(mode)})`, `chmod 700 ${dataDir}`);
}

async function formatFinding(dataDir: string, here: string): Promise<Finding> {
  const use = await readDataDirUse(nodeFileSystem, dataDir);
  const foreign = foreignFormat(dataDir, use, here);
  if (foreign === null) return ok('data directory', `last used by version ${use?.version ?? here}; this is ${here}`);
  const [found = '', ...advice] = foreign.split('; ');
  return fault('data directory', found, advice.join('; '));
}

function lockFinding(dataDir: string, collector: RunningCollector): Finding {
  const path = join(dataDir, 'collector.lock');
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory() === true) return fault('data directory', `${path} is a directory`, 'remove it');
  const isHeld = stats === undefined ? false : lockHolder(path);
  if (isHeld === null) return unknown('data directory', 'whether a collector has it is not told by this system');
  if (isHeld === false) {
    if (collector.status !== 'answers') return ok('data directory', 'no collector has it');
    return unknown('data directory', 'the collector that answers has another', 'give its --data-dir');
  }
  const who = typeof isHeld === 'number' ? `process ${isHeld}` : 'a process';
  if (collector.status === 'answers') return ok('data directory', `the collector (${who}) has it`);
  const found = `${who} on ${hostname()} has it, and no collector answers at ${collector.url}`;
  return fault('data directory', found, 'it may be starting or hang; if it listens elsewhere, give its --url');
}

/** Private files, and what a start would say of each. */
export function checkKeys(config: Config, dataDir: string): Finding[] {
  if (statSync(dataDir, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  const embedded = config.clickhouse.url === null;
  return [
    keyFileFinding(config, dataDir),
    ...(config.apiKeys.length > 0 ? [] : adminKeyFinding(dataDir)),
    ...(embedded ? (['writer', 'reader'] as const).flatMap((user) => passwordFinding(dataDir, user)) : []),
    ...modeFindings(dataDir),
  ];
}

function keyFileFinding({ apiKeys }: Config, dataDir: string): Finding {
  if (apiKeys.length > 0) return ok('keys', `${countText(apiKeys.length, 'API key')} of the configuration`);
  try {
    const keys = readKeyFile(dataDir);
    if (keys !== null) return ok('keys', `${countText(keys.length, 'API key')} in ${keyFilePath(dataDir)}`);
  } catch (error) {
    const [found = '', ...advice] = errorMessage(error).split('; ');
    return fault('keys', found, advice.join('; '));
  }
  if (statSync(adminKeyPath(dataDir), { throwIfNoEntry: false }) === undefined) {
    return ok('keys', 'there are none yet: the first start makes an admin key');
  }
  const found = `${keyFilePath(dataDir)} is missing: no key of before is known`;
  return fault('keys', found, 'put back a copy of it, or start with a new admin key and give out new keys');
}

function adminKeyFinding(dataDir: string): Finding[] {
  const problem = adminKeyProblem(dataDir);
  if (problem === null) return [];
  const what = problem.what === 'unknown' ? 'the key in it is not known' : problem.cause;
  const advice = 'write a key with scope admin into it, or give --key: the demo and the command line cannot use it';
  return [warn('keys', `${adminKeyPath(dataDir)}: ${what}`, advice)];
}

function passwordFinding(dataDir: string, user: 'writer' | 'reader'): Finding[] {
  const { path, problem, ends } = passwordProblem(dataDir, user);
  if (problem === null) return [];
  const found = `${path}: ${problem}`;
  if (ends) return [fault('keys', found, 'move it away: the next start makes a new one')];
  const whom = user === 'writer' ? 'nobody else needs it' : 'tell whoever reads ClickHouse directly';
  return [warn('keys', found, `the next start makes a new one; ${whom}`)];
}

const privateFiles = [
  'api-keys.json',
  'admin-key',
  'engine-writer-password',
  'engine-reader-password',
  'grafana.env',
] as const;

function modeFindings(dataDir: string): Finding[] {
  const found = privateFiles.flatMap((name) => {
    const path = join(dataDir, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats === undefined || !stats.isFile() ? [] : [{ path, mode: stats.mode }];
  });
  const open = found.filter(({ mode }) => openToOthers(mode) !== 0);
  if (open.length === 0) return found.length === 0 ? [] : [ok('keys', 'only their owner can read the files of keys')];
  return open.map(({ path, mode }) =>
    fault('keys', `others may read ${path} (mode ${octal(mode)})`, `chmod 600 ${path}, and revoke what was in it`),
  );
}

function openToOthers(mode: number): number {
  return mode & 0o077;
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8);
}

/** The key that the demo and the command line use, as it is in the data directory. */
export function savedKey(dataDir: string): string | null {
  try {
    return readFileSync(adminKeyPath(dataDir), 'utf8').trim() || null;
  } catch {
    return null;
  }
}
