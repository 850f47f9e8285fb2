import type { Clock } from '../../core/clock.js';
import { errorMessage } from '../../core/errors.js';
import type { PartsInstruments } from '../../core/instruments.js';
import type { Logger } from '../../core/logger.js';
import { Pause } from '../../core/pause.js';
import type { DependencyHealth, HealthProbe } from '../../core/ports/health-probe.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import type { Stage } from '../../core/stage.js';
import { storeErrorNumber } from '../classify-error.js';
import { readingAsWriter } from '../maintenance/rollup-repair.js';
import { checkPart, directoryOf } from '../segments/part-census.js';
import { emptyDescription, listedBytes } from '../segments/part-files.js';
import { quoteString } from '../sql-text.js';
import type { StoreWriter } from '../store-writer.js';
import { MergeHold } from './merge-hold.js';
import type { PartLedger } from './part-ledger.js';
import {
  type DetachedPart,
  hasReplaced,
  missingRows,
  type PartRecord,
  readDetachedParts,
  readFailedWrites,
  readParts,
  type StoredPart,
} from './part-records.js';

export interface PartsWatchDeps {
  readonly store: StoreWriter;
  readonly ledger: PartLedger;
  /** Writes again, from raw events, what a table has lost. Answers whether that can be done for it. */
  readonly mend: (table: string) => Promise<boolean>;
  /** Ends the engine and resolves when it answers again, without merges. */
  readonly restartEngine: () => Promise<void>;
  /** Whether a part's rows may have expired, or been dropped by the collector itself. */
  readonly mayGo: (part: PartRecord) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly instruments: PartsInstruments;
}

const lookIntervalMs = 60_000;
/** How soon a write that failed is heard of: parts that were replaced are kept for a minute. */
const writesIntervalMs = 10_000;
/** Every part is read and compared with its checksums in turn, so many bytes a second on average. */
const checkedBytesPerSecond = 8 * 1024 * 1024;
const checkPauseMsMin = 10_000;
/** A small store would be read over and over: no part is read again before this has passed. */
const checkedAgainMsMin = 600_000;
/** Shown in health; the log names every one. */
const troublesShownMax = 20;

/** What is wrong with a part, for as long as the process remembers it. */
interface Trouble {
  readonly table: string;
  readonly part: string;
  readonly what: string;
  readonly rows: number | null;
  readonly mended: boolean;
}

/**
 * Looks whether the parts of the embedded engine are what they were: a file that was deleted, cut or changed behind its
 * back is no error to the engine until somebody reads it, and a part that it cannot load is set aside without a word.
 *
 *   at the start, and every minute   each part that was there is still there, whole or merged; the sizes of its files
 *                                    are those of its checksums; nothing new lies among the detached parts
 *   soon after a write has failed    the same: the engine counts it, and goes on as if it had been done
 *   all the time, slowly             one part after another is read by the engine's own check
 *
 * What is found is logged, counted and told by health until the next start. Where parts that a broken one replaced are
 * still there, the engine is started again: it sets the broken one aside, and they take its place. Else a part that is
 * broken is detached, so that reads do not fail on it, and what a table has lost is written again from the raw events
 * where that is possible.
 */
export class PartsWatch implements Stage, HealthProbe {
  readonly name = 'parts';
  readonly ifUnhealthy = 'degraded';
  readonly #deps: PartsWatchDeps;
  readonly #engineDir: string;
  readonly #reader: StoreReader;
  readonly #pause: Pause;
  readonly #troubles = new Map<string, Trouble>();
  /** When a part was last read, by table and name; those that are gone are forgotten. */
  readonly #checkedMs = new Map<string, number>();
  readonly #merges: MergeHold;
  #failedWrites = 0;
  #lookedMs = 0;
  #before: readonly PartRecord[] | null = null;
  #parts: readonly StoredPart[] = [];
  #work: Promise<unknown> | null = null;
  #problem: string | null = null;

  /** `engineDir`: where the engine runs; its own paths begin there. */
  constructor(deps: PartsWatchDeps, engineDir: string) {
    this.#deps = deps;
    this.#engineDir = engineDir;
    this.#reader = readingAsWriter(deps.store);
    this.#pause = new Pause(deps.clock);
    this.#merges = new MergeHold(deps);
  }

  /** Begins in the background; call it when the store is ready. */
  async start(): Promise<void> {
    this.#work ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#pause.end();
    await this.#work;
  }

