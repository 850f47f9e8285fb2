import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SpoolReader, SpoolSegment, SpoolStats } from '../../src/core/ports/spool-reader.js';

/** A spool's reading side over a list: what was done with each segment is remembered. */
export class ScriptedSpool implements SpoolReader {
  readonly released: string[] = [];
  readonly quarantined: { readonly id: string; readonly reason: string }[] = [];
  /** What the store has of those. */
  readonly arrived: (string | null)[] = [];
  /** The oldest segment is still being checked. */
  isChecking = false;
  /** Failures of the next releases or quarantines, in order. */
  readonly failures: Error[] = [];
  readonly #segments: SpoolSegment[] = [];
  readonly #directory: string;
  #listener: () => void = () => undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Closes a segment with a real file of `bytes` bytes. */
  close(
    id: string,
    options: { readonly bytes?: number; readonly receivedMs?: number | null; readonly file?: 'missing' } = {},
  ): void {
    const bytes = options.bytes ?? 100;
    // Null: no batch of it can be read.
    const { receivedMs = 0 } = options;
    const dataPath = join(this.#directory, `${id}.native`);
    if (options.file !== 'missing') writeFileSync(dataPath, Buffer.alloc(bytes));
    this.#segments.push({
      id,
      dataPath,
      bytes,
      rows: 10,
      columns: ['tenant'],
      firstReceivedMs: receivedMs ?? Number.POSITIVE_INFINITY,
      lastReceivedMs: receivedMs ?? 0,
    });
    this.#listener();
  }

  peek(): SpoolSegment | null {
    return this.isChecking ? null : (this.#segments[0] ?? null);
  }

  /** The check of the oldest segment is done. */
  checked(): void {
    this.isChecking = false;
    this.#listener();
  }

  onClosed(callback: () => void): void {
    this.#listener = callback;
  }

  async release(id: string): Promise<void> {
    this.#take(id);
    rmSync(join(this.#directory, `${id}.native`));
    this.released.push(id);
  }

  async quarantine(id: string, reason: 'corrupt' | 'store_rejected', arrived: string | null): Promise<void> {
    this.#take(id);
    this.arrived.push(arrived);
    this.quarantined.push({ id, reason });
  }

  stats(): SpoolStats {
    return {
      segments: this.#segments.length,
      bytes: this.#segments.reduce((sum, segment) => sum + segment.bytes, 0),
      events: this.#segments.reduce((sum, segment) => sum + segment.rows, 0),
      oldestReceivedMs: this.#segments[0]?.firstReceivedMs ?? null,
      quarantinedSegments: this.quarantined.length,
      quarantinedEvents: this.quarantined.length * 10,
      producers: 0,
      fullness: 0,
    };
  }

  #take(id: string): void {
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    const [first] = this.#segments.splice(0, 1);
    if (first?.id !== id) throw new Error(`segment ${id} is not the oldest`);
  }
}
