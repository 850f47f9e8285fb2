import { expect, test } from 'vitest';
import { createIngest } from '../support/ingest-rig.js';
import { settle } from '../support/spool-rig.js';

const event = (name: string) => ({ name, event_id: name });

test('a batch in no shared buffer is counted: of a frame larger than one, or when all are in use', async () => {
  const large = createIngest({ batchBytesMax: 20 });
  large.connect('acme', 'p').frame(1, event('larger-than-a-buffer'));
  await settle();
  expect(large.totals.batchesUnshared).toBe(1);
  const rig = createIngest({ batchBytesMax: 120, batchesInFlightMax: 2, bytesInFlightMax: 240 });
  rig.decoder.holds = true;
  for (let sent = 1; sent <= 6; sent++) rig.connect('acme', `p${sent}`).frame(1, event('e'.repeat(20)));
  await settle();
  // Two that the bytes in flight allow, and two with the workers.
  expect(rig.totals.batchesUnshared).toBe(2);
});
