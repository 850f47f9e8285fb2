import { expect, test } from 'vitest';
import type { Random } from '../../src/core/clock.js';
import type { DecodedBatch, FrameFormat } from '../../src/core/event-batch.js';
import { createTextSource } from '../../src/decode/byte-range.js';
import { createBatchDecoder } from '../../src/decode/decode-batch.js';
import { SecretMask } from '../../src/decode/secrets/secret-mask.js';
import { innocentTexts } from '../corpus/innocent-texts.js';
import { secretShapes } from '../corpus/named-secrets.js';
import { defaultFrameLimits } from '../support/default-config.js';
import { randomInteger, seededRandom, testSeed } from '../support/seeded-random.js';
import { maskText } from './mask-text.js';
import { readFirstRow } from './native-reader.js';
import { createBatch, receivedMs, type SentEvent } from './random-events.js';

const decoder = createBatchDecoder(defaultFrameLimits);
const promised = secretShapes.filter((shape) => shape.promised);
const valueCharactersMax = 256;
const event = { type: 'log', agent_id: 'a' } as const;

/** One event in each of the ways in. */
const ways: readonly (readonly [name: string, format: FrameFormat, body: (event: SentEvent) => object | string])[] = [
  ['MessagePack maps', 'msgpack', (sent) => ({ seq: 1, events: [sent] })],
  ['MessagePack rows', 'msgpack', (sent) => ({ seq: 1, columns: Object.keys(sent), rows: [Object.values(sent)] })],
  ['JSON', 'json', (sent) => JSON.stringify([sent])],
  ['NDJSON', 'ndjson', (sent) => `${JSON.stringify(sent)}\n`],
];

const fields: readonly (readonly [name: string, charactersMax: number, value: (text: string) => unknown])[] = [
  ['message', 8_192, (text) => text],
  ['error_message', 8_192, (text) => text],
  ['feedback_text', 2_048, (text) => text],
  ['inputs', valueCharactersMax, (text) => ({ topic: text })],
  ['outputs', valueCharactersMax, (text) => ({ n: 1, answer: text })],
  ['labels', valueCharactersMax, (text) => ({ region: 'eu', note: text })],
  ['evidence', valueCharactersMax, (text) => ['run-1', text]],
];

function decode(sent: SentEvent, way = ways[0]!): { decoded: DecodedBatch; block: Buffer } {
  const decoded = decoder.decode(createBatch([{ body: way[2](sent), format: way[1] }]));
  expect(decoded.frames[0]?.errors).toEqual([]);
  return { decoded, block: Buffer.from(decoded.rows) };
}

test('the corpus has the shapes and texts it is to have', () => {
  expect(promised.length).toBeGreaterThan(72);
  expect(innocentTexts.length).toBeGreaterThan(60);
  expect(new Set(secretShapes.map(({ name }) => name)).size).toBe(secretShapes.length);
});

test.each(promised.map((shape) => [shape.name, shape] as const))('%s is masked wherever it stands', (_, shape) => {
  const seed = testSeed(8);
  const random = seededRandom(seed);
  for (let round = 0; round < 20; round++) {
    const { text, secret } = shape.make(random);
    for (const around of ['?', 'failed with ?', '(?) was refused', 'für „Ä“: ?, Ende', 'a\n?\nb', '["?"]', '`?`']) {
      const masked = maskText(around.replace('?', () => text));
      expect(masked, `seed ${seed}: ${text}`).toContain('[redacted]');
      expect(masked, `seed ${seed}: ${text}`).not.toContain(secret);
    }
  }
});

test.each(ways)('no promised secret reaches the block by %s', (...way) => {
  const random = seededRandom(testSeed(9));
  for (const shape of promised) {
    for (const [field, charactersMax, value] of fields) {
      const { text, secret } = shape.make(random);
      if (text.length > charactersMax) continue;
      const { decoded, block } = decode({ ...event, [field]: value(text) }, way);
      expect(block.includes(secret), `${shape.name} in ${field}: ${text}`).toBe(false);
      expect(block.includes('[redacted]'), `${shape.name} in ${field}`).toBe(true);
      expect(decoded.redactedCount).toBe(1);
    }
  }
});

