import type { Readable } from 'node:stream';
import { type ClickHouseClient, ClickHouseLogLevel, createClient, type QueryParams } from '@clickhouse/client';
import type { Clock, Random } from '../core/clock.js';
import { CollectorError, errorMessage } from '../core/errors.js';
import type { StoreReadInstruments } from '../core/instruments.js';
import type { DependencyHealth, HealthProbe } from '../core/ports/health-probe.js';
import type { StoreExporter } from '../core/ports/store-exporter.js';
import type { StoreQuery, StoreReader } from '../core/ports/store-reader.js';
import type { ReadLimits } from '../core/read-limits.js';
import { isServerOut, isUnsent, storeError } from './classify-error.js';
import { Deadline } from './deadline.js';
import { ChannelAgent } from './embedded/process/engine-channel.js';
import { ReadsChannel } from './embedded/process/reads-channel.js';
import { EndpointPool, type EndpointRequest } from './endpoint-pool.js';
import { StoreExports } from './exporter.js';
import { type InsertCompression, packed } from './insert-compression.js';
import { readError } from './read-error.js';
import { ReadGate } from './read-gate.js';
import type { StoreSettings, StoreStatement, StoreWriter } from './store-writer.js';

/**
 * The one client of ClickHouse, embedded or server, over HTTP: a reader and a writer account, each with its own
 * connections, so that a heavy read never stands in the way of an insert. Of several servers reads and inserts go to
 * the one with the least to do; other statements to the first that answers, because they see what was written before.
 *
 * The reader account may be read-only but must accept settings (`readonly = 2` on a server): the limits of a
 * read travel with it.
 */
export interface ClickhouseOptions {
  /** One address, or several with commas between. */
  readonly url: string;
  /** Unix socket to connect to in place of the host of `url`: the channel of an embedded engine. */
  readonly channelPath?: string;
  readonly database: string;
  readonly writer: ClickhouseAccount;
  readonly reader: ClickhouseAccount;
  readonly limits: ClickhouseLimits;
  /** Absent: as the system has it. */
  readonly tls?: ClickhouseTls;
  /** Of every statement. */
  readonly settings?: StoreSettings;
  /** Of the rows of an insert on their way. */
  readonly insertCompression?: InsertCompression;
}

export interface ClickhouseTls {
  readonly ca: Buffer;
  /** By which the user is known, in place of a password. */
  readonly client: { readonly certificate: Buffer; readonly key: Buffer } | null;
}

/** The connections to one server. */
interface Connections {
  readonly reader: ClickHouseClient;
  readonly writer: ClickHouseClient;
  readonly exporter: ClickHouseClient;
  /** Takes the reads of an embedded engine; null: `reader` does. */
  readonly reads: ReadsChannel | null;
}

interface ClickhouseAccount {
  readonly user: string;
  readonly password: string;
}

/** Beside the limits of the configuration those that are the same everywhere. */
export interface ClickhouseLimits
  extends Omit<
    ReadLimits,
    'rangeDaysMax' | 'tenantRequestsMax' | 'cacheMs' | 'rememberedBytesMax' | 'preparedTenantsMax'
  > {
  /** Reads of all tenants that wait for their turn. */
  readonly waitingMax: number;
  /** Of the result of one read. */
  readonly readRowsMax: number;
  readonly readBytesMax: number;
  /** Of one insert or migration statement. */
  readonly writeDurationMsMax: number;
  readonly pingDurationMsMax: number;
}

export function clickhouseLimits(reads: ReadLimits): ClickhouseLimits {
  return {
    ...reads,
    waitingMax: 1_024,
    readRowsMax: 1_000_000,
    readBytesMax: 512 * 1024 * 1024,
    writeDurationMsMax: 120_000,
    pingDurationMsMax: 3_000,
  };
}

export interface ClickhouseClient extends StoreReader, StoreExporter, StoreWriter, HealthProbe {
  /** Grows when a statement with the writer's rights begins, and when it ends. */
  readonly writerSteps: number;
  /** Round trip of a `SELECT 1` of the reader, in ms. Rejects with `store_unavailable`. */
  ping(): Promise<number>;
  /** What each server answers to a read of the writer; of one that does not answer, nothing. */
  rowsOfEach<Row>(query: StoreQuery): Promise<readonly { readonly url: string; readonly rows: readonly Row[] }[]>;
  /** Idempotent; requests under way fail. */
  close(): Promise<void>;
}

export interface ClickhouseDeps {
  readonly clock: Clock;
  /** Spreads how long a server that did not answer is left out; absent: the least there is. */
  readonly random?: Random;
  /** Absent in tools that have no metrics page. */
  readonly instruments?: StoreReadInstruments;
}

