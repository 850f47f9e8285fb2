import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { channelPathOf } from '../src/clickhouse/embedded/process/engine-channel.js';

/** How the collector reaches its engine: over the channel of its own, as the writer. */
export interface EngineAccess {
  readonly socketPath: string;
  readonly password: string;
}

export interface EngineAnswer {
  /** ClickHouse's code of a failure; 0 when there was none. */
  readonly code: number;
  readonly status: number;
  readonly bytes: Buffer;
}

/** Of a collector that runs, by its data directory. */
export function engineAccess(dataDir: string): EngineAccess {
  const password = readFileSync(join(dataDir, 'engine-writer-password'), 'utf8').trim();
  return { socketPath: channelPathOf(join(dataDir, 'engine')), password };
}

/** One statement; `query` is that of the URL. Rejects when the engine cannot be reached. */
export function askEngine({ socketPath, password }: EngineAccess, sql: string, query = ''): Promise<EngineAnswer> {
  const headers = { 'x-clickhouse-user': 'tidemark', 'x-clickhouse-key': password };
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path: `/?${query}`, method: 'POST', headers });
    sent.once('error', reject).once('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk)).once('error', reject);
      answer.once('end', () => {
        const code = Number(answer.headers['x-clickhouse-exception-code'] ?? 0);
        resolve({ code, status: answer.statusCode ?? 0, bytes: Buffer.concat(chunks) });
      });
    });
    sent.end(sql);
  });
}
