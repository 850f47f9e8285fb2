import { z } from 'zod';
import { scopes } from '../core/ports/authenticator.js';
import { dayMs, hourMs } from '../core/time-span.js';
import { dataDirDefault, hostDefault, portDefault } from './address-defaults.js';
import { auditFields } from './audit-fields.js';
import { clickhouseFields } from './clickhouse-fields.js';
import { type ConfigField, choice, integer, list, optionalText, ratio, splitList, text } from './config-field.js';
import { healthFields } from './health-fields.js';
import { httpFields } from './http-fields.js';
import { keyLimitFields } from './key-limit-fields.js';
import { liveFields } from './live-fields.js';
import { erasureFields, retentionFields } from './retention-config.js';
import { tlsFields } from './tls-fields.js';

/**
 * Every setting, once. The path of a field is its path in the JSON file (`spool.groupAgeMsMax`) and names its
 * environment variable (`TIDEMARK_SPOOL_GROUP_AGE_MS_MAX`). `load-config.ts` reads it, `relations.ts` says which
 * settings bound each other, and the table of `docs/configuration.md` is printed from it.
 */

const tenantPattern = /^[A-Za-z0-9_-]{1,64}$/;

/** A key from outside: of the characters that fit a header as well as a WebSocket sub-protocol. */
const keyPattern = /^[A-Za-z0-9._~-]{16,256}$/;
const apiKey = z.strictObject({
  key: z.string().regex(keyPattern),
  tenant: z.string().regex(tenantPattern),
  scopes: z.array(z.enum(scopes)).min(1).readonly(),
});

const mebibyte = 1_048_576;
const gibibyte = 1_073_741_824;

