import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Config, configFields } from '../../src/config/config.js';
import { type ConfigInputs, loadConfig } from '../../src/config/load-config.js';
import { nearestName } from '../../src/config/nearest-name.js';
import { describeConfig, readConfig } from '../../src/config/read-config.js';
import { CollectorError } from '../../src/core/errors.js';
import { dayMs, hourMs } from '../../src/core/time-span.js';
import { tempDir } from '../support/temp-dir.js';

const machine = { cpus: 2 };
const key = 'k'.repeat(20);

function load(inputs: Partial<ConfigInputs>): ReturnType<typeof loadConfig> {
  return loadConfig({ env: {}, machine, ...inputs });
}

function mustLoad(inputs: Partial<ConfigInputs> = {}): Config {
  const { config, problems } = load(inputs);
  if (config === undefined) throw new Error(problems.join('\n'));
  return config;
}

function problemsOf(inputs: Partial<ConfigInputs>): readonly string[] {
  return load(inputs).problems ?? [];
}

function file(content: unknown): { readonly path: string; readonly text: string } {
  return { path: 'tidemark.json', text: typeof content === 'string' ? content : JSON.stringify(content) };
}

test('without any setting the defaults are valid, and a frame has the limits of the protocol', () => {
  const config = mustLoad();
  expect(config.host).toBe('127.0.0.1');
  expect(config.port).toBe(7077);
  expect(config.clickhouse.url).toBeNull();
  expect(config.limits).toEqual({
    frameBytesMax: 1_048_576,
    eventsPerFrameMax: 10_000,
    nestingMax: 8,
    errorsListedMax: 100,
    skewPastMs: 7 * dayMs,
    skewFutureMs: hourMs,
  });
  expect(config.apiKeys).toEqual([]);
});

test('the environment wins over the file and the file over the defaults', () => {
  const inputs = { file: file({ port: 8000, spool: { groupAgeMsMax: 5 } }), env: { TIDEMARK_PORT: '9000' } };
  const config = mustLoad(inputs);
  expect(config.port).toBe(9000);
  expect(config.spool.groupAgeMsMax).toBe(5);
  expect(config.spool.groupBytesMax).toBe(262_144);
});

test('an empty variable counts as not set', () => {
  expect(mustLoad({ env: { TIDEMARK_PORT: '' } }).port).toBe(7077);
});

test('decoding threads leave one processor and stay between 1 and 4', () => {
  const threads = [1, 2, 4, 64].map((cpus) => mustLoad({ machine: { cpus } }).decode.threads);
  expect(threads).toEqual([1, 1, 3, 4]);
});

test('every default lies within its own bounds', () => {
  for (const { path, field } of configFields) {
    expect(field.schema.safeParse(field.defaultFor(machine)).success, path).toBe(true);
  }
});

test('every number has its unit or what it counts in its name', () => {
  const numbers = configFields.filter(({ field }) => typeof field.defaultFor(machine) === 'number');
  const unnamed = numbers
    .map(({ path }) => path)
    .filter((path) => !/(Ratio|[a-zA-Z]s)([A-Z][A-Za-z]*)?$/.test(path))
    .filter(
      (path) => !/(^|\.)(port|nestingMax|queueMax|concurrencyMax|tenantConcurrencyMax|tenantWaitingMax)$/.test(path),
    );
  expect(unnamed).toEqual([]);
});

test('all problems are reported at once, each with its place and what is allowed', () => {
  const problems = problemsOf({
    env: { TIDEMARK_PORT: 'abc', TIDEMARK_LOG_LEVEL: 'loud', TIDEMARK_SPOL_BYTES_MAX: '1' },
    file: file({ spool: { diskUsedRatioMax: 2, segmentByteMax: 1 }, query: 7 }),
    argv: ['--verbose'],
  });
  expect(problems).toEqual([
    "command line: Unknown option '--verbose'; allowed: --config <path>, --check-config",
    'tidemark.json: spool.segmentByteMax: no such key, did you mean spool.segmentBytesMax?',
    'tidemark.json: query must hold a JSON object',
    'TIDEMARK_SPOL_BYTES_MAX: no such variable, did you mean TIDEMARK_SPOOL_BYTES_MAX?',
    'TIDEMARK_PORT: "abc" is not allowed; allowed: an integer from 0 to 65,535',
    'TIDEMARK_LOG_LEVEL: "loud" is not allowed; allowed: debug, info, warn, error, silent',
    'tidemark.json: spool.diskUsedRatioMax: 2 is not allowed; allowed: a number from 0.1 to 0.99',
  ]);
});

