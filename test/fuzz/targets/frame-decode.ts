import { pack } from 'msgpackr';
import type { FrameFormat } from '../../../src/core/event-batch.js';
import { eventFields } from '../../../src/core/event-schema.js';
import { eventTypes } from '../../../src/core/event-types.js';
import { createBatchDecoder } from '../../../src/decode/decode-batch.js';
import { createBatch, oddValues, randomEvent } from '../../decode/random-events.js';
import { defaultFrameLimits } from '../../support/default-config.js';
import { seededRandom } from '../../support/seeded-random.js';
import type { FuzzTarget } from '../fuzz-target.js';
import { decodeSoundly } from '../sound-batch.js';

const formats: readonly FrameFormat[] = ['msgpack', 'json', 'ndjson', 'msgpack'];
const flags = { content: 4, duplicate: 8, neighbours: 16, live: 32 } as const;

/** The first byte says how the frame came, the rest is the frame. */
export function openTarget(): FuzzTarget {
  const decoder = createBatchDecoder(defaultFrameLimits);
  const good = {
    body: pack([{ type: 'task.completed', agent_id: 'good', task_id: 't', run_id: 'r', labels: { a: 'b' } }]),
  };
  return {
    run(bytes) {
      const how = bytes[0] ?? 0;
      const frame = {
        body: Uint8Array.from(bytes.subarray(1)),
        format: formats[how & 3]!,
        contentAllowed: (how & flags.content) !== 0,
        duplicate: (how & flags.duplicate) !== 0,
      };
      const between = (how & flags.neighbours) !== 0;
      const batch = createBatch(between ? [good, frame, good] : [frame]);
      const filters = JSON.stringify([{ group: 1, tenant: 'default', agents: [], runs: [], types: [] }]);
      const live = (how & flags.live) === 0 ? null : { version: 1, filters };
      const decoded = decodeSoundly(decoder, { ...batch, live });
      if (between && (decoded.frames[0]!.rows !== 1 || decoded.frames[2]!.rows !== 1)) {
        throw new Error('a frame changed what became of its neighbours');
      }
      return undefined;
    },
    seeds: () => [...shapes(), ...oddOnes()],
    words: [...eventFields.map(({ name }) => name), ...Object.keys(eventTypes), 'seq', 'events', 'columns', 'rows'],
    bytesMax: 16_384,
    isTimed: true,
  };
}

function shapes(): Uint8Array[] {
  const random = seededRandom(20_261_126);
  const bodies: Uint8Array[] = [];
  for (const density of [0.05, 0.3, 0.9]) {
    const events = Array.from({ length: 2 }, () => randomEvent(random, density));
    const columns = [...new Set(events.flatMap((event) => Object.keys(event)))];
    const rows = events.map((event) => columns.map((name) => event[name] ?? null));
    const sent = [events[0]!, events, { seq: 7, events }, { seq: 7, columns, rows }, { rows, columns }];
    for (const shape of sent) {
      bodies.push(prefixed(flags.neighbours, pack(shape)), prefixed(1, Buffer.from(JSON.stringify(shape))));
    }
    bodies.push(prefixed(2 | flags.live, Buffer.from(events.map((event) => JSON.stringify(event)).join('\n'))));
  }
  return bodies;
}

function oddOnes(): Uint8Array[] {
  return oddValues.map((value, at) => {
    const field = eventFields[at % eventFields.length]!.name;
    const event = { type: 'log', agent_id: 'a', inputs: value, [field]: value };
    const size = JSON.stringify(event)?.length ?? 0;
    return size > 4_096 ? prefixed(0, pack({ type: 'log', agent_id: 'a' })) : prefixed(flags.live, pack([event]));
  });
}

function prefixed(how: number, body: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(how), body]);
}
