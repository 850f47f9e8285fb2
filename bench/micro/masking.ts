import { createTextSource } from '../../src/decode/byte-range.js';
import { SecretMask } from '../../src/decode/secrets/secret-mask.js';
import { tokenShapes } from '../../src/decode/secrets/token-shapes.js';
import type { MicroResult } from '../budget.js';

const shortBytes = 8_192;
const longBytes = 4 * shortBytes;
const windows = 3;
const windowSeconds = 0.01;

/** What a log line is like that holds no secret. */
const plain =
  'Tool search of agent-7 timed out after 30 s: HTTP 503 from https://api.example.com/v1/chat?model=gpt-4o-mini, ' +
  'retry 2 of 5 in 250 ms (run 0b7c2f6e-9a4d-4f0e-8c1b-2f6e9a4d4f0e)\n';

/** Beginnings of secrets, over and over: each is looked at, and none is one. */
const hostile: readonly string[] = [
  ...tokenShapes.map(({ prefix }) => prefix),
  ...['@', 'a@', 'a@b.', '://', '://a:', '://a:b@', 'http://a:b/', 'eyJ', 'eyJa.', 'eyJaaaaaaaa.', '12345678:A'],
  ...['token', 'token:', 'token: ', 'token="', "token='", 'token=\\"', 'password=<', 'password=${', 'password=*'],
  ...['cookie: ', 'cookie:', 'cookie: a=b; ', 'authorization: ', 'authorization: digest ', '<token>', 'key_key_key='],
  ...['password=a,', 'password=a,b', 'token=,', 'bearer ', 'bearer a', 'basic ', 'basic aaaaaaaa ', '"\\', "'\\\\"],
  ...[
    '-----BEGIN ',
    '-----BEGIN PRIVATE KEY',
    '-----BEGIN PRIVATE KEY-----',
    '-----END',
    '-----',
    '0Q~',
    'aaa.aaaaaa.',
  ],
  ...['pat12345678901234.', '-us1', '12345678901234567890123456789012-', ' = : > ', '=:', '\\\\\\\\"'],
];

function nanosecondsPerByte(mask: SecretMask, text: string): number {
  const source = createTextSource(text);
  const { length } = source.bytes;
  const cpuMicros = () => {
    const { user, system } = process.cpuUsage();
    return user + system;
  };
  let best = Number.POSITIVE_INFINITY;
  for (let window = 0; window < windows; window++) {
    const started = cpuMicros();
    let bytes = 0;
    for (; cpuMicros() < started + 1e6 * windowSeconds; bytes += length) mask.masks(source, 0, length, longBytes);
    best = Math.min(best, (1e3 * (cpuMicros() - started)) / bytes);
  }
  return best;
}

const growthAttempts = 5;
const growthExpectedMax = 1.3;

/** What others do to this machine makes one of both texts dearer: measured again while it looks as if they did. */
function growthOf(mask: SecretMask, short: string, long: string): number {
  let least = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < growthAttempts && least > growthExpectedMax; attempt++) {
    least = Math.min(least, nanosecondsPerByte(mask, long) / nanosecondsPerByte(mask, short));
  }
  return least;
}

/**
 * The search for secrets alone: its cost a byte in plain text and in the most expensive of the texts made to slow it
 * down, and how much more a byte costs in one of them that is four times as long: 1 when the work is linear.
 */
export function measureMasking(): MicroResult[] {
  const mask = new SecretMask(longBytes);
  const filled = (piece: string, bytes: number) => piece.repeat(Math.ceil(bytes / piece.length)).slice(0, bytes);
  // What is measured is not how the code is compiled for texts that are new to it.
  for (const piece of [plain, ...hostile]) nanosecondsPerByte(mask, filled(piece, shortBytes));
  const figures = hostile.map((piece) => {
    const short = nanosecondsPerByte(mask, filled(piece, shortBytes));
    return { piece, short, growth: growthOf(mask, filled(piece, shortBytes), filled(piece, longBytes)) };
  });
  const dearest = figures.reduce((most, figure) => (figure.short > most.short ? figure : most));
  const steepest = figures.reduce((most, figure) => (figure.growth > most.growth ? figure : most));
  const shown = (piece: string) => JSON.stringify(piece);
  return [
    {
      name: 'search for secrets, plain text',
      value: nanosecondsPerByte(mask, filled(plain, shortBytes)),
      unit: 'ns/B',
    },
    {
      name: `search for secrets, dearest of ${hostile.length}: ${shown(dearest.piece)}`,
      value: dearest.short,
      unit: 'ns/B',
    },
    { name: `the same, 4 times as long: ${shown(steepest.piece)}`, value: steepest.growth, unit: 'times' },
  ];
}
