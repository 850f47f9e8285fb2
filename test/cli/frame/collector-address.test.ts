import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { collectorAddress } from '../../../src/cli/frame/collector-address.js';
import { CommandError } from '../../../src/cli/frame/command-error.js';
import { tempDir } from '../../support/temp-dir.js';

const none = { url: undefined, key: undefined };
const key = 'tdm_of_this_test';

function dataDirWithKey(): string {
  const dataDir = tempDir();
  writeFileSync(join(dataDir, 'admin-key'), `${key}\n`);
  return dataDir;
}

test('an option wins over the environment, which wins over where a collector of it would be', () => {
  const env = { TIDEMARK_URL: 'http://env:1', TIDEMARK_KEY: 'of-env', TIDEMARK_PORT: '7100' };
  expect(collectorAddress(env, { url: 'https://given/x/', key: 'given' })).toEqual({
    url: 'https://given/x',
    key: 'given',
  });
  expect(collectorAddress(env, none)).toEqual({ url: 'http://env:1', key: 'of-env' });
  const local = { TIDEMARK_DATA_DIR: dataDirWithKey() };
  expect(collectorAddress(local, none)).toEqual({ url: 'http://127.0.0.1:7077', key });
  expect(collectorAddress({ ...local, TIDEMARK_PORT: '7100', TIDEMARK_HOST: '::' }, none).url).toBe(
    'http://[::1]:7100',
  );
  expect(collectorAddress({ ...local, TIDEMARK_HOST: '0.0.0.0' }, none).url).toBe('http://127.0.0.1:7077');
});

test('the configuration file says where the collector and its data are, and an address of a stream is one too', () => {
  const path = join(tempDir(), 'tidemark.json');
  writeFileSync(path, JSON.stringify({ port: 7200, dataDir: dataDirWithKey() }));
  expect(collectorAddress({ TIDEMARK_CONFIG: path }, none)).toEqual({ url: 'http://127.0.0.1:7200', key });
  expect(collectorAddress({}, { url: 'wss://there/', key }).url).toBe('https://there');
});

test('the admin key of the data directory is not sent to another machine', () => {
  const env = { TIDEMARK_DATA_DIR: dataDirWithKey() };
  for (const url of ['http://localhost:1', 'http://127.0.0.1:1', 'http://[::1]:1']) {
    expect(collectorAddress(env, { ...none, url })).toEqual({ url, key });
  }
  for (const url of ['http://tidemark.example', 'http://127.0.0.1.example', 'http://192.0.2.1']) {
    expect(() => collectorAddress(env, { ...none, url }), url).toThrow(/no key; give --key or TIDEMARK_KEY/);
  }
});

test.each([
  [{ url: 'ftp://x', key }, /no http:/],
  [{ url: 'x', key }, /no http:/],
  [{ url: 'http://x/?a=1', key }, /no http:/],
  [{ url: 'http://user:word@x', key }, /holds a name or a password/],
  [{ url: 'http://x', key: 'a\nb' }, /other characters than a key has/],
  [{ url: 'http://127.0.0.1', key: undefined }, /cannot read the key from .*admin-key/],
])('%j is refused as wrong use', (given, message) => {
  const ask = () => collectorAddress({ TIDEMARK_DATA_DIR: tempDir() }, given);
  expect(ask).toThrow(message);
  expect(ask).toThrow(CommandError);
});