  health(): DependencyHealth {
    const troubles = [...this.#troubles.values()];
    const open = troubles.filter(({ mended }) => !mended);
    const [first] = open;
    const more = open.length > 1 ? ` and ${open.length - 1} more` : '';
    return {
      name: this.name,
      status: first === undefined && this.#problem === null ? 'healthy' : 'degraded',
      reason: first === undefined ? this.#problem : `part ${first.part} of ${first.table}: ${first.what}${more}`,
      details: {
        parts: this.#parts.length,
        parts_read: this.#checkedMs.size,
        troubles: troubles.length,
        troubles_first: troubles.slice(0, troublesShownMax).map(describe).join('; '),
      },
    };
  }

  async #run(): Promise<void> {
    this.#before = await this.#deps.ledger.read();
    await this.#tryTo('look at the parts', () => this.#lookAtAll('start'));
    const looking = async () => {
      while (!this.#pause.hasEnded) {
        await this.#pause.wait(writesIntervalMs);
        if (!this.#pause.hasEnded) await this.#tryTo('look at the parts', () => this.#lookWhenDue());
      }
    };
    const checking = async () => {
      let pauseMs = checkPauseMsMin;
      while (!this.#pause.hasEnded) {
        await this.#pause.wait(pauseMs);
        pauseMs = checkPauseMsMin;
        if (this.#pause.hasEnded) return;
        await this.#tryTo('read a part', async () => {
          const bytes = await this.#checkNext();
          pauseMs = Math.max(pauseMs, (bytes / checkedBytesPerSecond) * 1_000);
        });
      }
    };
    await Promise.all([looking(), checking()]);
  }

