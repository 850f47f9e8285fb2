import { expect, test } from 'vitest';
import { DiskHealth, type DiskUse } from '../../src/telemetry/disk-health.js';
import { FakeClock } from '../support/fake-clock.js';

const gibibyte = 1_073_741_824;
const limits = { diskDegradedRatio: 0.85, diskUnhealthyRatio: 0.95 };

function used(share: number): DiskUse {
  return { usedBytes: share * 100 * gibibyte, availableBytes: (1 - share) * 100 * gibibyte };
}

test.each([
  [0, 'healthy', null],
  [0.8499, 'healthy', null],
  [0.85, 'degraded', 'is used to 85 %, which is 85 % or more; 15.0 GiB are free'],
  [0.95, 'unhealthy', 'is used to 95 %, which is 95 % or more; 5.0 GiB are free'],
  [1, 'unhealthy', 'is used to 100 %, which is 95 % or more; 0.0 GiB are free'],
] as const)('a disk used to %s is %s', async (share, status, reason) => {
  const probe = new DiskHealth({ clock: new FakeClock(), diskUse: async () => used(share) }, limits);
  const health = await probe.health();
  expect([health.name, health.status]).toEqual(['disk', status]);
  if (reason === null) expect(health.reason).toBeNull();
  else expect(health.reason).toBe(`the disk of the data directory ${reason}`);
  expect(health.details).toMatchObject({ used_ratio: share, degraded_ratio: 0.85, unhealthy_ratio: 0.95 });
});

test('the file system is asked once in five seconds, and not again while it hangs', async () => {
  const clock = new FakeClock();
  const asked: ((use: DiskUse) => void)[] = [];
  const probe = new DiskHealth({ clock, diskUse: () => new Promise((resolve) => asked.push(resolve)) }, limits);
  const first = probe.health();
  clock.advance(60_000);
  const second = probe.health();
  expect(asked).toHaveLength(1);
  asked[0]?.(used(0.9));
  expect((await Promise.all([first, second])).map(({ status }) => status)).toEqual(['degraded', 'degraded']);
  const third = probe.health();
  expect(asked).toHaveLength(2);
  asked[1]?.(used(0.1));
  expect((await third).status).toBe('healthy');
  clock.advance(4_999);
  await probe.health();
  expect(asked).toHaveLength(2);
});

test('a file system that cannot be read fails the probe, and is asked again later', async () => {
  const clock = new FakeClock();
  let isBroken = true;
  const diskUse = async () => {
    if (isBroken) throw new Error('EIO');
    return used(0.5);
  };
  const probe = new DiskHealth({ clock, diskUse }, limits);
  await expect(probe.health()).rejects.toThrow('EIO');
  isBroken = false;
  clock.advance(5_000);
  expect((await probe.health()).status).toBe('healthy');
});