test.each(innocentTexts)('%s stays as it is', (text) => {
  expect(maskText(text)).toBe(text);
  expect(maskText(`before ${text} after`)).toBe(`before ${text} after`);
  const sent = { ...event, message: text, labels: { note: text }, outputs: { answer: text }, evidence: [text] };
  const { decoded, block } = decode(sent);
  expect(decoded.redactedCount).toBe(0);
  expect(block.toString('utf8').split(text)).toHaveLength(5);
});

test('masking what is masked changes nothing', () => {
  const random = seededRandom(testSeed(10));
  for (const shape of promised) {
    const once = maskText(`x ${shape.make(random).text} y`);
    expect(maskText(once)).toBe(once);
  }
});

const secretKeys = [
  ...['password', 'db_password', 'userPassword', 'PASSWD', 'pwd', 'secret', 'client_secret', 'clientSecret'],
  ...['token', 'access_token', 'refreshToken', 'API_KEY', 'api-key', 'apiKey', 'x-api-key', 'access_key', 'secret_key'],
  ...['private_key', 'signing_key', 'authorization', 'Authorization', 'cookie', 'set-cookie', 'auth', 'credentials'],
  ...['passphrase', 'bearer', 'jwt', 'password_2', 'db_pass', 'api_key_prod', 'session_key', 'app_key'],
];

test.each(secretKeys)('the value of a key %s is masked, whatever it looks like', (key) => {
  for (const value of ['swordfish', 'x', 'four plain little words', 'naïve', 'x'.repeat(256)]) {
    for (const field of ['inputs', 'outputs', 'labels']) {
      const { decoded, block } = decode({ ...event, [field]: { [key]: value, topic: 'weather' } });
      if (value.length > 1) expect(block.includes(value)).toBe(false);
      expect(block.includes('[redacted]')).toBe(true);
      expect(block.includes('weather')).toBe(true);
      expect(decoded.redactedCount).toBe(1);
    }
  }
});

test('a number under the key of a secret is masked, a boolean is not', () => {
  const { decoded, block } = decode({ ...event, inputs: { password: 12345678, token: true } });
  expect(block.includes('12345678')).toBe(false);
  expect(block.includes('true')).toBe(true);
  expect(decoded.redactedCount).toBe(1);
});

const plainKeys = [
  ...['tokens', 'max_tokens', 'token_count', 'tokens_in', 'eos_token', 'first_token', 'token_type', 'password_length'],
  ...['key', 'cache_key', 'primary_key', 'public_key', 'keyword', 'author', 'authority', 'pass', 'passed', 'passes'],
  ...['session', 'signature', 'secretary', 'api', 'api_key_id', 'monkey', 'cookies_accepted', 'prompt_tokens', ''],
];

test.each(plainKeys)('the value of a key "%s" stays as it is', (key) => {
  const { decoded, block } = decode({ ...event, inputs: { [key]: 'value-of-it' }, outputs: { [key]: 512 } });
  expect(block.includes('value-of-it')).toBe(true);
  expect(block.includes('512')).toBe(true);
  expect(decoded.redactedCount).toBe(0);
});

test('the values of a key are each judged, whether they repeat or not', () => {
  const secret = secretShapes[0]!.make(seededRandom(1)).text;
  const values = ['calm', 'gold-plan', 'gold-plan', secret, 'gold-plan', secret, secret, 'silverware', ''];
  const sent = values.map((value) => ({ ...event, labels: { plan: value, password: value, '': value } }));
  const broken = Buffer.concat([Buffer.from(JSON.stringify(sent)), Buffer.from('}')]);
  for (const format of ['msgpack', 'json'] as const) {
    const good = format === 'json' ? JSON.stringify(sent) : sent;
    const bodies = [good, broken, good].map((body, index) => ({
      body,
      format: index === 1 ? ('json' as const) : format,
    }));
    const decoded = decoder.decode(createBatch(bodies));
    const block = Buffer.from(decoded.rows).toString('utf8');
    expect(decoded.rowCount).toBe(2 * values.length);
    expect(block).not.toContain(secret);
    expect(block.split('gold-plan')).toHaveLength(13);
    expect(decoded.redactedCount).toBe(2 * (3 + 3 + values.length));
  }
});

test('names and ids are taken as they are', () => {
  const { row, decoded } = readFirstRow({ ...event, agent_id: 'a@example.org', message: 'b@example.org' }, receivedMs);
  expect(row).toMatchObject({ agent_id: 'a@example.org', message: '[redacted]' });
  expect(decoded.redactedCount).toBe(1);
});

