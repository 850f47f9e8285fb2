import { ClickHouseException } from '../clickhouse-exception.js';

/** `session_id` and what belongs to it. */
export interface SessionParameters {
  readonly id: string;
  /** After the last request in it. */
  readonly timeoutMs: number;
  /** Whether it has to be there. */
  readonly isChecked: boolean;
  /** Whether it ends with this request. */
  readonly closes: boolean;
}

/** Null when the request names none. Throws BAD_ARGUMENTS, INVALID_SESSION_TIMEOUT. */
export function parseSession(url: URLSearchParams): SessionParameters | null {
  const id = url.get('session_id') ?? '';
  if (id === '') return null;
  if (id.length > idCharactersMax) {
    throw new ClickHouseException('BAD_ARGUMENTS', `The session id is longer than ${idCharactersMax} characters.`);
  }
  const asked = url.get('session_timeout') ?? '';
  const timeout = asked === '' ? timeoutDefaultS : Number(asked);
  if (!/^[0-9]*$/.test(asked) || timeout > timeoutMaxS) {
    const problem = `Session timeout '${asked.slice(0, 32)}' is not a number of seconds up to ${timeoutMaxS}.`;
    throw new ClickHouseException('INVALID_SESSION_TIMEOUT', problem);
  }
  const isOn = (name: string) => ['1', 'true'].includes(url.get(name) ?? '');
  return { id, timeoutMs: timeout * 1_000, isChecked: isOn('session_check'), closes: isOn('close_session') };
}

const idCharactersMax = 256;
/** Of a server (`default_session_timeout`, `max_session_timeout`). */
const timeoutDefaultS = 60;
const timeoutMaxS = 3_600;
