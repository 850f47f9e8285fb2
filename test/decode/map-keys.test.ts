import { pack } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import type { DecodedFrame } from '../../src/core/event-batch.js';
import { eventFields } from '../../src/core/event-schema.js';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import { defaultFrameLimits } from '../support/default-config.js';
import { createBatch } from './random-events.js';

const decoder = createBatchDecoder(defaultFrameLimits);
const names = eventFields.map(({ name }) => Buffer.from(name));
const nil = Buffer.of(0xc0);
const told = Buffer.concat(['type', 'log', 'agent_id', 'a', 'message', 'm'].map((text) => pack(text)));

/** A str of up to 31 bytes, as clients write a key. */
function key(name: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(0xa0 | name.length), name]);
}

/** An event that says nothing by its first key, and is complete without it. */
function eventOf(first: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(0x84), first, nil, told]);
}

function frameOf(...events: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.of(0x90 | events.length), ...events]);
}

function decode(frame: Buffer): DecodedFrame {
  return decoder.decode(createBatch([{ body: frame }])).frames[0]!;
}

/** Names that differ from one in a byte, in its length, or in both. */
function* othersOf(name: Buffer): Generator<Buffer> {
  for (let at = 0; at < name.length; at++) {
    for (const byte of [name[at]! ^ 1, name[at]! ^ 0x20, name[at]! | 0x80, 0x00, 0x7f, 0xff]) {
      const other = Buffer.from(name);
      other[at] = byte;
      yield other;
    }
    yield Buffer.concat([name.subarray(0, at), name.subarray(at + 1)]);
  }
  yield Buffer.concat([name, Buffer.from('s')]);
}

describe('a key of a map', () => {
  test.each(eventFields.map(({ name }) => name))('behind events that said %s: only that is taken for it', (name) => {
    const bytes = Buffer.from(name);
    const usual = eventOf(key(bytes));
    expect(decode(frameOf(usual, usual, usual))).toMatchObject({ accepted: 3, errors: [] });
    for (const other of othersOf(bytes)) {
      const isField = names.some((field) => field.equals(other));
      const errors = isField ? [] : [{ index: 2, code: 'field_unknown' }];
      expect(decode(frameOf(usual, usual, eventOf(key(other))))).toMatchObject({ accepted: 3, errors });
    }
  });

  test('is the field it names, whichever field was there in the event before', () => {
    for (const before of names) {
      const events = names.flatMap((name) => [eventOf(key(before)), eventOf(key(name))]);
      for (let at = 0; at < events.length; at += 14) {
        const some = events.slice(at, at + 14);
        expect(decode(frameOf(...some))).toMatchObject({ accepted: some.length, errors: [] });
      }
    }
  });

  test('is known however its length is written', () => {
    for (const name of names) {
      const long = [
        Buffer.of(0xd9, name.length),
        Buffer.of(0xda, 0, name.length),
        Buffer.of(0xdb, 0, 0, 0, name.length),
      ];
      const events = long.map((head) => eventOf(Buffer.concat([head, name])));
      expect(decode(frameOf(eventOf(key(name)), ...events))).toMatchObject({ accepted: 4, errors: [] });
    }
  });

  test('that the frame ends in makes it malformed, at every byte', () => {
    for (const name of names) {
      const usual = eventOf(key(name));
      const whole = frameOf(usual, usual);
      for (let length = whole.length - usual.length; length < whole.length; length++) {
        expect(decode(whole.subarray(0, length)).fault?.code, `${name} cut at ${length}`).toBe('frame_malformed');
      }
    }
  });
});
