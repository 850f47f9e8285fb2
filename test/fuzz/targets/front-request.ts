import { deepStrictEqual, ok } from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { deflateSync, gzipSync } from 'node:zlib';
import { ClickHouseException } from '../../../src/clickhouse/embedded/clickhouse-exception.js';
import { EngineUsers, passwordHashOf } from '../../../src/clickhouse/embedded/front/engine-users.js';
import { isNativeHello } from '../../../src/clickhouse/embedded/front/native-hello.js';
import { readRequestBody } from '../../../src/clickhouse/embedded/front/request-body.js';
import { formatAskedFor, parseRequestParameters } from '../../../src/clickhouse/embedded/front/request-parameters.js';
import { guardSettings } from '../../../src/clickhouse/embedded/guard/setting-rules.js';
import { seededRandom } from '../../support/seeded-random.js';
import { type FuzzTarget, message, splitMessage } from '../fuzz-target.js';

const common = { tenant: null, isCollector: false } as const;
const reader = { ...common, name: 'default', role: 'reader' } as const;
const writer = { ...common, name: 'tidemark', role: 'writer' } as const;
const users = new EngineUsers(
  [
    { ...reader, passwordHash: passwordHashOf('') },
    { ...writer, passwordHash: passwordHashOf('w') },
  ],
  'default',
);

const values = new Map(['max_threads', 'max_memory_usage', 'dialect'].map((name) => [name, '0']));
const bounds = { values, memoryBytesMax: 1_000 };

/**
 * `POST ?query` with headers and a body, of the open port. What comes out must not depend on where the body was cut in
 * chunks; `squeeze: gzip` and `deflate` compress it on its way.
 */
export function openTarget(): FuzzTarget {
  return {
    async run(bytes) {
      const { first, headers, body } = splitMessage(bytes);
      const url = new URLSearchParams(first.replace(/^[^?]*\??/, ''));
      const source = { url, header: (name: string) => headers.get(name) };
      attempt(() => users.authenticate(source));
      const parameters = attempt(() => parseRequestParameters(source));
      if (parameters !== null) {
        attempt(() => guardSettings(parameters.settings, reader, bounds));
        attempt(() => guardSettings(parameters.settings, writer, bounds));
        attempt(() => formatAskedFor(parameters));
      }
      isNativeHello(body.toString('latin1'));
      const query = parameters?.query ?? '';
      const sent = { body, query, encoding: headers.get('content-encoding') ?? '' };
      const squeeze = headers.get('squeeze');
      const packed =
        squeeze === 'gzip'
          ? { ...sent, body: gzipSync(body), encoding: 'gzip' }
          : squeeze === 'deflate'
            ? { ...sent, body: deflateSync(body), encoding: 'deflate' }
            : sent;
      const whole = await read(packed, [packed.body]);
      for (const chunks of cuts(packed.body)) deepStrictEqual(await read(packed, chunks), whole);
      return undefined;
    },
    seeds,
    words,
    bytesMax: 8_192,
    isTimed: true,
  };
}

/** A refusal in ClickHouse's words is an answer; anything else is a fault. */
function attempt<Result>(run: () => Result): Result | null {
  try {
    return run();
  } catch (error) {
    if (error instanceof ClickHouseException && error.code !== unknownException) return null;
    throw error;
  }
}

const unknownException = 1002;

interface SentBody {
  readonly body: Buffer;
  readonly query: string;
  readonly encoding: string;
}

/** Small, so that inputs reach it. */
const queryBytesMax = 2_048;

async function read({ query, encoding }: SentBody, chunks: readonly Buffer[]) {
  const request = Object.assign(Readable.from(chunks, { objectMode: true }), {
    headers: { 'content-encoding': encoding },
    complete: true,
  }) as unknown as IncomingMessage;
  try {
    const { head, bytes, rest } = await readRequestBody(request, {
      query,
      queryBytesMax,
      mayInsert: true,
      isFramed: false,
    });
    const all = [bytes];
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) all.push(next.value);
    ok(head.kind !== 'data' || head.dataStart <= bytes.length, 'the data begins behind what was read');
    return { head, bytes: Buffer.concat(all).toString('latin1') };
  } catch (error) {
    if (!(error instanceof ClickHouseException) || error.code === unknownException) throw error;
    return { refused: error.code };
  }
}

/** Byte by byte while it is short, and in pieces that follow from the bytes. */
function cuts(body: Buffer): Buffer[][] {
  const single = body.length <= 256 ? [Array.from(body, (byte) => Buffer.of(byte))] : [];
  const random = seededRandom(body.reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, body.length));
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const end = at + 1 + Math.floor(random() ** 3 * 200);
    pieces.push(body.subarray(at, end));
    at = end;
  }
  return [...single, pieces];
}

const words = [
  'INSERT INTO ',
  'VALUES ',
  'FORMAT ',
  'SETTINGS a = 1 ',
  'FROM INFILE ',
  'SELECT ',
  'WITH ',
  'param_a=',
  'query=',
  'default_format=',
  'content-encoding: gzip',
  'squeeze: deflate',
  '$$',
  '$a$',
  '/*',
  '*/',
  '-- ',
  "'",
  '`',
  '\\',
];

function seeds(): Uint8Array[] {
  const bodies = [
    'SELECT 1',
    'INSERT INTO t (a, b) VALUES (1, 2)',
    'INSERT INTO t FORMAT JSONEachRow\n{"a":1}\n\n{"a":2}',
    "INSERT INTO `t x`.`y` (a) SETTINGS async_insert = 1, b = 'x' FORMAT CSV  \r\n1\n2",
    "INSERT INTO t FROM INFILE '/tmp/x' FORMAT Native",
    'insert into t select 1 -- VALUES\n',
    "INSERT /* ' */ INTO t /* /* */ VALUES */ (`a`) FORMAT Values(1)",
    'INSERT INTO TABLE FUNCTION file($$x$$) VALUES (1)',
    "INSERT INTO t ($a$ ' $a$) VALUES ('\\'')",
    'SELECT displayName(), version(), revision(), timezone()',
    `INSERT INTO t (${'a, '.repeat(600)}b) VALUES (1)`,
    `INSERT INTO t VALUES ${'(1),'.repeat(900)}`,
  ];
  const heads: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    ['POST ?database=d&query_id=q&wait_end_of_query=0&param_x=1&max_threads=2', {}],
    ['POST ?user=tidemark&password=w&format_schema=x', { squeeze: 'gzip' }],
    ['POST ?query=INSERT%20INTO%20t%20FORMAT%20CSV', { 'x-clickhouse-user': 'default', 'x-clickhouse-key': '' }],
    ['POST ?compress=1&default_format=JSON', { authorization: 'Basic dGlkZW1hcms6dw==', squeeze: 'deflate' }],
    ['POST ?client_protocol_version=54460&enable_http_compression=1', { 'accept-encoding': 'gzip, br' }],
    ['POST', { 'content-encoding': 'gzip', 'x-clickhouse-format': 'TSV' }],
  ];
  return bodies.flatMap((body, at) => [
    message(...heads[at % heads.length]!, body),
    message(...heads[(at + 2) % heads.length]!, body),
  ]);
}
