import { askEngine } from '../../bench/engine-access.js';
import type { TestEngine } from './embedded-engine.js';

export interface EngineAnswer {
  readonly code: number;
  readonly status: number;
  readonly text: string;
}

export interface Asked {
  /** Default: `default`, the reader. */
  readonly user?: string;
  readonly password?: string;
  /** Of the URL, without the question mark. */
  readonly query?: string;
  readonly init?: RequestInit;
}

/** A statement to the open port, as any client sends it. */
export async function askPort(rig: TestEngine, sql: string | Buffer, asked: Asked = {}): Promise<EngineAnswer> {
  const { user = 'default', query = '', init = {} } = asked;
  const password = asked.password ?? (user === 'tidemark' ? rig.writerPassword : '');
  const answer = await fetch(`${rig.engine.url}/?${query}`, {
    method: 'POST',
    body: sql,
    ...init,
    headers: { 'x-clickhouse-user': user, 'x-clickhouse-key': password, ...init.headers },
  });
  const code = Number(answer.headers.get('x-clickhouse-exception-code') ?? 0);
  return { code, status: answer.status, text: await answer.text() };
}

/** A statement over the collector's own channel, as its writer. */
export async function askChannel(rig: TestEngine, sql: string, query = ''): Promise<EngineAnswer> {
  const access = { socketPath: rig.engine.channelPath, password: rig.writerPassword };
  const { bytes, ...answer } = await askEngine(access, sql, query);
  return { ...answer, text: bytes.toString('utf8') };
}