export function createClickhouseClient(deps: ClickhouseDeps, options: ClickhouseOptions): ClickhouseClient {
  return new HttpClickhouseClient(deps, options);
}

class HttpClickhouseClient implements ClickhouseClient {
  readonly name = 'clickhouse';
  readonly ifUnhealthy = 'degraded';
  readonly #clock: Clock;
  readonly #instruments: StoreReadInstruments | undefined;
  readonly #options: ClickhouseOptions;
  readonly #readSettings: StoreSettings;
  readonly #pool: EndpointPool<Connections>;
  readonly #gate: ReadGate;
  readonly #exports: StoreExports;
  writerSteps = 0;

  constructor({ clock, random = () => 0, instruments }: ClickhouseDeps, options: ClickhouseOptions) {
    this.#clock = clock;
    this.#instruments = instruments;
    this.#options = options;
    this.#readSettings = readSettings(options);
    const { limits } = options;
    const endpoints = options.url.split(',').map((url) => ({ url, connection: connectTo(options, url) }));
    this.#pool = new EndpointPool({ clock, random, isOut: isServerOut, isUnsent }, endpoints);
    this.#exports = new StoreExports(clock, limits, ({ sql, params, settings, signal }) =>
      this.#pool.run(anyServer, async ({ exporter }) => {
        const { stream, response_headers: headers } = await exporter.exec({
          query: sql,
          query_params: { ...params },
          clickhouse_settings: { ...settings },
          abort_signal: signal,
        });
        return { stream, headers };
      }),
    );
    this.#gate = new ReadGate(limits);
  }

  async rows<Row>(query: StoreQuery): Promise<Row[]> {
    const deadline = new Deadline(this.#clock, this.#options.limits.timeoutMs, query.signal);
    try {
      return await this.#inTurn(query, deadline.signal, () =>
        this.#pool.run(anyServer, ({ reader, reads }) =>
          reads === null
            ? jsonRows<Row>(reader, query, {
                clickhouse_settings: { ...this.#readSettings, ...query.settings },
                abort_signal: deadline.signal,
              })
            : reads.rows<Row>(query, deadline.signal),
        ),
      );
    } catch (error) {
      throw readError(query.name, error, deadline);
    } finally {
      deadline.end();
    }
  }

  export(query: Parameters<StoreExporter['export']>[0]): Promise<AsyncIterable<Uint8Array>> {
    return this.#exports.export(query);
  }

  async writerRows<Row>(query: StoreQuery): Promise<Row[]> {
    return await this.#writing(
      { what: `run ${query.name}`, at: sameServer },
      query.signal,
      ({ writer }, abort_signal) => jsonRows<Row>(writer, query, { abort_signal }),
    );
  }

  async rowsOfEach<Row>(query: StoreQuery) {
    const deadline = new Deadline(this.#clock, this.#options.limits.pingDurationMsMax, query.signal);
    try {
      return await this.#pool.forEach(async ({ writer }, url) => {
        const read = jsonRows<Row>(writer, query, { abort_signal: deadline.signal });
        return { url, rows: await read.catch((): Row[] => []) };
      });
    } finally {
      deadline.end();
    }
  }

  async command(statement: StoreStatement): Promise<void> {
    const place = { what: `run ${statement.name}`, at: firstServer };
    await this.#writing(place, undefined, async ({ writer }, abort_signal, url) => {
      // ClickHouse refuses any statement on a connection that names a database which does not exist.
      const account = this.#options.writer;
      const isMissing = statement.databaseMissing === true;
      const client = isMissing ? connect(this.#options, url, { account, database: 'default', socketsMax: 1 }) : writer;
      const params = statement.params === undefined ? {} : { query_params: { ...statement.params } };
      const settings = { ...this.#writeSettings(), ...statement.settings };
      try {
        await client.command({ query: statement.sql, abort_signal, clickhouse_settings: settings, ...params });
      } finally {
        if (isMissing) await client.close();
      }
    });
  }

  async insertStream(statement: StoreStatement, openBody: () => Readable): Promise<void> {
    const place = { what: `run ${statement.name}`, at: oneServer };
    await this.#writing(place, undefined, ({ writer }, signal) => this.#send(writer, statement, openBody(), signal));
  }

  async #send(writer: Connections['writer'], statement: StoreStatement, body: Readable, signal: AbortSignal) {
    const controller = new AbortController();
    let broken: unknown;
    body.once('error', (error) => {
      broken = error;
      controller.abort(error);
    });
    try {
      const { values, headers } = packed(body, this.#options.insertCompression ?? 'none');
      const result = await writer.exec({
        query: statement.sql,
        values,
        abort_signal: AbortSignal.any([signal, controller.signal]),
        clickhouse_settings: { ...this.#writeSettings(), ...statement.settings },
        http_headers: headers,
      });
      // The answer is empty, but its end is what frees the socket.
      for await (const _ of result.stream);
    } catch (error) {
      // A connection that fails takes the body with it, which fails as well.
      if (broken === undefined || isServerOut(error)) throw error;
      throw new Error(`cannot read its rows: ${errorMessage(broken)}`, { cause: broken });
    } finally {
      body.destroy();
    }
  }

  async ping(): Promise<number> {
    const started = this.#clock.monotonicMs();
    const deadline = new Deadline(this.#clock, this.#options.limits.pingDurationMsMax, undefined);
    try {
      await this.#pool.run(anyServer, async ({ reader }) => {
        const result = await reader.ping({ select: true, abort_signal: deadline.signal });
        if (!result.success) throw result.error;
      });
      return this.#clock.monotonicMs() - started;
    } catch (error) {
      throw readError('ping', error, deadline);
    } finally {
      deadline.end();
    }
  }

  async health(): Promise<DependencyHealth> {
    const { url, database } = this.#options;
    const { endpoints } = this.#pool;
    const details = {
      url: url
        .split(',')
        .map((each) => new URL(each).origin)
        .join(','),
      ...(endpoints.length === 1 ? {} : { servers_out: endpoints.filter(({ problem }) => problem !== null).length }),
      database,
      reads: this.#gate.running,
      reads_waiting: this.#gate.waiting,
      exports: this.#exports.running,
    };
    try {
      const pingMs = await this.ping();
      return { name: this.name, status: 'healthy', reason: null, details: { ...details, ping_ms: pingMs } };
    } catch (error) {
      const reason = `ClickHouse does not answer; events are still accepted: ${errorMessage(error)}`;
      return { name: this.name, status: 'degraded', reason, details: { ...details, ping_ms: null } };
    }
  }

  async close(): Promise<void> {
    await this.#pool.forEach(async ({ reader, writer, exporter, reads }) => {
      reads?.close();
      await Promise.all([reader.close(), writer.close(), exporter.close()]);
    });
  }

  async #writing<T>(
    { what, at }: { readonly what: string; readonly at: EndpointRequest },
    signal: AbortSignal | undefined,
    run: (connections: Connections, signal: AbortSignal, url: string) => Promise<T>,
  ): Promise<T> {
    const deadline = new Deadline(this.#clock, this.#options.limits.writeDurationMsMax, signal);
    this.writerSteps += 1;
    try {
      return await this.#pool.run(at, (connections, url) => run(connections, deadline.signal, url));
    } catch (error) {
      if (!deadline.passed) throw storeError(what, error);
      const message = `cannot ${what}: no answer within ${deadline.durationMs} ms`;
      throw new CollectorError('store_unreachable', message, { cause: error });
    } finally {
      this.writerSteps += 1;
      deadline.end();
    }
  }

  /** Waits at the gate as the tenant that the query is bound to; the collector's own reads are one more. */
  #inTurn<T>({ params }: StoreQuery, signal: AbortSignal, read: () => Promise<T>): Promise<T> {
    const enteredMs = this.#clock.monotonicMs();
    return this.#gate.run(String(params.tenant ?? ''), signal, () => {
      this.#instruments?.waitSeconds.observe((this.#clock.monotonicMs() - enteredMs) / 1_000);
      return read();
    });
  }

  /** A server may answer before it is done, and then with a status that tells nothing. */
  #writeSettings(): StoreSettings {
    return this.#options.channelPath === undefined ? { wait_end_of_query: 1 } : {};
  }
}