  async #tryTo(what: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
      this.#problem = null;
    } catch (error) {
      if (this.#pause.hasEnded) return;
      this.#problem = `cannot ${what}: ${errorMessage(error)}`;
      this.#deps.logger.warn({ cause: errorMessage(error) }, `cannot ${what}`);
    }
  }

  async #lookWhenDue(): Promise<void> {
    await this.#merges.endWhenDue();
    const isDue = this.#deps.clock.monotonicMs() - this.#lookedMs >= lookIntervalMs;
    if (isDue || (await readFailedWrites(this.#reader)) !== this.#failedWrites) await this.#lookAtAll('files');
  }

  /** `restartedFor`: parts for whose sake the engine was started again just now. */
  async #lookAtAll(found: 'start' | 'files', restartedFor: ReadonlySet<string> = new Set()): Promise<void> {
    const { ledger, mayGo, instruments } = this.#deps;
    const failedWrites = await readFailedWrites(this.#reader);
    const parts = await readParts(this.#reader);
    const doubtful: StoredPart[] = [];
    for (const part of parts) {
      if (this.#pause.hasEnded) return;
      const directory = directoryOf(part.path, this.#engineDir);
      const isAsListed = (await listedBytes(directory)) === part.bytes;
      if (!isAsListed || (await emptyDescription(directory)) !== null) doubtful.push(part);
    }
    const replacing = await this.#brokenReplacements(
      doubtful.filter((part) => !restartedFor.has(keyOf(part))),
      found,
    );
    if (replacing.size > 0) {
      const waitMs = await this.#merges.restart();
      this.#deps.logger.warn({ wait_ms: waitMs }, 'merges of the engine wait, in case its disk refuses more writes');
      return await this.#lookAtAll(found, new Set([...restartedFor, ...replacing]));
    }
    this.#merges.noteGood();
    const lost = new Set<string>();
    for (const { part, rows } of missingRows(this.#before ?? [], parts, mayGo)) {
      instruments.rowsMissing.inc({ table: part.table }, rows);
      this.#note(part, { what: `${rows} of its rows are gone`, rows });
      lost.add(part.table);
    }
    for (const part of await readDetachedParts(this.#reader)) this.#noteDetached(part, lost.has(part.table));
    for (const part of doubtful) if (await this.#settleBroken(part, found)) lost.add(part.table);
    for (const table of lost) await this.#mend(table);
    const now = lost.size === 0 ? parts : await readParts(this.#reader);
    await ledger.write(now);
    this.#before = now;
    this.#parts = now;
    this.#failedWrites = failedWrites;
    this.#lookedMs = this.#deps.clock.monotonicMs();
  }

  /** Those that are broken while parts that they replaced are still there, which a restart brings back. */
  async #brokenReplacements(doubtful: readonly StoredPart[], found: 'start' | 'files'): Promise<ReadonlySet<string>> {
    const { instruments, logger } = this.#deps;
    const replacing = new Set<string>();
    for (const part of doubtful) {
      if (!(await hasReplaced(this.#reader, part))) continue;
      const broken = await this.#whatIsBroken(part);
      if (broken === null) continue;
      const { table, name } = part;
      instruments.partsBroken.inc({ found });
      logger.error({ table, part: name }, `a part is broken, and those it replaced take its place: ${broken}`);
      replacing.add(keyOf(part));
    }
    return replacing;
  }

  /** Null when nothing is, or when it was merged meanwhile: what it has become is looked at next. */
  async #whatIsBroken(part: StoredPart): Promise<string | null> {
    const empty = await emptyDescription(directoryOf(part.path, this.#engineDir));
    if (empty !== null) return `its file ${empty} is empty`;
    try {
      return await checkPart(this.#deps.store, part);
    } catch (error) {
      if (storeErrorNumber(error) === noSuchPart) return null;
      throw error;
    }
  }

  /** The part that was read longest ago, or never. Answers its bytes; 0 when all were read a short time ago. */
  async #checkNext(): Promise<number> {
    const known = new Set(this.#parts.map(keyOf));
    for (const key of this.#checkedMs.keys()) if (!known.has(key)) this.#checkedMs.delete(key);
    const lastMs = (part: StoredPart) => this.#checkedMs.get(keyOf(part)) ?? Number.NEGATIVE_INFINITY;
    const next = this.#parts.reduce<StoredPart | null>(
      (oldest, part) => (oldest === null || lastMs(part) < lastMs(oldest) ? part : oldest),
      null,
    );
    const nowMs = this.#deps.clock.monotonicMs();
    if (next === null || nowMs - lastMs(next) < checkedAgainMsMin) return 0;
    this.#checkedMs.set(keyOf(next), nowMs);
    if (await this.#settleBroken(next, 'check')) await this.#mend(next.table);
    return next.bytes;
  }

  /** True when the engine finds the part broken; it is then detached. */
  async #settleBroken(part: StoredPart, found: 'start' | 'files' | 'check'): Promise<boolean> {
    const { store, instruments } = this.#deps;
    const broken = await this.#whatIsBroken(part);
    if (broken === null) return false;
    instruments.partsBroken.inc({ found });
    this.#note(part, { what: `it is broken and was detached: ${broken}`, rows: part.rows });
    try {
      await store.command({
        name: `detaching a broken part of ${part.table}`,
        sql: `ALTER TABLE ${part.table} DETACH PART ${quoteString(part.name)}`,
      });
    } catch (error) {
      // Merged meanwhile: what it has become is looked at next.
      if (storeErrorNumber(error) === noSuchPart) return false;
      throw error;
    }
    return true;
  }

  async #mend(table: string): Promise<void> {
    const { mend, logger } = this.#deps;
    const isMended = await mend(table);
    if (!isMended) return;
    logger.warn({ table }, 'what a table had lost is written again from the raw events');
    for (const [key, trouble] of this.#troubles) {
      if (trouble.table === table) this.#troubles.set(key, { ...trouble, mended: true });
    }
  }

  #note(part: PartRecord, { what, rows }: { readonly what: string; readonly rows: number }): void {
    const { table, name } = part;
    this.#troubles.set(keyOf(part), { table, part: name, what, rows, mended: false });
    this.#deps.logger.error({ table, part: name, rows }, `a part is not what it was: ${what}`);
  }

  /** Its rows may all be there: the parts it was merged from take its place. */
  #noteDetached({ table, name, reason }: DetachedPart, isLost: boolean): void {
    const key = `detached/${table}/${name}`;
    if (this.#troubles.has(key)) return;
    this.#deps.instruments.partsDetached.inc({ reason });
    const context = { table, part: name, reason };
    this.#deps.logger[isLost ? 'error' : 'warn'](context, 'the engine has set a part aside');
    const what = `the engine has set it aside (${reason})`;
    this.#troubles.set(key, { table, part: name, what, rows: null, mended: !isLost });
  }
}

/** NO_SUCH_DATA_PART */
const noSuchPart = 232;

function describe({ table, part, what, mended }: Trouble): string {
  return `${table}/${part}: ${what}${mended ? ', mended' : ''}`;
}

function keyOf({ table, name }: { readonly table: string; readonly name: string }): string {
  return `${table}/${name}`;
}
