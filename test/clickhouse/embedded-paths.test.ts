import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { askPort } from '../support/ask-engine.js';
import { createTestEngine } from '../support/embedded-engine.js';
import { tempDir } from '../support/temp-dir.js';

/** What SQL, patterns of paths, URLs, shells and XML give a meaning, a line break, and more than ASCII. */
const names = ['a\\q', '{1,2}', '*?[x]|', '\'"`$(x);', '%20&#<>', 'a\nb', 'ä é 漢'];

test('directories may have any name: the engine keeps, reads and tells what is in them', async () => {
  const root = join(tempDir(), ...names);
  const [dataDir, spoolDir] = [join(root, 'engine'), join(root, 'spool')];
  mkdirSync(dataDir, { recursive: true });
  const rig = createTestEngine({ dataDir, spoolDir });
  onTestFinished(() => rig.end());
  await rig.engine.start();
  const ask = (sql: string, query: string) => askPort(rig, sql, { user: 'tidemark', query });
  const write = async (sql: string) => expect(await ask(sql, '')).toEqual({ code: 0, status: 200, text: '' });
  await write('CREATE TABLE t (id UInt64) ENGINE = MergeTree ORDER BY id');
  await write('INSERT INTO t FORMAT TSV\n1\n2\n');
  const segment = join(spoolDir, 'segment');
  writeFileSync(segment, '3\n4\n');
  const literal = segment.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
  await write(`INSERT INTO t FROM INFILE '${literal}' COMPRESSION 'none' FORMAT TSV`);
  await write('OPTIMIZE TABLE t FINAL');
  const form = new FormData();
  form.set('more', new Blob(['5\n6\n']), 'more.tsv');
  const beside = await askPort(rig, '', {
    query: `more_structure=${encodeURIComponent('id UInt64')}&query=${encodeURIComponent('SELECT sum(id) FROM more')}`,
    init: { body: form },
  });
  expect(beside).toEqual({ code: 0, status: 200, text: '11\n' });
  const held = await ask('SELECT id FROM t ORDER BY id', 'wait_end_of_query=1');
  expect(held).toEqual({ code: 0, status: 200, text: '1\n2\n3\n4\n' });
  expect((await ask('SELECT sum(id) FROM t', 'wait_end_of_query=0')).text).toBe('10\n');
});