function readSettings({ limits, channelPath }: ClickhouseOptions): StoreSettings {
  return {
    max_execution_time: limits.timeoutMs / 1000,
    max_memory_usage: String(limits.memoryBytesMax),
    max_result_rows: String(limits.readRowsMax),
    max_result_bytes: String(limits.readBytesMax),
    result_overflow_mode: 'throw',
    // A read nobody waits for is stopped.
    cancel_http_readonly_queries_on_client_close: 1,
    output_format_json_quote_64bit_integers: 0,
    output_format_json_quote_denormals: 0,
    // A read that fails midway has the status of a failure.
    ...(channelPath === undefined ? { wait_end_of_query: 1 } : {}),
  };
}

/** A read of the API, a read of what was just written, a statement, and an insert, whichever server takes it. */
const anyServer: EndpointRequest = { choice: 'spread', again: 'unanswered' };
const sameServer: EndpointRequest = { choice: 'first', again: 'unanswered' };
const firstServer: EndpointRequest = { choice: 'first', again: 'unsent' };
const oneServer: EndpointRequest = { choice: 'spread', again: 'unsent' };

function connectTo(options: ClickhouseOptions, url: string): Connections {
  const { limits, database } = options;
  const { concurrencyMax, exportsMax, exportTimeoutMs } = limits;
  return {
    // One socket beyond the gate is the ping's.
    reader: connect(options, url, { account: options.reader, database, socketsMax: concurrencyMax + 1 }),
    writer: connect(options, url, { account: options.writer, database, socketsMax: 4 }),
    exporter: connect(options, url, {
      account: options.reader,
      database,
      socketsMax: exportsMax,
      silentMsMax: exportTimeoutMs,
    }),
    reads: options.channelPath === undefined ? null : readsChannel(options, url, options.channelPath),
  };
}

