import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createTarDecoder, createTarPacker, type TarHeader } from 'modern-tar';
import type { BackupItem, BackupSink } from './backup-ends.js';
import type { TreeEntry } from './data-tree.js';
import { syncPath } from './file-copy.js';

/** A backup as one tar file. */
export async function openTarSink(path: string): Promise<BackupSink> {
  const partial = `${path}.partial`;
  const file = createWriteStream(partial, { flags: 'wx', mode: 0o600 });
  const { readable, controller } = createTarPacker();
  const written = pipeline(Readable.fromWeb(readable as never), file);
  // Who adds is told of it; until then nobody waits for it.
  written.catch(() => undefined);
  return {
    async add(entry, content) {
      await Promise.race([feed(controller.add(headerOf(entry)).getWriter(), content), written]);
    },
    async finish() {
      controller.finalize();
      await written;
      await syncPath(partial);
      await rename(partial, path);
      await syncPath(dirname(path));
    },
    async abandon() {
      controller.error(new Error('the backup is given up'));
      await written.catch(() => undefined);
      await rm(partial, { force: true });
    },
  };
}

async function feed(body: WritableStreamDefaultWriter<Uint8Array>, content: AsyncIterable<Uint8Array>): Promise<void> {
  // A Buffer is not taken for bytes.
  for await (const { buffer, byteOffset, byteLength } of content) {
    await body.write(new Uint8Array(buffer, byteOffset, byteLength));
  }
  await body.close();
}

/** Rejects in the middle when the file is cut, or is no tar file. */
export async function* tarItems(path: string): AsyncGenerator<BackupItem> {
  const decoder = createTarDecoder({ strict: true });
  const fed = Readable.toWeb(createReadStream(path, { highWaterMark: 1024 * 1024 })).pipeTo(decoder.writable as never);
  fed.catch(() => undefined);
  for await (const { header, body } of decoder.readable as unknown as AsyncIterable<{
    readonly header: TarHeader;
    readonly body: AsyncIterable<Uint8Array>;
  }>) {
    yield { entry: entryOf(header), content: body };
  }
  await fed;
}

function headerOf(entry: TreeEntry): TarHeader {
  switch (entry.kind) {
    case 'directory':
      return { name: `${entry.path}/`, size: 0, type: 'directory', mode: 0o700 };
    case 'link':
      return { name: entry.path, size: 0, type: 'symlink', linkname: entry.link };
    case 'file':
      return { name: entry.path, size: entry.bytes, mode: 0o600 };
  }
}

function entryOf({ name, type = 'file', size, linkname }: TarHeader): TreeEntry {
  const path = name.replace(/\/$/, '');
  if (type === 'directory') return { kind: 'directory', path };
  if (type === 'symlink') return { kind: 'link', path, link: linkname ?? '' };
  return { kind: 'file', path, bytes: size };
}
