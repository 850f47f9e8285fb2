import { CollectorError } from '../../src/core/errors.js';
import type { AppendOutcome, SpoolAppender, SpoolBatch } from '../../src/core/ports/spool-appender.js';
import { rowsOf } from './scripted-decoder.js';

interface Pending {
  readonly batch: SpoolBatch;
  /** Positions before it. */
  readonly before: ReadonlyMap<string, number>;
  readonly resolve: () => void;
  readonly reject: (error: CollectorError) => void;
}

/**
 * The appending side of a spool: positions advance with the append and go back when a sync fails, with which everything
 * appended after it fails too. Batches become durable by themselves, or by hand while it holds.
 */
export class ScriptedAppender implements SpoolAppender {
  /** Appends are answered with it while it is set. */
  refusal: 'full' | 'stopped' | null = null;
  /** Batches wait in order until `sync` or `fail`. */
  holds = false;
  /** Appends refused so far. */
  refused = 0;
  /** Rows that are durable, in order: `tenant:name;`. */
  readonly durable: string[] = [];
  #positions = new Map<string, number>();
  readonly #pending: Pending[] = [];
  readonly #spaceCallbacks: (() => void)[] = [];

  tryAppend(batch: SpoolBatch): AppendOutcome {
    if (this.refusal !== null) {
      this.refused++;
      return { status: this.refusal };
    }
    checkBatch(batch);
    const before = new Map(this.#positions);
    for (const { tenant, producer, seq } of batch.frames) {
      if (producer !== '') this.#positions.set(`${tenant} ${producer}`, seq);
    }
    const durable = new Promise<void>((resolve, reject) => {
      this.#pending.push({ batch, before, resolve, reject });
    });
    if (!this.holds) this.sync();
    return { status: 'appended', durable };
  }

  lastSeq(tenant: string, producer: string): number {
    return this.#positions.get(`${tenant} ${producer}`) ?? 0;
  }

  fullness(): number {
    return this.refusal === 'full' ? 1 : 0;
  }

  onSpace(callback: () => void): void {
    this.#spaceCallbacks.push(callback);
  }

  get pending(): number {
    return this.#pending.length;
  }

  /** What was appended is on the disk: `count` of the oldest batches. */
  sync(count = this.#pending.length): void {
    for (const { batch, resolve } of this.#pending.splice(0, count)) {
      this.durable.push(...rowsOf(batch.rows));
      resolve();
    }
  }

  /** The sync of the oldest batch fails. */
  fail(): void {
    const failed = this.#pending.splice(0);
    const [first] = failed;
    if (first === undefined) throw new Error('nothing was appended that could fail');
    this.#positions = new Map(first.before);
    const error = new CollectorError('spool_failed', 'cannot write segment: EIO');
    for (const { reject } of failed) reject(error);
  }

  /** Takes appends again, and says so. */
  makeSpace(): void {
    this.refusal = null;
    this.wake();
  }

  /** Says that it may be asked again. */
  wake(): void {
    for (const callback of this.#spaceCallbacks) callback();
  }
}

/** Whatever becomes of it, the log of a batch must tell its rows: each frame's own, in the order of the frames. */
function checkBatch({ rows, rowCount, frames }: SpoolBatch): void {
  const texts = rowsOf(rows);
  const tenants = frames.flatMap((frame) => Array.from({ length: frame.rows }, () => frame.tenant));
  const told = texts.map((row) => row.slice(0, row.indexOf(':')));
  if (texts.length !== rowCount || tenants.join() !== told.join()) {
    throw new Error(`rows of ${told.join()} are appended as ${rowCount} rows of ${tenants.join()}`);
  }
}
