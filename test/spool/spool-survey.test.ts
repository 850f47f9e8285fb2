import { expect, test } from 'vitest';
import { surveySpool } from '../../src/spool/spool-survey.js';
import { cut, type Damage, flip, type Written, writeThreeSegments } from '../support/damaged-spool.js';
import type { FaultyFileSystem } from '../support/faulty-file-system.js';
import { randomInteger, seededRandom, testSeed } from '../support/seeded-random.js';
import { settle, spoolDirectory, startSpool } from '../support/spool-rig.js';

const seed = testSeed(20_261_127);
const everything = { directory: spoolDirectory, rowBytesMax: Number.MAX_SAFE_INTEGER };

/** How many segments, or parts of them, a start of the spool sets aside. */
async function setAsideByStart(disk: FaultyFileSystem): Promise<number> {
  const { spool } = await startSpool({}, disk);
  for (await settle(4); spool.peek() !== null; await settle(4)) await spool.release(spool.peek()!.id);
  return spool.stats().quarantinedSegments;
}

function contents(disk: FaultyFileSystem): (readonly [string, string])[] {
  return disk.files().map((path) => [path, Buffer.from(disk.content(path)).toString('hex')]);
}

async function expectSameVerdict(written: Written, damage: Damage, what: string): Promise<void> {
  const disk = written.disk.kill();
  damage(disk);
  const before = contents(disk);
  const { segments } = await surveySpool(disk, everything);
  expect(contents(disk), what).toEqual(before);
  const damaged = segments.filter((segment) => segment.damage !== null);
  const aside = await setAsideByStart(disk);
  expect(damaged.length > 0, `${what}: ${JSON.stringify(damaged)}, a start sets ${aside} aside`).toBe(aside > 0);
}

test.each(['closed', 'killed'] as const)(
  'a survey of a spool that was %s finds damage exactly where a start sets something aside',
  async (end) => {
    const written = await writeThreeSegments(end);
    const random = seededRandom(seed);
    await expectSameVerdict(written, () => undefined, 'nothing');
    for (const path of [written.data, written.log]) {
      const { length } = written.disk.content(path);
      await expectSameVerdict(written, (disk) => disk.deleteFile(path), `${path} gone`);
      for (let index = 0; index < 60; index++) {
        const at = randomInteger(random, { min: 0, max: length - 1 });
        await expectSameVerdict(written, cut(path, at), `${path} cut at ${at}, seed ${seed}`);
        await expectSameVerdict(written, flip(path, at), `${path} flipped at ${at}, seed ${seed}`);
      }
    }
  },
);

test('a survey tells what waits, what lies aside and what is wrong with the journals', async () => {
  const { disk, id } = await writeThreeSegments('closed');
  const before = await surveySpool(disk, everything);
  expect(before.segments.map(({ rows, isClosed, rowsRead }) => [rows, isClosed, rowsRead])).toEqual([
    [1, true, true],
    [15, true, true],
    [1, true, true],
  ]);
  expect(before.journals.map(({ damage }) => damage)).toEqual([null]);

  for (const kind of ['data', 'log']) await disk.rename(`/spool/${id}.${kind}`, `/spool/${id}.${kind}.quarantined`);
  disk.setContent('/spool/positions', Buffer.from('nonsense'));
  disk.setContent('/spool/event-ids-0000000001', Buffer.from('nonsense'));
  const after = await surveySpool(disk, everything);
  expect(after.segments.map(({ rows }) => rows)).toEqual([1, 1]);
  expect(after.quarantined).toMatchObject([{ id, rows: 15, damage: null }]);
  expect(after.journals.map(({ damage }) => damage)).toEqual([
    expect.stringContaining('it is damaged'),
    expect.stringContaining('it ends too early'),
  ]);
  disk.deleteFile('/spool/positions');
  const { journals } = await surveySpool(disk, everything);
  expect(journals[0]).toMatchObject({ path: '/spool/positions', damage: expect.stringContaining('missing') });
});

test('rows beyond a bound are not read, and that is said', async () => {
  const { disk, data, places } = await writeThreeSegments('closed');
  flip(data, places[2]!.data[0])(disk);
  const seen = async (rowBytesMax: number) =>
    (await surveySpool(disk, { directory: spoolDirectory, rowBytesMax })).segments[1];
  expect(await seen(10_000)).toMatchObject({ rowsRead: true, damage: expect.stringContaining('are damaged') });
  expect(await seen(20)).toMatchObject({ rowsRead: false, damage: null });
});
