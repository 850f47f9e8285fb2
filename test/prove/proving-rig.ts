import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Random } from '../../src/core/clock.js';
import { packageFile } from '../../src/core/package-root.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { crashAnyThread } from '../support/crash-thread.js';
import { dayMs, erasedRunPrefix, type MixedEvent } from './event-mix.js';
import { FaultSwitch } from './fault-switch.js';
import { MixedLoad } from './mixed-load.js';
import { PowerDisk, type PowerDiskOptions } from './power-disk.js';
import { checkStore, type TableFinding } from './store-check.js';

export interface RigOptions {
  readonly random: Random;
  /** Its data on a disk whose power can be cut; else in a directory. */
  readonly disk?: Partial<PowerDiskOptions> | null;
  /** With the library that fails file calls. */
  readonly hasFaults?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly eventsPerFrame?: number;
  readonly pauseMs?: number;
}

export interface Verdict {
  readonly acknowledged: number;
  /** Of the raw rows. */
  readonly lost: number;
  readonly twice: number;
  /** Events that lay aside and were put back into the queue, by the command for that. */
  readonly broughtBack: number;
  readonly findings: readonly TableFinding[];
  readonly complaints: readonly string[];
}

/** One collector, its data, its clients and their ledger: what a round of proof works on. */
export class ProvingRig {
  readonly collector: CollectorProcess;
  readonly faults: FaultSwitch | null;
  readonly disk: PowerDisk | null;
  readonly #home: string;
  readonly #options: RigOptions;
  readonly #erasedRuns = new Set<string>();
  readonly #done: MixedEvent[] = [];
  readonly #complaints: string[] = [];
  #load: MixedLoad | null = null;
  #loads = 0;