function readsChannel(options: ClickhouseOptions, url: string, path: string): ReadsChannel {
  const settings: Record<string, string> = {};
  // As the client of HTTP takes them.
  for (const [name, value] of new URL(url).searchParams) {
    if (name.startsWith(urlSetting)) settings[name.slice(urlSetting.length)] = value;
  }
  for (const [name, value] of Object.entries({ ...options.settings, ...readSettings(options) })) {
    settings[name] = String(value);
  }
  return new ReadsChannel({ path, ...options.reader, database: options.database, settings });
}

const urlSetting = 'clickhouse_setting_';

function connect(
  options: ClickhouseOptions,
  url: string,
  connection: {
    readonly account: ClickhouseAccount;
    readonly database: string;
    readonly socketsMax: number;
    readonly silentMsMax?: number;
  },
): ClickHouseClient {
  return createClient({
    url,
    username: connection.account.user,
    password: connection.account.password,
    database: connection.database,
    application: 'tidemark',
    max_open_connections: connection.socketsMax,
    ...(options.channelPath === undefined
      ? {}
      : { http_agent: new ChannelAgent(options.channelPath, connection.socketsMax) }),
    ...(options.tls === undefined ? {} : { tls: tlsOf(options.tls) }),
    clickhouse_settings: { ...options.settings },
    // The deadlines of each request are ours; this one only guards against their absence.
    request_timeout: connection.silentMsMax ?? options.limits.writeDurationMsMax + options.limits.timeoutMs,
    // Progress headers of a long insert pass Node's 16 KiB.
    max_response_headers_size: 1024 * 1024,
    // It writes failed queries to the console by itself; errors reach our log through whoever asked.
    log: { level: ClickHouseLogLevel.OFF },
  });
}

function tlsOf({ ca, client }: ClickhouseTls) {
  return client === null ? { ca_cert: ca } : { ca_cert: ca, cert: client.certificate, key: client.key };
}

async function jsonRows<Row>(
  client: ClickHouseClient,
  query: StoreQuery,
  extra: Pick<QueryParams, 'clickhouse_settings' | 'abort_signal'>,
): Promise<Row[]> {
  if (query.sql.startsWith(formatless)) return await formatlessRows(client, query.sql, extra);
  const result = await client.query({
    query: query.sql,
    query_params: { ...query.params },
    format: 'JSONEachRow',
    ...extra,
  });
  const { 'content-length': length } = result.response_headers;
  // A result of known length is complete: nothing can break it off, so it need not pass a stream of rows.
  if (length === undefined || Number(length) > wholeBytesMax) return await result.json<Row>();
  return JSON.parse(`[${(await result.text()).trimEnd().replaceAll('\n', ',')}]`) as Row[];
}

/** The engine's grammar has no FORMAT here, which the client writes behind a query. */
const formatless = 'CHECK GRANT ';

async function formatlessRows<Row>(
  client: ClickHouseClient,
  sql: string,
  { clickhouse_settings, abort_signal }: Pick<QueryParams, 'clickhouse_settings' | 'abort_signal'>,
): Promise<Row[]> {
  const { stream } = await client.exec({
    query: sql,
    clickhouse_settings: { ...clickhouse_settings, ...{ default_format: 'JSONEachRow' } },
    ...(abort_signal === undefined ? {} : { abort_signal }),
  });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const lines = Buffer.concat(chunks).toString().trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Row);
}

/** Results of up to so many bytes are parsed at once: 1.1 ms of CPU a read of one row, 1.4 as a stream of rows. */
const wholeBytesMax = 1_048_576;
