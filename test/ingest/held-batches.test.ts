import { expect, test } from 'vitest';
import { createIngest } from '../support/ingest-rig.js';
import { settle } from '../support/spool-rig.js';

const event = (name: string) => ({ name, event_id: name });

test('while nothing gets to the disk, frames wait undecoded, and go on with it', async () => {
  const rig = createIngest({ batchesInFlightMax: 2 });
  rig.appender.holds = true;
  const connection = rig.connect('acme', 'p');
  for (let seq = 1; seq <= 20; seq++) {
    connection.frame(seq, event(`e${seq}`));
    await settle(2);
  }
  expect(rig.decoder.taken).toBe(6);
  rig.appender.holds = false;
  for (let turn = 0; turn < 20; turn++) {
    rig.appender.sync();
    await settle();
  }
  expect(connection.answers.at(-1)).toBe('ack 20');
  expect(rig.appender.durable).toHaveLength(20);
  expect([rig.pipeline.eventsUnderway, rig.pipeline.bytesInFlight]).toEqual([0, 0]);
});