test.each(['7077.5', '1e3', '0x10', ' 7077', '-1', '65536', 'NaN'])('%j is no port', (text) => {
  expect(problemsOf({ env: { TIDEMARK_PORT: text } })).toHaveLength(1);
});

test('limits that have to fit into each other are compared', () => {
  expect(problemsOf({ env: { TIDEMARK_SPOOL_SEGMENT_AGE_MS_MAX: '100' } })).toEqual([
    'TIDEMARK_SPOOL_SEGMENT_AGE_MS_MAX (100) must be at least TIDEMARK_SPOOL_SEGMENT_AGE_MS_MIN (800): ' +
      'a segment is closed between the two',
  ]);
  expect(problemsOf({ file: file({ limits: { frameBytesMax: 2_097_152 } }) })).toHaveLength(1);
  expect(problemsOf({ env: { TIDEMARK_CLICKHOUSE_USER: 'writer' } })).toHaveLength(1);
  expect(problemsOf({ env: { TIDEMARK_QUERY_CONCURRENCY_MAX: '6' } })).toHaveLength(1);
  expect(problemsOf({ env: { TIDEMARK_HTTP_REQUESTS_MAX: '500' } })).toHaveLength(1);
  expect(problemsOf({ env: { TIDEMARK_HEALTH_DISK_DEGRADED_RATIO: '0.96' } })).toHaveLength(1);
  const server = { TIDEMARK_CLICKHOUSE_URL: 'http://clickhouse:8123' };
  expect(problemsOf({ env: { TIDEMARK_QUERY_CONCURRENCY_MAX: '6', ...server } })).toEqual([]);
  expect(problemsOf({ env: { TIDEMARK_CLICKHOUSE_PORT: '7077' } })).toHaveLength(1);
});

test('a relation is not reported against a setting that is itself invalid', () => {
  const problems = problemsOf({
    env: { TIDEMARK_SPOOL_SEGMENT_AGE_MS_MAX: '100', TIDEMARK_SPOOL_SEGMENT_AGE_MS_MIN: 'x' },
  });
  expect(problems).toHaveLength(1);
});

test('the configuration is frozen all the way down', () => {
  const config = mustLoad({ env: { TIDEMARK_API_KEYS: `${key}:acme:ingest` } });
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen));
  expect(frozen(config)).toBe(true);
});

test('API keys are read from the variable and from the file', () => {
  const expected = [
    { key, tenant: 'acme', scopes: ['ingest', 'read'] },
    { key: `${key}2`, tenant: 'other', scopes: ['admin'] },
  ];
  const env = { TIDEMARK_API_KEYS: `${key}:acme:ingest+read, ${key}2:other:admin` };
  expect(mustLoad({ env }).apiKeys).toEqual(expected);
  expect(mustLoad({ file: file({ apiKeys: expected }) }).apiKeys).toEqual(expected);
});

test.each([
  `${key}:acme`,
  `${key}:acme:write`,
  `${key}:a b:read`,
  'short:acme:read',
  `${key}:acme:read:x`,
  key,
  `${key}:a:read,${key}:b:read`,
])('the API key entry %j is refused without being shown', (entry) => {
  const [problem, ...more] = problemsOf({ env: { TIDEMARK_API_KEYS: entry } });
  expect(more).toEqual([]);
  expect(problem).toMatch(/^TIDEMARK_API_KEYS: the value \(not shown\) is not allowed/);
  expect(problem).not.toContain(key);
});