  constructor(options: RigOptions) {
    this.#options = options;
    this.#home = mkdtempSync(join(tmpdir(), `tidemark-prove-${process.pid}-`));
    this.faults = options.hasFaults === true ? new FaultSwitch(join(this.#home, 'faults')) : null;
    this.disk = options.disk === null || options.disk === undefined ? null : new PowerDisk(options.disk);
    const dataDir = join(this.disk?.path ?? this.#home, 'data');
    mkdirSync(dataDir);
    // A day that is finalized in between would mend what is to be found.
    const env = { TIDEMARK_MAINTENANCE_SCHEDULE: 'off', ...this.faults?.environment, ...options.env };
    this.collector = new CollectorProcess({ dataDir, env });
  }

  /** Events of the loads that are finished. */
  get acknowledgedBefore(): number {
    return this.#done.length;
  }

  get load(): MixedLoad {
    if (this.#load === null) throw new Error('cannot use the load: it has not begun');
    return this.#load;
  }

  /** Clients of new names begin to send. */
  beginLoad(): void {
    const { random, eventsPerFrame = 40, pauseMs = 60 } = this.#options;
    this.#load = new MixedLoad(random, {
      key: testKey,
      name: `l${++this.#loads}-`,
      url: () => this.collector.url,
      streamUrl: () => this.collector.streamUrl,
      eventsPerFrame,
      pauseMs,
    });
  }

  /** Resolves when every client has `frames` acknowledged since it began. */
  async untilAcknowledged(frames: number): Promise<void> {
    await until(`${frames} frames of every client are acknowledged`, () => this.load.acknowledgedFrames >= frames);
  }

  /** No new events, and all that were sent are acknowledged. */
  async finishLoad(): Promise<void> {
    const load = this.#load;
    if (load === null) return;
    await within(150_000, 'every client is acknowledged', load.finish(), () => this.collector.output.slice(-2_000));
    for (const event of load.events()) this.#done.push(event);
    this.#complaints.push(...load.complaints());
    this.#load = null;
  }

  /** The power goes, and comes back; the collector is started again. */
  async cutPower(): Promise<void> {
    this.powerOff();
    await this.powerOn();
  }

  /**
   * Without power nothing runs: whoever uses the disk is stopped first, so that nobody hears of what is done after the
   * cut. (A sync that is under way when an ext4 is shut down may return as if it had worked.)
   */
  powerOff(): void {
    this.collector.signal('SIGSTOP');
    for (const pid of this.#processesThere()) process.kill(pid, 'SIGSTOP');
    mustHave(this.disk).cut();
  }

  async powerOn(): Promise<void> {
    await this.restorePower();
    await this.collector.start();
  }

  /** The disk is there again; nothing is started. */
  async restorePower(): Promise<void> {
    await this.killEverything();
    mustHave(this.disk).restore();
  }

  /** Starts the collector and does not wait for it. */
  launch(): void {
    void this.collector.start().catch(() => undefined);
  }

  /** The collector, its engine, and an engine that still drains for a collector that was killed before. */
  async killEverything(): Promise<void> {
    await this.collector.killAll();
    for (const pid of this.#processesThere()) kill(pid);
    await until('nothing uses the data directory', () => this.#processesThere().length === 0);
  }

  async killEngine(): Promise<void> {
    const pid = this.collector.enginePid();
    if (pid !== undefined) kill(pid);
  }

  /** A thread of the engine crashes; resolves when the engine has been ended for it. */
  async crashEngine(): Promise<void> {
    let crashed: number | undefined;
    await until('a thread of the engine is crashed', () => {
      crashed = this.collector.enginePid();
      return crashed !== undefined && crashAnyThread(crashed, this.#options.random);
    });
    await until(
      'the engine is ended',
      () => this.collector.enginePid() !== crashed,
      60_000,
      () => this.warnings(),
    );
  }

  /** Everything that is in the spool is in the store. */
  async untilDelivered(msMax = 150_000): Promise<void> {
    const isDelivered = async () => {
      const { spooled } = await this.ledger();
      return spooled === 0;
    };
    await until('everything is delivered', isDelivered, msMax, () => this.collector.output.slice(-2_000));
  }

  async ledger(): Promise<{ readonly spooled: number; readonly quarantined: number; readonly balanced: boolean }> {
    type Deep = {
      readonly ledger: { readonly spooled: number; readonly quarantined: number; readonly balanced: boolean };
    };
    return (await this.collector.get<Deep>('/health/deep')).ledger;
  }

  /** Starts with a store that is prepared: by this process once, then copied. */
  async begin(): Promise<void> {
    if (readdirSync(this.collector.dataDir).length === 0) {
      preparedStore ??= await prepareStore();
      cpSync(preparedStore, this.collector.dataDir, { recursive: true });
    }
    await this.start();
  }

  /** Until the collector has all that it needs of its store. */
  async start(): Promise<void> {
    await this.collector.start();
    await until('the store is prepared', () => isPrepared(this.collector));
  }

  /**
   * The engine looks for parts to delete every half minute; after this, which restarts the collector, every second.
   * `partsLifetimeS` is how long it keeps a part that was merged, instead of what the tables say.
   */
  async deletePartsPromptly(partsLifetimeS: number | null): Promise<void> {
    const lifetime = partsLifetimeS === null ? '' : `, old_parts_lifetime = ${partsLifetimeS}`;
    for (const table of await this.tables()) {
      await this.collector.write(`ALTER TABLE ${table} MODIFY SETTING ${promptRemoval}${lifetime}`);
    }
    await this.collector.stop();
    await this.start();
  }

  /** Merges every table to one part a partition, and waits until the parts they came from are deleted, or `msMax`. */
  async mergeAll(msMax = 8_000): Promise<boolean> {
    for (const table of await this.tables()) await this.tryWrite(`OPTIMIZE TABLE ${table} FINAL`);
    const sources = `SELECT concat(table, ' ', name) AS part FROM system.parts
      WHERE database = 'tidemark' AND NOT active AND startsWith(table, 'agent_')`;
    const partsNow = async () =>
      (await this.collector.query<{ readonly part: string }>(sources)).map(({ part }) => part);
    const merged = new Set(await partsNow());
    const isGone = async () => !(await partsNow()).some((part) => merged.has(part));
    return until('the parts that were merged are deleted', isGone, msMax).then(
      () => true,
      () => false,
    );
  }

  async tables(): Promise<string[]> {
    const tables = await this.collector.query<{ readonly name: string }>(
      `SELECT name FROM system.tables
       WHERE database = 'tidemark' AND engine LIKE '%MergeTree' AND name NOT LIKE '%beside%'`,
    );
    return tables.map(({ name }) => name);
  }

  /** Erases a run of the present load that gets no more events. */
  async erase(producer: number): Promise<void> {
    const run = `${erasedRunPrefix}l${this.#loads}-${['s0', 's1', 's2', 'h'][producer % 4]}`;
    await this.untilAcknowledged(5);
    if (this.#erasedRuns.has(run)) return;
    this.#erasedRuns.add(run);
    await this.#request('DELETE', `/api/v1/runs/${run}`);
  }

  /**
   * Asks for every erasure again, until each is done: what is pending is completed in the background, which is off here
   * with the maintenance.
   */
  async requestErasures(): Promise<void> {
    for (const run of this.#erasedRuns) {
      const isErased = async () => (await this.#request('DELETE', `/api/v1/runs/${run}`)) === 200;
      await until(`${run} is erased`, isErased, 60_000, () => this.warnings());
    }
  }

  async tryWrite(sql: string): Promise<void> {
    await this.collector.write(sql).catch(() => undefined);
  }

  /** Recomputes the day before, of one agent or of all; false while that cannot be. */
  async finalize(agent: string | null): Promise<boolean> {
    const day = new Date(Date.now() - dayMs).toISOString().slice(0, 10);
    const query = agent === null ? '' : `?agent_id=${agent}`;
    return (await this.#request('POST', `/api/v1/maintenance/days/${day}${query}`)) === 200;
  }

  /**
   * After the load is finished: the store against the ledger of all loads so far. `mend` is what the maintenance does,
   * which is off here, once everything is delivered: also what lay aside.
   */
  async check(mend: () => Promise<void> = async () => undefined): Promise<Verdict> {
    await this.untilDelivered();
    const broughtBack = await this.#bringBack();
    await mend();
    await this.requestErasures();
    const { quarantined } = await this.ledger();
    const findings = await checkStore(this.collector, this.#done, this.#erasedRuns);
    const raw = findings.find(({ table }) => table === 'agent_events_raw_v1');
    return {
      acknowledged: this.#done.length,
      lost: raw?.lost ?? 0,
      twice: raw?.twice ?? 0,
      broughtBack,
      findings,
      complaints: [
        ...this.#complaints,
        ...(quarantined > 0 ? [`${quarantined} events are set aside, in the quarantine of the spool`] : []),
      ],
    };
  }

  /** `tidemark spool replay` of every segment that lies aside. */
  async #bringBack(): Promise<number> {
    // The ledger counts what this process has put aside; the files tell of those before it too.
    const names = readdirSync(join(this.collector.dataDir, 'spool'));
    if (!names.some((name) => name.endsWith('.quarantined'))) return 0;
    const { quarantined } = await this.ledger();
    await this.collector.stop();
    const spool = (...words: string[]) => {
      const program = fileURLToPath(packageFile('dist/src/cli/tidemark.js'));
      const args = [program, 'spool', ...words, '--json', '--data-dir', this.collector.dataDir];
      return execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    };
    for (const { id } of JSON.parse(spool('quarantine')) as { readonly id: string }[]) spool('replay', id);
    await this.start();
    await this.untilDelivered();
    return quarantined;
  }

  /** The last warnings of the collector, for whoever asks why. */
  warnings(): string {
    const lines = this.collector.output.split('\n');
    return lines
      .filter((line) => /"level":"(warn|error|fatal)"/.test(line))
      .slice(-4)
      .join('\n');
  }

  /** Stops everything, and copies the data with what the collector has written to `directory`, for whoever asks why. */
  async keep(directory: string): Promise<void> {
    this.#load?.abandon();
    await this.killEverything();
    const filter = (path: string) => !lstatSync(path).isSocket();
    cpSync(this.collector.dataDir, directory, { recursive: true, filter });
    writeFileSync(join(directory, 'output.log'), this.collector.output);
  }

  /** Sound or not, nothing is left behind. */
  async remove(): Promise<void> {
    this.#load?.abandon();
    await this.killEverything().catch(() => undefined);
    this.faults?.close();
    this.disk?.remove();
    rmSync(this.#home, { recursive: true, force: true });
  }

  async #request(method: string, path: string): Promise<number> {
    try {
      const headers = { authorization: `Bearer ${testKey}` };
      const signal = AbortSignal.timeout(30_000);
      return (await fetch(`${this.collector.url}${path}`, { method, headers, signal })).status;
    } catch {
      return 0;
    }
  }

  /** Whose current directory is the data directory's: the engine and its launcher. */
  #processesThere(): number[] {
    const { dataDir } = this.collector;
    return readdirSync('/proc').flatMap((name) => {
      if (!/^\d+$/.test(name)) return [];
      try {
        const isThere = `${readlinkSync(`/proc/${name}/cwd`)}/`.startsWith(`${dataDir}/`);
        return isThere && !/State:\s+Z/.test(readFileSync(`/proc/${name}/status`, 'utf8')) ? [Number(name)] : [];
      } catch {
        return [];
      }
    });
  }
}

/** A data directory with every table and no event in it. */
let preparedStore: string | null = null;

async function prepareStore(): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), `tidemark-prepared-${process.pid}-`));
  process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }));
  const collector = new CollectorProcess({ dataDir });
  try {
    await collector.start();
    await until('the store is prepared', () => isPrepared(collector));
  } finally {
    await collector.stop();
  }
  return dataDir;
}

/** Whatever else is wrong with it. */
async function isPrepared(collector: CollectorProcess): Promise<boolean> {
  type Deep = { readonly dependencies: readonly { readonly name: string; readonly status: string }[] };
  const { dependencies } = await collector.get<Deep>('/health/deep');
  return dependencies.some(({ name, status }) => name === 'schema' && status === 'healthy');
}

const promptRemoval =
  'cleanup_delay_period = 1, max_cleanup_delay_period = 1, cleanup_delay_period_random_add = 0, ' +
  'merge_tree_clear_old_parts_interval_seconds = 0';

function mustHave(disk: PowerDisk | null): PowerDisk {
  if (disk === null) throw new Error('cannot cut the power: the rig has no disk');
  return disk;
}

function kill(pid: number): void {
  if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
}

/** Rejects with what was waited for. */
export async function until(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  msMax = 150_000,
  context: () => string = () => '',
): Promise<void> {
  const deadline = performance.now() + msMax;
  for (;;) {
    if (await Promise.resolve(isTrue()).catch(() => false)) return;
    if (performance.now() > deadline) throw new Error(`not within ${msMax} ms: ${what}\n${context()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function within<T>(msMax: number, what: string, work: Promise<T>, context: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${msMax} ms: ${what}\n${context()}`)), msMax);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