test('a message is masked before it is cut, so that no half of a secret remains', () => {
  const random = seededRandom(testSeed(11));
  for (const shape of promised) {
    for (let round = 0; round < 6; round++) {
      const { text, secret } = shape.make(random);
      const before = `${'x'.repeat(Math.max(0, 500 - randomInteger(random, { min: 0, max: text.length })))} `;
      const failed = { type: 'task.failed', agent_id: 'a', task_id: 't', error_category: 'tool' };
      const { row } = readFirstRow({ ...failed, error_message: before + text }, receivedMs);
      const kept = String(row.error_message);
      expect(kept).toBe([...maskText(before + text)].slice(0, 500).join(''));
      // What stands before the secret may be kept, and a few characters that any text may have.
      for (let length = 6; length <= secret.length; length++) {
        if (kept.endsWith(secret.slice(0, length))) expect.fail(`${shape.name}: ${text}`);
      }
    }
  }
});

test('of a very long message the first 500 characters stay, masks counted in', () => {
  const message = (text: string) => {
    const failed = { type: 'task.failed', agent_id: 'a', task_id: 't', error_category: 'tool', error_message: text };
    return readFirstRow(failed, receivedMs).row.error_message;
  };
  const address = 'a@example.org ';
  expect(message('ß'.repeat(20_000))).toBe('ß'.repeat(500));
  expect(message(`password=${'s'.repeat(20_000)}`)).toBe('password=[redacted]');
  expect(message(`${'password=s '.repeat(2)}${'y'.repeat(20_000)}`)).toBe(
    `password=[redacted] password=[redacted] ${'y'.repeat(460)}`,
  );
  expect(message(address.repeat(2_000))).toBe('[redacted] '.repeat(50).slice(0, 500));
  expect(message(`token="${'s'.repeat(60_000)}" ${'y'.repeat(600)}`)).toBe(`token="[redacted]" ${'y'.repeat(481)}`);
});

test('a value that masks make longer stays within its limit', () => {
  const text = 'a@b.co '.repeat(36).trim();
  const masked = '[redacted] '.repeat(36).trim().slice(0, valueCharactersMax);
  const { block } = decode({ ...event, labels: { team: text } });
  expect(block.includes(masked)).toBe(true);
  expect(block.includes(`${masked}d`)).toBe(false);
  const message = 'ü pwd=x '.repeat(1_024);
  const { row } = readFirstRow({ ...event, message }, receivedMs);
  expect([...String(row.message)]).toHaveLength(8_192);
});

test('a secret that begins where what may be kept ends is cut off, masked or not', () => {
  const mask = new SecretMask(256);
  for (let before = 1_000; before < 1_400; before++) {
    const text = `${'a'.repeat(before)} password =        hunter2hunter2 and so on`;
    const source = createTextSource(text);
    if (mask.masks(source, 0, source.bytes.length, 256)) expect(mask.length).toBe(256);
  }
});

function damage(random: Random, whole: string): string {
  const text = Array.from(whole);
  const pieces = Array.from({ length: randomInteger(random, { min: 1, max: 4 }) }, () => {
    const start = randomInteger(random, { min: 0, max: text.length - 1 });
    return text.slice(start, start + randomInteger(random, { min: 1, max: text.length })).join('');
  });
  return pieces.join(['', ' ', '@', 'ü', '="', '😀.'][randomInteger(random, { min: 0, max: 5 })]!);
}

test('parts of secrets in any order leave valid text, and none that was found is left', () => {
  const seed = testSeed(12);
  const random = seededRandom(seed);
  for (let round = 0; round < 20_000; round++) {
    const shape = secretShapes[randomInteger(random, { min: 0, max: secretShapes.length - 1 })]!;
    const text = damage(random, `${shape.make(random).text}😀é@x.org`);
    const masked = maskText(text);
    if (masked.includes('\ufffd')) expect(masked, `seed ${seed}: ${text}`).not.toContain('\ufffd');
    const again = masked === text ? '' : maskText(masked);
    const torn = '[redacted][redacted]d]';
    if (again.includes(torn)) expect(again, `seed ${seed}: ${text}`).not.toContain(torn);
  }
});
