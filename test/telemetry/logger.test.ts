import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { CollectorError } from '../../src/core/errors.js';
import { createLogger, type LogLevel } from '../../src/telemetry/logger.js';

function setUp(options: { level?: LogLevel; pretty?: boolean } = {}) {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString('utf8'));
      done();
    },
  });
  return { lines, logger: createLogger({ level: 'info', pretty: false, ...options, destination }) };
}

test('a line is one JSON object with level, ISO time, context and message', () => {
  const { lines, logger } = setUp();
  logger.info({ segments: 3 }, 'spool recovered');
  expect(lines).toHaveLength(1);
  const line = JSON.parse(lines[0]!);
  expect(line).toEqual({ level: 'info', time: expect.any(String), segments: 3, msg: 'spool recovered' });
  expect(new Date(line.time).toISOString()).toBe(line.time);
});

test('levels below the chosen one are not written', () => {
  const { lines, logger } = setUp({ level: 'warn' });
  logger.debug({}, 'a');
  logger.info({}, 'b');
  logger.warn({}, 'c');
  logger.error({}, 'd');
  expect(lines.map((line) => JSON.parse(line).level)).toEqual(['warn', 'error']);
});

test('an error is written with its code and its cause', () => {
  const { lines, logger } = setUp();
  const cause = new Error('connection refused');
  logger.error({ err: new CollectorError('store_unreachable', 'cannot insert segment', { cause }) }, 'insert failed');
  const { err } = JSON.parse(lines[0]!);
  expect(err).toMatchObject({ code: 'store_unreachable', cause: { message: 'connection refused' } });
});

test('credentials in a context are masked', () => {
  const { lines, logger } = setUp();
  logger.info({ password: 'hunter2', request: { authorization: 'Bearer abc' } }, 'x');
  expect(lines[0]).not.toMatch(/hunter2|Bearer abc/);
});

test('pretty lines are for people: level, message and context, not JSON', () => {
  const { lines, logger } = setUp({ pretty: true });
  logger.info({ port: 7077 }, 'listening');
  const text = lines.join('');
  expect(text).toContain('listening');
  expect(text).toContain('7077');
  expect(() => JSON.parse(text)).toThrow(SyntaxError);
});
