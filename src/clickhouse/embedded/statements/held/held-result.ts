import { unlinkSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { ClickHouseException } from '../../clickhouse-exception.js';
import type { ResultSpace } from './result-space.js';

/**
 * A result that is held until it is complete: in memory while it is small, then in a file that nobody else sees. Its
 * name goes as soon as it is open, so that the system takes the file back however this process ends; one that ended in
 * between is cleaned up after at the next start.
 *
 * Whoever has it closes it.
 */
export class HeldResult {
  readonly #space: ResultSpace;
  /** Not in the file yet; all of it while there is none. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #byteLength = 0;
  #file: FileHandle | null = null;
  #granted = 0;
  #written = 0;
  #isClosed = false;

  constructor(space: ResultSpace) {
    this.#space = space;
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  get isInFile(): boolean {
    return this.#file !== null;
  }

  /** Until its end. Nothing more is taken while it is written: that holds whoever makes it back. */
  async take(made: AsyncIterable<Buffer>): Promise<void> {
    for await (const chunk of made) {
      this.#byteLength += chunk.length;
      if (this.#byteLength > this.#space.options.resultBytesMax) throw this.#space.tooLarge();
      this.#pending.push(chunk);
      this.#pendingBytes += chunk.length;
      if (this.#pendingBytes > memoryBytesMax) await this.#write();
    }
    if (this.#file !== null && this.#pendingBytes > 0) await this.#write();
  }

  /** Complete, and nothing failed. Answers what is in memory of it: all, or nothing. */
  finish(): Buffer {
    if (this.#file !== null) this.#space.count('kept');
    return Buffer.concat(this.#pending);
  }

  /** Of the file, as long as `signal` is not aborted. */
  async *chunks(signal: AbortSignal): AsyncGenerator<Buffer> {
    for (let at = 0; at < this.#byteLength; ) {
      if (signal.aborted) throw new ClickHouseException('ABORTED', 'The embedded engine is stopping.');
      const buffer = Buffer.allocUnsafe(Math.min(readBytes, this.#byteLength - at));
      const { bytesRead } = (await this.#file?.read(buffer, 0, buffer.length, at)) ?? { bytesRead: 0 };
      if (bytesRead === 0) throw new Error('cannot read a held result: its file is shorter than what was written');
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#pending = [];
    const file = this.#file;
    if (file === null) return;
    // What is left of it is the system's to free, which it does when it is closed.
    await file.close().finally(() => {
      this.#space.giveBack({ granted: this.#granted, written: this.#written });
      this.#space.leave();
    });
  }

  async #write(): Promise<void> {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#file ??= await this.#open();
    while (this.#granted < this.#written + bytes.length) this.#granted += await this.#space.grant();
    try {
      await this.#file.writeFile(bytes);
    } catch (error) {
      throw this.#asFull(error);
    }
    this.#written += bytes.length;
    this.#space.wrote(bytes.length);
  }

  async #open(): Promise<FileHandle> {
    const path = join(this.#space.options.directory, `held-${++serial}`);
    this.#space.enter();
    let file: FileHandle | null = null;
    try {
      file = await open(path, 'wx+', 0o600);
      unlinkSync(path);
      return file;
    } catch (error) {
      this.#space.leave();
      await file?.close();
      throw this.#asFull(error);
    }
  }

  #asFull(error: unknown): unknown {
    const { code } = error as { readonly code?: string };
    return code !== undefined && noSpaceCodes.has(code) ? this.#space.notEnoughSpace() : error;
  }
}

let serial = 0;
/** As a server holds before it makes a file. */
const memoryBytesMax = 1_048_576;
const readBytes = 65_536;
const noSpaceCodes: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
