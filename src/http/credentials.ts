/** The sub-protocol by which a browser, which cannot set headers on a WebSocket, sends its key. */
const keyProtocolPrefix = 'tidemark.key.';

export interface Credentials {
  /** As an `Authorization` header's value. */
  readonly authorization: string | undefined;
  /** Sub-protocols offered by the client, without the one that carries the key. */
  readonly protocols: readonly string[];
  /** All of them, as offered. */
  readonly offered: readonly string[];
  /** The client is a browser, or seems to be: of an upgrade that is refused it learns close codes, but no status. */
  readonly seesNoStatus: boolean;
}

/** Reads who is calling from the headers that may say so. */
export function parseCredentials(headers: ReadonlyMap<string, string>): Credentials {
  const offered = (headers.get('sec-websocket-protocol') ?? '')
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== '');
  const protocols = offered.filter((protocol) => !protocol.startsWith(keyProtocolPrefix));
  const authorization = headers.get('authorization');
  if (authorization !== undefined) return { authorization, protocols, offered, seesNoStatus: false };
  const key = offered.find((protocol) => protocol.startsWith(keyProtocolPrefix))?.slice(keyProtocolPrefix.length) ?? '';
  return {
    authorization: key === '' ? undefined : `Bearer ${key}`,
    protocols,
    offered,
    seesNoStatus: offered.length > 0 || headers.has('origin'),
  };
}
