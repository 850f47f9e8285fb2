import { z } from 'zod';
import { choice, integer, list, optionalText, originList, ratio, text } from './config-field.js';

const mebibyte = 1_048_576;
const tenantPattern = /^[A-Za-z0-9_-]{1,64}$/;

/** Somebody who reads one tenant's rows through the engine's port. */
const engineReader = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/)
    .refine((name) => name !== 'default' && name !== 'tidemark'),
  tenant: z.string().regex(tenantPattern),
  password: z.string().regex(/^[^\s,]{8,256}$/),
});

export const clickhouseFields = {
  url: optionalText({
    pattern: /^https?:\/\/[^\s@/?#,]+\/?(,https?:\/\/[^\s@/?#,]+\/?){0,63}$/,
    allowed: 'up to 64 http:// or https:// addresses with commas between, without user, path or query',
    meaning: 'ClickHouse server to use, or several that hold one store; unset starts the embedded engine.',
  }),
  port: integer(
    { default: 8123, min: 0, max: 65_535 },
    'Port of the embedded engine on 127.0.0.1; 0 takes a free one.',
  ),
  user: optionalText({
    pattern: /^[^\s:]{1,128}$/,
    allowed: 'a user name of 1 to 128 characters without colon and space',
    meaning: 'User on a ClickHouse server; unset is `default`.',
  }),
  password: optionalText({
    pattern: /^.{0,1024}$/,
    allowed: 'up to 1,024 characters',
    meaning: 'Password on a ClickHouse server.',
    secret: true,
  }),
  caFile: optionalText({
    pattern: /^.{1,4096}$/,
    allowed: 'a path of up to 4,096 characters',
    meaning: 'PEM file of the authorities a ClickHouse server is trusted by; unset: those of Node.',
  }),
  certificateFile: optionalText({
    pattern: /^.{1,4096}$/,
    allowed: 'a path of up to 4,096 characters',
    meaning: 'PEM file of the certificate by which a ClickHouse server knows the user, in place of a password.',
  }),
  keyFile: optionalText({
    pattern: /^.{1,4096}$/,
    allowed: 'a path of up to 4,096 characters',
    meaning: 'PEM file of the key of that certificate.',
  }),
  compression: choice(['none', 'gzip'], {
    default: 'none',
    meaning: 'How inserts travel to a ClickHouse server.',
  }),
  database: text({
    default: 'tidemark',
    pattern: /^[A-Za-z_][A-Za-z0-9_]{0,63}$/,
    allowed: 'a name of 1 to 64 of A-Z a-z 0-9 _ that does not start with a digit',
    meaning: 'Database of all tables and views.',
  }),
  cluster: optionalText({
    pattern: /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/,
    allowed: 'a name of 1 to 64 of A-Z a-z 0-9 _ - that does not start with a digit',
    meaning: 'Cluster of the ClickHouse server, as `system.clusters` names it: tables are replicated and sharded.',
  }),
  insertQuorum: optionalText({
    pattern: /^(auto|[1-9][0-9]{0,2})$/,
    allowed: 'auto or a number from 1 to 999',
    meaning: 'Replicas that must have a segment before its insert succeeds; unset: one. `auto` is most of them.',
  }),
  corsOrigins: originList(
    "Origins whose pages may query the embedded engine's port and read its answers (CORS), with a user and a " +
      'password; * is all of them.',
  ),
  readerAccess: choice(['password', 'open'], {
    default: 'password',
    meaning:
      "Whether the embedded engine's read-only user `default` has a password; open: every program on this machine " +
      'reads all tenants.',
  }),
  readerPassword: optionalText({
    pattern: /^.{8,1024}$/,
    allowed: '8 to 1,024 characters',
    meaning:
      "Password of the embedded engine's read-only user `default`; unset makes one at the first start, kept in " +
      '`engine-reader-password`.',
    secret: true,
  }),
  readers: list({
    item: engineReader,
    identity: ({ name }) => name,
    parse: parseReaders,
    allowed: '<user>:<tenant>:<password>,… with passwords of 8 to 256 characters without commas and spaces',
    meaning: 'Users of the embedded engine who read the rows of one tenant each.',
    secret: true,
  }),
  readConnections: integer(
    { default: 6, min: 1, max: 64 },
    'Connections of the embedded engine for reads of the API and of health checks; one query each.',
  ),
  readerConnections: integer(
    { default: { of: ({ cpus }) => Math.max(1, Math.floor(cpus / 2)), text: 'half the processors' }, min: 1, max: 64 },
    "Queries of the embedded engine's port (Grafana and others) at once, and results of theirs that are streamed.",
  ),
  readerSocketsMax: integer(
    { default: 256, min: 8, max: 10_000 },
    "Connections to the embedded engine's port; for one more the one that is idle for the longest is closed.",
  ),
  readerMemoryBytesMax: integer(
    { default: 512 * mebibyte, min: 16 * mebibyte, max: 1_024 * 1_024 * mebibyte },
    "Memory of one query of the embedded engine's port.",
  ),
  readerThreadsMax: integer({ default: 1, min: 1, max: 256 }, "Threads of one query of the embedded engine's port."),
  readerTimeoutMs: integer(
    { default: 60_000, min: 100, max: 3_600_000 },
    "Time of one query of the embedded engine's port, and of its result when it is not sent while it is made.",
  ),
  readerResultBytesMax: integer(
    { default: 1_024 * mebibyte, min: mebibyte, max: 1_024 * 1_024 * mebibyte },
    "Bytes of a result of the embedded engine's port that is held until it is complete, as sent without compression.",
  ),
  readerHeldBytesMax: integer(
    { default: 4_096 * mebibyte, min: 64 * mebibyte, max: 16 * 1_024 * 1_024 * mebibyte },
    'Bytes of all such results at once, in files of the data directory; a file counts as 16 MiB at least.',
  ),
  readerRowsMax: integer(
    { default: 100_000_000, min: 1_000, max: 1_000_000_000 },
    "Rows of a result of the embedded engine's port that is held until it is complete.",
  ),
  memoryRatioMax: ratio(
    { default: 0.4, min: 0.05, max: 0.9 },
    "Share of the machine's memory, or of what its container, pod or slice is given, that the embedded engine may use.",
  ),
  sandbox: choice(['auto', 'on', 'off'], {
    default: 'auto',
    meaning: 'Confine the embedded engine to its own files; `on` refuses to start where that is not possible.',
  }),
} as const;

/** `<user>:<tenant>:<password>,…`; the password may have colons. */
function parseReaders(value: string): unknown {
  return value
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [name, tenant, ...password] = entry.split(':');
      return { name, tenant, password: password.length === 0 ? undefined : password.join(':') };
    });
}
