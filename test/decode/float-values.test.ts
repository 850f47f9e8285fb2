import { pack } from 'msgpackr';
import { expect, test } from 'vitest';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import { defaultFrameLimits } from '../support/default-config.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';
import { createBatch } from './random-events.js';

const filters = JSON.stringify([{ group: 0, tenant: 'default', agents: [], runs: [], types: [] }]);

const decoder = createBatchDecoder(defaultFrameLimits);

/** What the live view is told of a memory sent as a float 32. */
function memoryOf(value: number): unknown {
  const head = Object.entries({ type: 'log', agent_id: 'a' }).flatMap(([name, text]) => [pack(name), pack(text)]);
  const float = Buffer.alloc(5, 0xca);
  float.writeFloatBE(value, 1);
  const body = Buffer.concat([Uint8Array.of(0x83), ...head, pack('memory_mb'), float]);
  const { live } = decoder.decode({ ...createBatch([{ body }]), live: { version: 1, filters } });
  return (JSON.parse(Buffer.from(live?.json ?? []).toString()) as Record<string, unknown>).memory_mb;
}

test('a float 32 is the shortest decimal that is it', () => {
  for (const value of [0.8, 0.1, 201.4, 1.5, 0, 7, 1e-7, 123456.79, 16_777_216]) expect(memoryOf(value)).toBe(value);
  const seed = testSeed(21);
  const random = seededRandom(seed);
  for (let round = 0; round < 500; round++) {
    const value = Math.fround(random() * 1e4);
    expect(Math.fround(Number(memoryOf(value))), `seed ${seed}`).toBe(value);
  }
});
