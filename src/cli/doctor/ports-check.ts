import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Config } from '../../config/config.js';
import { type Finding, fault, ok, unknown } from './finding.js';
import type { RunningCollector } from './running-collector.js';

/** Whether the ports are ours, free, or taken and by whom. Nothing is listened on to find out. */
export async function checkPorts(config: Config, collector: RunningCollector): Promise<Finding[]> {
  const findings = [await checkPort('TIDEMARK_PORT', hostOf(config.host), config.port, ownPid(config, collector))];
  if (config.clickhouse.url === null) {
    const { port } = config.clickhouse;
    findings.push(await checkPort('TIDEMARK_CLICKHOUSE_PORT', '127.0.0.1', port, enginePid(collector)));
  }
  return findings;
}

/** Null: nobody of ours listens; undefined: one of ours does, and its process is not known. */
type Owner = number | null | undefined;

function ownPid(config: Config, collector: RunningCollector): Owner {
  const isThere = collector.status === 'answers' && Number(new URL(collector.url).port) === config.port;
  return isThere ? undefined : null;
}

function enginePid(collector: RunningCollector): Owner {
  if (collector.status !== 'answers') return null;
  if (collector.health === null) return undefined;
  const engine = collector.health.dependencies.find(({ name }) => name === 'engine');
  // The collector knows whether the port is its own.
  return engine?.status === 'healthy' ? Number(engine.details.pid) : null;
}

async function checkPort(variable: string, host: string, port: number, owner: Owner): Promise<Finding> {
  if (port === 0) return ok('ports', `${variable} is 0: a free port is taken at the start`);
  const listener = findListener(port);
  const isTaken = listener !== null ? listener !== 'none' : await answers(host, port);
  if (!isTaken) return ok('ports', `port ${port} (${variable}) is free`);
  const who = listener === null || listener === 'none' || listener.pid === null ? null : listener;
  if (owner === undefined || (owner !== null && (who === null || who.pid === owner))) {
    return ok('ports', `port ${port} (${variable}) is the collector's`);
  }
  if (who !== null && isOurs(who.command)) {
    const found = `port ${port} (${variable}) is taken by a collector, process ${who.pid}, which was not asked`;
    return unknown('ports', found, 'give its --url, or stop it before another is started there');
  }
  const by = who === null ? 'another program' : `process ${who.pid} (${who.command})`;
  const advice = `stop it or choose another ${variable} (0 takes a free one)`;
  return fault('ports', `port ${port} (${variable}) is taken by ${by}`, advice);
}

function isOurs(command: string): boolean {
  return /tidemark|(main|engine-main|launcher-main)\.js\b/.test(command);
}

/** An address of this machine for one that means all of them. */
function hostOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

interface Listener {
  /** Null when it is another user's. */
  readonly pid: number | null;
  readonly command: string;
}

/** As Linux tells it; null where the system does not. */
function findListener(port: number): Listener | 'none' | null {
  const inodes = listeningInodes(port);
  if (inodes === null) return null;
  if (inodes.size === 0) return 'none';
  const pid = processOf(inodes);
  return { pid, command: pid === null ? '' : commandOf(pid) };
}

/** State 0A of `/proc/net/tcp` is LISTEN; the local address is `<hex address>:<hex port>`. */
function listeningInodes(port: number): Set<string> | null {
  const inodes = new Set<string>();
  let isTold = false;
  for (const name of ['tcp', 'tcp6']) {
    try {
      const lines = readFileSync(`/proc/net/${name}`, 'latin1').split('\n').slice(1);
      isTold = true;
      for (const line of lines) {
        const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
        if (state === '0A' && Number.parseInt(local.split(':')[1] ?? '', 16) === port) inodes.add(inode);
      }
    } catch {
      // Another system, or one without this family.
    }
  }
  return isTold ? inodes : null;
}

function processOf(inodes: ReadonlySet<string>): number | null {
  const wanted = new Set([...inodes].map((inode) => `socket:[${inode}]`));
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const directory = join('/proc', pid, 'fd');
      if (readdirSync(directory).some((fd) => wanted.has(readlink(join(directory, fd))))) return Number(pid);
    } catch {
      // Of another user, or it has ended.
    }
  }
  return null;
}

function readlink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

const commandCharactersMax = 120;

function commandOf(pid: number): string {
  try {
    const words = readFileSync(join('/proc', String(pid), 'cmdline'), 'utf8')
      .replaceAll('\0', ' ')
      .trim();
    return words.slice(0, commandCharactersMax);
  } catch {
    return '';
  }
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.setTimeout(connectMsMax, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

const connectMsMax = 2_000;
