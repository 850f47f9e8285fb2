import { once, setMaxListeners } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy';
import { ClickHouseException } from '../../clickhouse-exception.js';

/** A part with a file name: data of the request, which the statement may read as a table of that name. */
export interface FormFile {
  readonly name: string;
  readonly path: string;
}

export interface FormBody {
  /** Other parts, in their order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly files: readonly FormFile[];
}

export interface FormLimits {
  /** All of it, inflated. */
  readonly bytesMax: number;
  readonly filesMax: number;
  readonly fieldsMax: number;
  readonly fieldBytesMax: number;
}

/** `multipart/form-data`. A body in the other encoding of forms is SQL, on a server as well: it is what curl sends. */
export function isForm(contentType: string | undefined): boolean {
  return /^multipart\/form-data\b/i.test(contentType ?? '');
}

/** What the engine says is wrong with data, without the file that it was kept in. */
export function withoutFiles(message: string, dataDir: string): string {
  const directory = join(dataDir, filesName);
  if (!message.includes(directory)) return message;
  const file = `${directory.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}/[0-9]+\\.(?:data|form)`;
  return message
    .replaceAll(new RegExp(` ?\\(in file/uri ${file}\\):?`, 'g'), '')
    .replaceAll(new RegExp(file, 'g'), 'the data');
}

/** Of the engine's directory: bodies until they are inserted, files of forms until their statement has ended. */
export const filesName = 'inserts';
let serial = 0;

/**
 * Reads a form, and writes its files to `directory`; when it throws, they are gone. Throws BAD_ARGUMENTS for what is no
 * form, TOO_MANY_BYTES beyond the limits.
 */
export async function readForm(
  body: AsyncIterable<Buffer>,
  {
    contentType,
    directory,
    limits,
  }: { readonly contentType: string; readonly directory: string; readonly limits: FormLimits },
): Promise<FormBody> {
  const fields: (readonly [string, string])[] = [];
  const files: FormFile[] = [];
  const written: Promise<void>[] = [];
  const given = new AbortController();
  // A pipeline of a file has two.
  setMaxListeners(2 * limits.filesMax, given.signal);
  const parser = createParser(contentType, limits);
  const refuse = (problem: string) => parser.destroy(tooLarge(problem));
  parser.on('field', (name, value, isNameCut, isValueCut) => {
    if (isNameCut || isValueCut) refuse(`a field may have ${limits.fieldBytesMax} bytes`);
    else fields.push([name, value]);
  });
  parser.on('file', (name, stream) => {
    if (given.signal.aborted) return void stream.resume();
    const path = join(directory, `${++serial}.form`);
    files.push({ name, path });
    const writing = write(stream, path, given.signal);
    // A parser waits for its files to be read.
    writing.catch((error: Error) => parser.destroy(error));
    written.push(writing);
  });
  parser.on('filesLimit', () => refuse(`it may have ${limits.filesMax} files`));
  parser.on('fieldsLimit', () => refuse(`it may have ${limits.fieldsMax} fields`));
  try {
    await pipeline(Readable.from(bounded(body, limits.bytesMax), { objectMode: false }), parser);
    await Promise.all(written);
    return { fields, files };
  } catch (error) {
    given.abort();
    await Promise.allSettled(written);
    await removeFiles(files);
    throw error instanceof ClickHouseException ? error : mistaken(error);
  }
}

export async function removeFiles(files: readonly FormFile[]): Promise<void> {
  for (const { path } of files) await rm(path, { force: true });
}

function createParser(contentType: string, { filesMax, fieldsMax, fieldBytesMax }: FormLimits): BusboyInstance {
  try {
    return new Busboy({
      headers: { 'content-type': contentType },
      isPartAFile: (_, __, fileName) => fileName !== undefined,
      limits: {
        files: filesMax,
        fields: fieldsMax,
        fieldSize: fieldBytesMax,
        fieldNameSize: nameBytesMax,
        headerPairs: 16,
      },
    });
  } catch (error) {
    throw mistaken(error);
  }
}

/** Settles when the file is closed: one that was still being opened would be made after it was removed. */
async function write(stream: BusboyFileStream, path: string, signal: AbortSignal): Promise<void> {
  const file = createWriteStream(path, { flags: 'wx', mode: 0o600 });
  try {
    await pipeline(stream, file, { signal });
  } finally {
    if (!file.closed) await once(file, 'close');
  }
}

async function* bounded(body: AsyncIterable<Buffer>, bytesMax: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge(`it may have ${bytesMax} bytes`);
    yield chunk;
  }
}

function tooLarge(problem: string): ClickHouseException {
  return new ClickHouseException('TOO_MANY_BYTES', `The form of the request is too large: ${problem}.`);
}

function mistaken(cause: unknown): ClickHouseException {
  const said = cause instanceof Error ? cause.message : String(cause);
  return new ClickHouseException('BAD_ARGUMENTS', `Cannot read the form of the request: ${said.slice(0, 200)}.`);
}

const nameBytesMax = 256;
