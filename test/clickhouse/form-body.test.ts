import fs, { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { readForm } from '../../src/clickhouse/embedded/front/forms/form-body.js';

afterEach(() => vi.restoreAllMocks());

const part = (name: string) => `--x\r\nContent-Disposition: form-data; name="${name}"; filename="f"\r\n\r\n1\tA`;

test.each([
  ['it ends in the middle of a file', [part('a')]],
  ['it has too many files', [['a', 'b', 'c'].map(part).join('\r\n'), '\r\n--x--\r\n']],
  ['it is too long', [part('a'), 'x'.repeat(2_000)]],
])('a file that is still being opened when a form is refused, as %s, is gone too', async (_, chunks) => {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-form-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const open = fs.open as (...given: unknown[]) => void;
  let [begun, opened] = [0, 0];
  const late = (...given: unknown[]) => {
    const done = given.pop() as (...answer: unknown[]) => void;
    begun++;
    setTimeout(open, 50, ...given, (...answer: unknown[]) => {
      opened++;
      done(...answer);
    });
  };
  vi.spyOn(fs, 'open').mockImplementation(late as never);
  async function* body() {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const limits = { bytesMax: 1_000, filesMax: 2, fieldsMax: 2, fieldBytesMax: 100 };
  const contentType = 'multipart/form-data; boundary=x';
  await expect(readForm(body(), { contentType, directory, limits })).rejects.toThrow('form of the request');
  await expect.poll(() => opened).toBe(begun);
  await expect.poll(() => readdirSync(directory)).toEqual([]);
});
