import { pack } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import type { DecodedBatch, FrameFormat } from '../../src/core/event-batch.js';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import { defaultFrameLimits } from '../support/default-config.js';
import { createBatch } from './random-events.js';

const decoder = createBatchDecoder(defaultFrameLimits);
const good = { type: 'task.completed', agent_id: 'a', task_id: 't' };
let versions = 0;
const bom = '\ufeff';

function decode(
  body: object | string | Uint8Array,
  format: FrameFormat = 'msgpack',
  filter: object = {},
): DecodedBatch {
  const wanted = { group: 0, tenant: 'default', agents: [], runs: [], types: [], ...filter };
  return decoder.decode({
    ...createBatch([{ body, format }]),
    live: { version: versions++, filters: JSON.stringify([wanted]) },
  });
}

function liveOf(decoded: DecodedBatch): Record<string, unknown>[] {
  return JSON.parse(`[${Buffer.from(decoded.live?.json ?? []).toString()}]`) as Record<string, unknown>[];
}

describe('a leading U+FEFF is a character of an id', () => {
  const events = [good, { ...good, agent_id: `${bom}a`, run_id: `${bom}r`, inputs: { [`${bom}k`]: `${bom}v` } }];

  test.each(['msgpack', 'json'] as const)('in the windows, the runs and the live events of a %s frame', (format) => {
    const decoded = decode(format === 'json' ? JSON.stringify(events) : events, format);
    expect(decoded.slices.map(({ agentId }) => agentId)).toEqual(['a', `${bom}a`]);
    expect(decoded.lifecycle.texts).toContain(`${bom}a`);
    expect(liveOf(decoded)[1]).toMatchObject({
      agent_id: `${bom}a`,
      run_id: `${bom}r`,
      inputs: { [`${bom}k`]: `${bom}v` },
    });
  });

  test('in the filters of live subscribers', () => {
    expect(liveOf(decode(events, 'msgpack', { agents: ['a'] })).map(({ agent_id }) => agent_id)).toEqual(['a']);
    expect(liveOf(decode(events, 'msgpack', { agents: [`${bom}a`] }))).toHaveLength(1);
    expect(liveOf(decode(events, 'msgpack', { runs: [`${bom}r`] }))).toHaveLength(1);
    expect(liveOf(decode(events, 'msgpack', { runs: ['r'] }))).toHaveLength(0);
  });

  test('in the name of an unknown field', () => {
    expect(decode({ ...good, [`${bom}x`]: 1 }).frames[0]?.errors[0]?.path).toBe(`${bom}x`);
  });
});

describe('half a surrogate pair is refused', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['as the escape of a high one', String.raw`"run_id":"r\ud800"`, 'run_id'],
    ['as the escape of a low one', String.raw`"run_id":"\udfffr"`, 'run_id'],
    ['in capitals', String.raw`"run_id":"\uD83D"`, 'run_id'],
    ['twice the wrong way round', String.raw`"run_id":"\ude00\ud83d"`, 'run_id'],
    ['in a long text', `"run_id":"${'x'.repeat(60)}${String.raw`\ud800`}"`, 'run_id'],
    ['in a name', String.raw`"name":"\ud800"`, 'name'],
    ['in a message', String.raw`"message":"é\ud800"`, 'message'],
    ['in a value of a map', String.raw`"inputs":{"a":"\ud800"}`, 'inputs.a'],
    ['in a list', String.raw`"evidence":["e","\ud800"]`, 'evidence.1'],
  ];
  const withField = (field: string) => `${JSON.stringify(good).slice(0, -1)},${field}}`;

  test.each(cases)('in JSON, %s', (_, field, path) => {
    for (const [body, format] of [
      [`[${withField(field)}]`, 'json'],
      [withField(field), 'ndjson'],
    ] as const) {
      const [error] = decode(body, format).frames[0]!.errors;
      expect(error).toMatchObject({ index: 0, code: 'string_invalid', path });
    }
  });

  test('in JSON, in a key of a map', () => {
    const { frames } = decode(withField(String.raw`"labels":{"\ud800":"v"}`), 'json');
    expect(frames[0]?.rejectedByCode).toEqual({ string_invalid: 1 });
  });

  test('in MessagePack, as the three bytes that UTF-8 forbids', () => {
    const fields = Object.entries(good).flatMap(([name, text]) => [pack(name), pack(text)]);
    for (const bytes of [
      [0xed, 0xa0, 0x80],
      [0xed, 0xbf, 0xbf],
    ]) {
      const body = Buffer.concat([Uint8Array.of(0x84), ...fields, pack('run_id'), Uint8Array.of(0xa3, ...bytes)]);
      expect(decode(body).frames[0]?.errors[0]).toMatchObject({ code: 'string_invalid', path: 'run_id' });
    }
  });

  test('and a whole pair is one character, however it is written', () => {
    const written = withField(String.raw`"run_id":"\ud83d\ude00 \\ud800 \ufffd"`);
    expect(liveOf(decode(written, 'json'))[0]?.run_id).toBe('😀 \\ud800 \ufffd');
  });
});