export const configTable = {
  host: text({
    default: hostDefault,
    pattern: /^[A-Za-z0-9.:_-]{1,255}$/,
    allowed: 'an address or host name',
    meaning: 'Address to listen on.',
  }),
  port: integer({ default: portDefault, min: 0, max: 65_535 }, 'Port to listen on; 0 takes a free one.'),
  dataDir: text({
    default: dataDirDefault,
    pattern: /^[^\0]{1,4096}$/,
    allowed: 'a path',
    meaning: 'Directory of the spool, the keys and the embedded engine; relative to the working directory.',
  }),
  logLevel: choice(['debug', 'info', 'warn', 'error', 'silent'], {
    default: 'info',
    meaning: 'Least severe log line that is written.',
  }),
  stopDeadlineMs: integer(
    { default: 10_000, min: 100, max: 600_000 },
    'Time a stop may take before what is left is given up; acknowledged events stay in the spool.',
  ),
  apiKeys: list({
    item: apiKey,
    identity: ({ key }) => key,
    parse: parseApiKeys,
    allowed:
      '<key>:<tenant>:<scope>+<scope>,… with keys of 16 to 256 of A-Z a-z 0-9 . _ ~ -, ' +
      'scopes ingest, read, admin, metrics',
    meaning: 'API keys set from outside; when set, none is generated and the stored ones are not used.',
    secret: true,
  }),
  contentTenants: list({
    item: z.string().regex(tenantPattern),
    identity: (tenant) => tenant,
    parse: splitList,
    allowed: 'tenant names separated by commas',
    meaning: 'Tenants that opted in to content keys such as prompt and response.',
  }),

  keyLimits: keyLimitFields,

  auditLog: auditFields,

  limits: {
    frameBytesMax: integer(
      { default: mebibyte, min: 1_024, max: 64 * mebibyte },
      'Bytes of one frame or HTTP body, as sent and when inflated.',
    ),
    eventsPerFrameMax: integer({ default: 10_000, min: 1, max: 1_000_000 }, 'Events in one frame.'),
    nestingMax: integer({ default: 8, min: 4, max: 32 }, 'Depth of nested values in a frame.'),
    errorsListedMax: integer(
      { default: 100, min: 1, max: 10_000 },
      'Errors listed in one answer; the rest is counted.',
    ),
    skewPastMs: integer(
      { default: 7 * dayMs, min: 0, max: 400 * dayMs },
      'How far before its receipt an event may have happened; earlier ones are clamped.',
    ),
    skewFutureMs: integer(
      { default: hourMs, min: 0, max: 7 * dayMs },
      'How far after its receipt an event may claim to have happened; later ones are clamped.',
    ),
  },

  http: httpFields,

  tls: tlsFields,

  socket: {
    idleTimeoutSeconds: integer(
      { default: 45, min: 8, max: 960 },
      'Silence of a client, which is asked for a pong 4 to 16 s before, after which its WebSocket is closed.',
    ),
    outboundBytesMax: integer(
      { default: mebibyte, min: 65_536, max: 256 * mebibyte },
      'Unsent bytes of one WebSocket before it is closed as too slow.',
    ),
  },

  ingest: {
    creditFramesMax: integer(
      { default: 64, min: 1, max: 4_096 },
      'Unacknowledged frames of one connection; fewer where those of all may be more than `ingest.bytesInFlightMax`.',
    ),
    batchBytesMax: integer(
      { default: mebibyte, min: 1_024, max: 64 * mebibyte },
      'Bytes of the frames decoded together.',
    ),
    batchesInFlightMax: integer(
      { default: 8, min: 1, max: 256 },
      'Batches being decoded; three times as many may wait for the disk, more frames wait as they came.',
    ),
    bytesInFlightMax: integer(
      { default: 64 * mebibyte, min: mebibyte, max: 4_096 * mebibyte },
      'Bytes received and not answered, over all connections, at which credit stops.',
    ),
    eventIdsMax: integer(
      { default: 2_000_000, min: 1_000, max: 100_000_000 },
      'Event ids remembered to find repeated events; the oldest are forgotten and counted.',
    ),
    openStartsMax: integer(
      { default: 1_000_000, min: 1_000, max: 100_000_000 },
      'Open runs, tasks and steps whose start is remembered for their end; the oldest are forgotten and counted.',
    ),
    openStartsAgeMsMax: integer(
      { default: dayMs, min: 60_000, max: 30 * dayMs },
      'How long the start of what is open is remembered, in ms.',
    ),
    recentEndsMax: integer(
      { default: 500_000, min: 1_000, max: 100_000_000 },
      'Ends remembered to find a second end of the same; about so many, 16 bytes each.',
    ),
    firstAnswersMax: integer(
      { default: 50_000, min: 0, max: 10_000_000 },
      'Answers kept for requests that come again with their Idempotency-Key; the oldest are forgotten and counted.',
    ),
    firstAnswersCharactersMax: integer(
      { default: 16 * mebibyte, min: 0, max: 4_096 * mebibyte },
      'Characters of all those answers together.',
    ),
  },

  decode: {
    threads: integer(
      {
        default: { of: ({ cpus }) => Math.min(4, Math.max(1, cpus - 1)), text: 'processors - 1, from 1 to 4' },
        min: 1,
        max: 64,
      },
      'Decoding threads.',
    ),
    queueMax: integer({ default: 16, min: 1, max: 1_024 }, 'Batches that wait for a decoding thread.'),
  },

  spool: {
    groupAgeMsMax: integer(
      { default: 2, min: 0, max: 1_000 },
      'Longest wait of a batch for others to share its sync; 0 syncs at once.',
    ),
    groupBytesMax: integer(
      { default: 262_144, min: 4_096, max: 64 * mebibyte },
      'Waiting bytes that start a sync at once.',
    ),
    pendingBytesMax: integer(
      { default: 64 * mebibyte, min: mebibyte, max: 1_024 * mebibyte },
      'Bytes appended and not yet on disk; more are refused.',
    ),
    segmentBytesMax: integer(
      { default: 64 * mebibyte, min: mebibyte, max: 1_024 * mebibyte },
      'Bytes at which a segment is closed and inserted.',
    ),
    segmentRowsMax: integer(
      { default: 500_000, min: 1_000, max: 4_000_000 },
      'Rows at which a segment is closed; a segment is one block of the store.',
    ),
    segmentAgeMsMin: integer(
      { default: 800, min: 10, max: 3_600_000 },
      'Age at which a segment is closed while none is inserted or waits for it.',
    ),
    segmentAgeMsMax: integer(
      { default: 4_000, min: 10, max: 3_600_000 },
      'Age at which a segment is closed while one is inserted.',
    ),
    segmentAgeMsBacklog: integer(
      { default: 60_000, min: 10, max: 3_600_000 },
      'Age at which a segment is closed while others wait for their insert.',
    ),
    bytesMax: integer(
      { default: 10 * gibibyte, min: 16 * mebibyte, max: 100_000 * gibibyte },
      'Bytes of the spool before frames are refused.',
    ),
    diskUsedRatioMax: ratio(
      { default: 0.9, min: 0.1, max: 0.99 },
      'Used share of the disk above which frames are refused.',
    ),
    producersMax: integer(
      { default: 1_000_000, min: 100, max: 10_000_000 },
      'Producers whose position is remembered; the oldest are forgotten and counted.',
    ),
    producerAgeMsMax: integer(
      { default: 7 * dayMs, min: 60_000, max: 365 * dayMs },
      'Silence after which the position of a producer is forgotten.',
    ),
  },

  window: {
    keysMax: integer(
      { default: 10_000, min: 1, max: 1_000_000 },
      'Agents with live windows; the least recently active are evicted and counted.',
    ),
    bytesMax: integer(
      { default: 512 * mebibyte, min: mebibyte, max: 65_536 * mebibyte },
      'Bytes of all live windows; beyond it the least recently active agents are evicted.',
    ),
  },

  live: liveFields,
  health: healthFields,

  metrics: {
    agentsMax: integer(
      { default: 500, min: 0, max: 10_000 },
      'Agents with metrics of their own; the others are summed as `__other__`.',
    ),
    key: optionalText({
      pattern: keyPattern,
      allowed: '16 to 256 of A-Z a-z 0-9 . _ ~ -',
      meaning: 'Key for `/metrics`, for scrapers elsewhere; a stored key with the scope metrics does as well.',
      secret: true,
    }),
    withoutKey: choice(['loopback', 'nobody'], {
      default: 'loopback',
      meaning:
        'Who may read `/metrics` without a key: programs of this machine that come through no proxy, or nobody. A ' +
        'proxy that tells nothing of whom it asks for needs nobody.',
    }),
  },

  query: {
    timeoutMs: integer({ default: 10_000, min: 100, max: 600_000 }, 'Time a read query may take.'),
    rangeDaysMax: integer(
      { default: 400, min: 1, max: 3_660 },
      'Days one metric query may span; what is kept how long is said by `retention`.',
    ),
    concurrencyMax: integer({ default: 4, min: 1, max: 1_000 }, 'Read queries at the store at once; more wait.'),
    tenantRequestsMax: integer(
      { default: 500, min: 1, max: 100_000 },
      'Read requests of one tenant under way; one more is answered `overloaded`.',
    ),
    tenantConcurrencyMax: integer(
      { default: 3, min: 1, max: 1_000 },
      'Read queries of one tenant at the store at once; below `query.concurrencyMax`, no tenant can take every place.',
    ),
    tenantWaitingMax: integer(
      { default: 256, min: 0, max: 100_000 },
      'Read queries of one tenant that wait for their turn; one more is answered `overloaded`.',
    ),
    memoryBytesMax: integer(
      { default: 512 * mebibyte, min: mebibyte, max: 1_024 * gibibyte },
      'Memory of one read query at the store; one that needs more is answered `query_too_large`.',
    ),
    exportsMax: integer({ default: 2, min: 1, max: 64 }, 'Exports at once; one more is answered `overloaded`.'),
    exportTimeoutMs: integer(
      { default: 3_600_000, min: 1_000, max: dayMs },
      'Time an export may take, its download included; then it is cut off.',
    ),
    exportMemoryBytesMax: integer(
      { default: gibibyte, min: mebibyte, max: 1_024 * gibibyte },
      'Memory of one export at the store; beyond it the export fails.',
    ),
    cacheMs: integer(
      { default: 1_000, min: 0, max: 10_000 },
      'How old the answer of an equal read may be, from the start of its read, to be given again; 0 shares nothing.',
    ),
    rememberedBytesMax: integer(
      { default: 64 * mebibyte, min: 0, max: 64 * gibibyte },
      'Days, sums and pages of tasks of the store that are kept in memory and read again only when they change; ' +
        '0 keeps none, and nothing is kept of a cluster.',
    ),
    preparedTenantsMax: integer(
      { default: 16, min: 0, max: 1_000 },
      'Tenants whose dashboards are read before somebody asks: at the start, as an hour begins, and what came since ' +
        'while they are asked for; 0 reads none ahead.',
    ),
  },

  history: {
    leaseMs: integer(
      { default: 300_000, min: 1_000, max: dayMs },
      'A task or run that has not ended is `orphaned` when neither an event nor a heartbeat came for so long.',
    ),
  },

  retention: retentionFields,

  erasure: erasureFields,

  maintenance: {
    schedule: choice(['on', 'off'], {
      default: 'on',
      meaning:
        'Compares finished days with their raw events and repairs them, completes erasures, drops what has expired; ' +
        'of several collectors on a store the one with its lease does.',
    }),
  },

  clickhouse: clickhouseFields,
} as const satisfies FieldTree;

