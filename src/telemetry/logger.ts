import pino from 'pino';
import pretty from 'pino-pretty';
import type { Logger } from '../core/logger.js';

const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LoggerOptions {
  readonly level: LogLevel;
  /** `true`: lines for people, for a terminal; `false`: one JSON object a line. */
  readonly pretty: boolean;
  /** Takes whole lines. */
  readonly destination: NodeJS.WritableStream;
}

/**
 * Writes JSON lines `{"level":"info","time":"2026-01-15T12:00:00.000Z",…,"msg":"…"}`. An error goes under `err`, with
 * its code and cause. Credentials that reach a context by mistake are masked by their name; events and payloads are
 * never passed to a logger.
 */
export function createLogger(options: LoggerOptions): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: pino.stdSerializers.errWithCause },
      redact: { paths: credentialPaths, censor: '***' },
    },
    options.pretty
      ? pretty({ sync: true, singleLine: true, translateTime: 'SYS:HH:MM:ss.l', destination: options.destination })
      : options.destination,
  );
}

const credentialNames = ['authorization', 'password', 'secret', 'token', 'apiKey'];
const credentialPaths = credentialNames.flatMap((name) => [name, `*.${name}`]);
