import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';
import { askFigures } from '../data-dirs/asked-figures.js';
import { CollectorProcess } from '../support/collector-process.js';
import { tempDir } from '../support/temp-dir.js';
import { tidemark } from '../support/tidemark-command.js';

const folder = packageFile('test/data-dirs/');
const versions = readdirSync(folder).flatMap((name) => (name.endsWith('.tar.gz') ? [name.slice(0, -7)] : []));

/** Its rows were received when it was made, and are not to expire. */
const env = Object.fromEntries(
  ['RAW', 'MINUTE', 'HISTORY', 'ERROR'].map((kind) => [`TIDEMARK_RETENTION_${kind}_DAYS`, '3650']),
);

test.each(versions)(
  'a data directory of %s starts, and its counts and percentiles are those of then',
  async (version) => {
    const place = tempDir();
    const archive = join(place, 'x.tar');
    writeFileSync(archive, gunzipSync(readFileSync(new URL(`${version}.tar.gz`, folder))));
    const collector = new CollectorProcess({ dataDir: join(place, 'data'), env });
    const restored = await tidemark(['restore', archive, '--data-dir', collector.dataDir]);
    expect(restored, restored.stderr).toMatchObject({ code: 0 });
    const then = JSON.parse(readFileSync(new URL(`${version}.json`, folder), 'utf8'));
    try {
      await collector.start();
      await expect.poll(() => askFigures(collector), { timeout: 60_000 }).toEqual(then);
      expect((await collector.metrics()).get('tidemark_spool_segments_quarantined_total') ?? 0).toBe(0);
    } finally {
      await collector.killAll();
    }
  },
);

test('there is a data directory of a version', () => {
  expect(versions).not.toEqual([]);
});