test('a file that is no JSON is a problem that does not quote it', () => {
  const problems = problemsOf({ file: file(`{"apiKeys": "${key}"`) });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(/^tidemark.json: cannot read the configuration: the file is not valid JSON: .+ at char/);
  expect(problems[0]).not.toContain(key);
});

test('names of the prototype chain are no keys', () => {
  expect(problemsOf({ file: file('{"constructor": {}, "__proto__": {"port": 1}}') })).toHaveLength(2);
});

test('variables that Kubernetes sets for a service of our name are ignored', () => {
  const env = { TIDEMARK_SERVICE_HOST: '10.0.0.1', TIDEMARK_SERVICE_PORT_HTTP: '1', TIDEMARK_PORT_7077_TCP: 'tcp://x' };
  expect(problemsOf({ env })).toEqual([]);
});

test('a far name is not suggested', () => {
  expect(nearestName('TIDEMARK_COLOUR', ['TIDEMARK_SPOOL_BYTES_MAX'])).toBeUndefined();
  expect(nearestName('TIDEMARK_PROT', ['TIDEMARK_HOST', 'TIDEMARK_PORT'])).toBe('TIDEMARK_PORT');
});

test('--config names the file and wins over TIDEMARK_CONFIG', () => {
  const directory = tempDir();
  writeFileSync(join(directory, 'a.json'), '{"port": 1}');
  writeFileSync(join(directory, 'b.json'), '{"port": 2}');
  const env = { TIDEMARK_CONFIG: join(directory, 'a.json') };
  expect(readConfig({ env, argv: [] }).config.port).toBe(1);
  expect(readConfig({ env, argv: ['--config', join(directory, 'b.json'), '--check-config'] })).toMatchObject({
    config: { port: 2 },
    checkOnly: true,
  });
});

test('a configuration file that cannot be read is listed among the other problems', () => {
  const directory = tempDir();
  mkdirSync(join(directory, 'c.json'));
  const env = { TIDEMARK_CONFIG: join(directory, 'c.json'), TIDEMARK_PORT: 'x' };
  const failure = catchError(() => readConfig({ env, argv: [] }));
  expect(failure).toBeInstanceOf(CollectorError);
  expect(failure).toMatchObject({ code: 'config_invalid' });
  expect(String(failure)).toMatch(/TIDEMARK_PORT.*\n.*c\.json: cannot read/);
});

test('the description masks secrets that are set and reads back as a file otherwise', () => {
  const env = {
    TIDEMARK_API_KEYS: `${key}:acme:ingest`,
    TIDEMARK_CLICKHOUSE_URL: 'http://store:8123',
    TIDEMARK_CLICKHOUSE_PASSWORD: 'pw-of-the-store',
  };
  const described = describeConfig(mustLoad({ env }));
  expect(described).not.toContain(key);
  expect(described).not.toContain('pw-of-the-store');
  expect(JSON.parse(described)).toMatchObject({
    apiKeys: '********',
    clickhouse: { password: '********', readerPassword: null },
  });
  const plain = mustLoad();
  expect(mustLoad({ file: file(describeConfig(plain)) })).toEqual(plain);
});

function catchError(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

test('origins of pages are taken whole, in lower case and without a path, or as a star', () => {
  const origins = (text: string) => load({ env: { TIDEMARK_HTTP_CORS_ORIGINS: text } }).config?.http.corsOrigins;
  expect(mustLoad().http.corsOrigins).toEqual([]);
  expect(origins('https://board.example.com,http://localhost:3000,http://[::1]:8080')).toEqual([
    'https://board.example.com',
    'http://localhost:3000',
    'http://[::1]:8080',
  ]);
  expect(origins('*')).toEqual(['*']);
  for (const text of ['https://board.example.com/', 'HTTPS://Board.example.com', 'board.example.com', 'null', '**']) {
    expect([text, origins(text)]).toEqual([text, undefined]);
  }
});
