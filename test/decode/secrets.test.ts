import { expect, test } from 'vitest';
import { maskSecrets, mayHoldSecret } from '../../src/decode/secrets.js';
import { randomInteger, seededRandom } from '../support/seeded-random.js';
import { readFirstRow } from './native-reader.js';
import { receivedMs } from './random-events.js';

const hex = 'a1b2c3d4e5f60718293a4b5c6d7e8f90';
// Put together here, so that no scanner of this repository takes them for real ones.
const secrets = [
  `Bearer ${hex}`,
  `authorization: bearer ${hex}`,
  `Authorization: Basic ${hex}==`,
  `sk-${hex}`,
  `sk-proj-${hex}`,
  `sk_live_${hex}`,
  `ghp_${hex}`,
  `github_pat_${hex}`,
  `glpat-${hex}`,
  `AKIA${hex.toUpperCase()}`.slice(0, 20),
  `AIza${hex}`,
  `hf_${hex}`,
  `xoxb-1234-${hex}`,
  `eyJ${hex}.eyJ${hex}.${hex}`,
  `password=${hex}`,
  `"api_key": "${hex}"`,
  `OPENAI_API_KEY=${hex}`,
  `client_secret='${hex}'`,
  `token: ${hex}`,
  `{\\"token\\":\\"${hex}\\"}`,
  `aws_secret_access_key = ${hex}`,
  `https://user:${hex}@host/path`,
  `mailto ${hex}@example.org`,
  `-----BEGIN RSA PRIVATE KEY-----\n${hex}\n-----END RSA PRIVATE KEY-----`,
];

test.each(secrets)('%s is masked wherever it stands', (secret) => {
  for (const text of [
    secret,
    `failed with ${secret}`,
    `(${secret}) was refused`,
    `fehlgeschlagen für ${secret}, ende`,
  ]) {
    const masked = maskSecrets(text);
    expect(masked).toContain('[redacted]');
    expect(masked.toLowerCase()).not.toContain(hex.slice(4));
    const bytes = Buffer.from(text);
    expect(mayHoldSecret(bytes, 0, bytes.length)).toBe(true);
  }
});

test.each([
  'Tool search timed out after 30 s',
  'TypeError: cannot read properties of undefined',
  'max_tokens=512 is above the limit of the model',
  'HTTP 503 from https://api.example.com/v1/chat',
  'bearer of bad news',
  'task-7 risk-free disk-full',
  'mention @ nobody',
])('%s stays as it is', (text) => {
  expect(maskSecrets(text)).toBe(text);
});

test('what the search passes over holds no secret', () => {
  const random = seededRandom(9);
  const pieces = [
    ...secrets,
    'sk-',
    'ghp',
    'AKI',
    'ey',
    'bearer',
    ' ',
    '=',
    ':',
    'x',
    'token',
    'ü',
    '_',
    '-',
    'a.b',
    '@',
  ];
  let passed = 0;
  for (let round = 0; round < 20_000; round++) {
    const count = randomInteger(random, { min: 1, max: 3 });
    const text = Array.from({ length: count }, () => {
      const piece = pieces[randomInteger(random, { min: 0, max: pieces.length - 1 })]!;
      return piece.slice(0, randomInteger(random, { min: 1, max: piece.length }));
    }).join('');
    const bytes = Buffer.from(text);
    if (mayHoldSecret(bytes, 0, bytes.length)) continue;
    passed++;
    expect(maskSecrets(text)).toBe(text);
  }
  expect(passed).toBeGreaterThan(1_000);
});

test('a message is masked before it is cut, so that no half of a secret remains', () => {
  for (let before = 440; before <= 505; before++) {
    const error_message = `${'x'.repeat(before - 1)} password=${hex}`;
    const event = { type: 'task.failed', agent_id: 'a', task_id: 't', error_category: 'tool', error_message };
    const { row, decoded } = readFirstRow(event, receivedMs);
    expect(row.error_message).toBe(`${'x'.repeat(before - 1)} password=[redacted]`.slice(0, 500));
    expect(decoded.redactedCount).toBe(1);
  }
});

test('of a very long message the first 500 characters stay, masks counted in', () => {
  const message = (text: string) => {
    const event = { type: 'task.failed', agent_id: 'a', task_id: 't', error_category: 'tool', error_message: text };
    return readFirstRow(event, receivedMs).row.error_message;
  };
  expect(message('ß'.repeat(20_000))).toBe('ß'.repeat(500));
  expect(message(`password=${'s'.repeat(20_000)}`)).toBe('password=[redacted]');
  expect(message(`token=${'s'.repeat(8_150)} sk-${hex} ${'y'.repeat(600)}`)).not.toContain(hex.slice(0, 4));
});

test('log messages and feedback are masked in full length, other fields are left alone', () => {
  const event = {
    type: 'log',
    agent_id: 'a@example.org',
    message: `${'é'.repeat(1_000)} a@example.org`,
    feedback_text: 'b@example.org',
  };
  const { row, decoded } = readFirstRow(event, receivedMs);
  expect(row).toMatchObject({
    agent_id: 'a@example.org',
    message: `${'é'.repeat(1_000)} [redacted]`,
    feedback_text: '[redacted]',
  });
  expect(decoded.redactedCount).toBe(2);
});
