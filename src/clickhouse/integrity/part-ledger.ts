import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { type PartRecord, partRecord } from './part-records.js';

const ledger = z.object({ version: z.literal(1), parts: z.array(partRecord) });

/**
 * The parts that were there when somebody last looked, in a JSON file beside the engine's directory: what is missing
 * at the next start has gone while nobody looked. A file that cannot be read is none.
 */
export class PartLedger {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Null when there is none. */
  async read(): Promise<readonly PartRecord[] | null> {
    try {
      return ledger.parse(JSON.parse(await readFile(this.#path, 'utf8'))).parts;
    } catch {
      return null;
    }
  }

  /** Durable when it resolves, the old one or the new one. */
  async write(parts: readonly PartRecord[]): Promise<void> {
    const records = parts.map(({ table, name, partition, minBlock, maxBlock, rows, newestMs }) => {
      return { table, name, partition, minBlock, maxBlock, rows, newestMs };
    });
    const file = await open(`${this.#path}.new`, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify({ version: 1, parts: records } satisfies z.infer<typeof ledger>));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${this.#path}.new`, this.#path);
    const directory = await open(dirname(this.#path), 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}