export interface FieldTree {
  readonly [name: string]: ConfigField<unknown> | FieldTree;
}

type ValuesOf<Tree> = {
  readonly [Name in keyof Tree]: Tree[Name] extends ConfigField<infer Value> ? Value : ValuesOf<Tree[Name]>;
};

/** The validated configuration, frozen all the way down. */
export type Config = ValuesOf<typeof configTable>;

export interface NamedField {
  /** `spool.groupAgeMsMax` */
  readonly path: string;
  /** `TIDEMARK_SPOOL_GROUP_AGE_MS_MAX` */
  readonly variable: string;
  readonly field: ConfigField<unknown>;
}

/** All fields, in the order of the table. */
export const configFields: readonly NamedField[] = flatten(configTable, '');

function flatten(tree: FieldTree, prefix: string): NamedField[] {
  return Object.entries(tree).flatMap(([name, node]) => {
    const path = `${prefix}${name}`;
    return isField(node) ? [{ path, variable: variableOf(path), field: node }] : flatten(node, `${path}.`);
  });
}

export function isField(node: ConfigField<unknown> | FieldTree): node is ConfigField<unknown> {
  return node.isField === true;
}

function variableOf(path: string): string {
  return `TIDEMARK_${path
    .replaceAll('.', '_')
    .replaceAll(/[A-Z]/g, (letter) => `_${letter}`)
    .toUpperCase()}`;
}

/** `<key>:<tenant>:<scope>+<scope>,…`; parts that are missing come out as undefined and are refused by the schema. */
function parseApiKeys(value: string): unknown {
  return splitList(value).map((entry) => {
    const [key, tenant, scopeList, ...rest] = entry.split(':');
    return rest.length > 0 ? entry : { key, tenant, scopes: scopeList?.split('+') };
  });
}
