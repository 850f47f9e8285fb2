import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { Config } from '../../config/config.js';
import { readConfig } from '../../config/read-config.js';
import type { Clock } from '../../core/clock.js';
import type { Environment } from '../../core/environment.js';
import { errorMessage } from '../../core/errors.js';
import type { TlsOptions } from '../../sdk/tls-options.js';
import { checkCollector } from './collector-check.js';
import { checkDataDir, checkKeys, savedKey } from './data-dir-check.js';
import { checkDisk } from './disk-check.js';
import { type Finding, fault, ok, type Severity, type Subject, subjects, unknown } from './finding.js';
import { checkEngineLoads, checkNode, checkSockets } from './node-check.js';
import { checkPorts } from './ports-check.js';
import { askCollector, type RunningCollector } from './running-collector.js';
import { checkSpool } from './spool-check.js';
import { checkStore } from './store-check.js';

export interface DoctorOptions {
  readonly env: Environment;
  /** Of this package. */
  readonly version: string;
  /** A configuration file; default as the collector's. */
  readonly configPath?: string | undefined;
  readonly dataDir?: string | undefined;
  /** Of the collector; default: where the configuration has it. */
  readonly url?: string | undefined;
  /** Default: the admin key of the data directory. */
  readonly key?: string | undefined;
  readonly tls?: TlsOptions;
}

export interface DoctorReport {
  /** The worst of the findings; what is not known is not wrong. */
  readonly worst: Exclude<Severity, 'unknown'>;
  readonly findings: readonly Finding[];
}

/**
 * Looks at an installation, running or not, and changes nothing: a collector is asked over HTTP, its engine over the
 * channel that is its owner's, and files are read. What judges each thing is what the collector itself goes by.
 */
export async function examine(clock: Clock, options: DoctorOptions): Promise<DoctorReport> {
  const read = tryReadConfig(options);
  const findings =
    read.config === null ? read.findings : [...read.findings, ...(await examineAll(clock, read.config, options))];
  const all = read.config === null ? [...findings, ...checkNode(), ...(await checkSockets(null))] : findings;
  const rank = (subject: Subject) => subjects.indexOf(subject);
  const sorted = [...all].sort((a, b) => rank(a.subject) - rank(b.subject));
  const worst = (['fault', 'warn'] as const).find((severity) => sorted.some((found) => found.severity === severity));
  return { worst: worst ?? 'ok', findings: sorted };
}

async function examineAll(clock: Clock, config: Config, options: DoctorOptions): Promise<Finding[]> {
  const dataDir = resolve(options.dataDir ?? config.dataDir);
  const scheme = config.tls.certFile === null ? 'http' : 'https';
  const url = options.url ?? `${scheme}://${hostOf(config.host)}:${config.port}`;
  // Keys of this machine are for its own collector.
  const ownKey = isHere(url)
    ? (config.apiKeys.find(({ scopes }) => scopes.some(mayRead))?.key ?? savedKey(dataDir))
    : null;
  const key = options.key ?? ownKey;
  const collector = await askCollector(clock, { url: url.replace(/\/$/, ''), key, tls: options.tls ?? {} });
  const told = checkCollector(collector);
  if (!isHere(url)) {
    const elsewhere = 'the collector runs on another machine: its disk, ports and files were not looked at';
    return [...told, ...checkNode(), unknown('data directory', elsewhere, 'run doctor there')];
  }
  const local = await Promise.all(
    (await checks({ clock, config, dataDir, collector, version: options.version })).map(async ([subject, check]) => {
      try {
        return await check();
      } catch (error) {
        return [unknown(subject, `it could not be looked at: ${errorMessage(error)}`)];
      }
    }),
  );
  return [...told, ...local.flat()];
}

interface Place {
  readonly clock: Clock;
  readonly config: Config;
  readonly dataDir: string;
  readonly collector: RunningCollector;
  readonly version: string;
}

type Check = () => readonly Finding[] | Promise<readonly Finding[]>;

async function checks(place: Place): Promise<(readonly [Subject, Check])[]> {
  const { clock, config, dataDir, collector } = place;
  const { findings: directory, isUsable } = await checkDataDir(dataDir, place);
  const inside: (readonly [Subject, Check])[] = isUsable
    ? [
        ['disk', () => checkDisk(clock, config, dataDir)],
        ['keys', () => checkKeys(config, dataDir)],
        ['spool', () => checkSpool(clock, dataDir, collector)],
        ['engine', () => checkStore(clock, config, dataDir)],
      ]
    : [];
  return [
    ['node', checkNode],
    ['sockets', () => checkSockets(config)],
    ['engine', () => checkEngineLoads(config, collector)],
    ['data directory', () => directory],
    ['ports', () => checkPorts(config, collector)],
    ...inside,
  ];
}

function mayRead(scope: string): boolean {
  return scope === 'read' || scope === 'admin';
}

function tryReadConfig({ env, configPath }: DoctorOptions): {
  readonly config: Config | null;
  readonly findings: Finding[];
} {
  try {
    const { config } = readConfig({ env, argv: configPath === undefined ? [] : ['--config', configPath] });
    return { config, findings: [ok('config', 'every setting is allowed')] };
  } catch (error) {
    const [, ...problems] = errorMessage(error).split('\n');
    const advice = 'correct the setting, as docs/configuration.md has it; no collector starts with it';
    return { config: null, findings: problems.map((problem) => fault('config', problem.trim(), advice)) };
  }
}

/** An address of this machine for one that means all of them; IPv6 in brackets. */
function hostOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

function isHere(url: string): boolean {
  const name = new URL(url).hostname;
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(name) || name === hostname();
}
