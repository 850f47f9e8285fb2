import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { nothing } from './backup-ends.js';

/** The first `bytes` of a file, as many as it had when it was listed. */
export function readFirst(path: string, bytes: number): AsyncIterable<Uint8Array> {
  // An end before the start is no range for Node.
  return bytes === 0 ? nothing() : createReadStream(path, { end: bytes - 1, highWaterMark: chunkBytes });
}

const chunkBytes = 1024 * 1024;

/** A new file that only its user may read, synced. Rejects with EEXIST when there is one. */
export async function writeNew(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  await withHandle(open(path, 'wx', 0o600), async (handle) => {
    for await (const chunk of content) await handle.writeFile(chunk);
    await handle.sync();
  });
}

/** Makes a file, or what was created and renamed in a directory, durable. */
export async function syncPath(path: string): Promise<void> {
  await withHandle(open(path, 'r'), (handle) => handle.sync());
}

async function withHandle(opening: Promise<FileHandle>, use: (handle: FileHandle) => Promise<void>): Promise<void> {
  const handle = await opening;
  try {
    await use(handle);
  } finally {
    await handle.close();
  }
}
