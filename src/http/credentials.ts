/** The sub-protocol by which a browser, which cannot set headers on a WebSocket, sends its key. */
const keyProtocolPrefix = 'tidemark.key.';

export interface Credentials {
  /** As an `Authorization` header's value. */
  readonly authorization: string | undefined;
  /** Sub-protocols offered by the client, without the one that carries the key. */
  readonly protocols: readonly string[];
  /** The key came by sub-protocol: the client is a browser, which sees close codes but no HTTP status. */
  readonly byProtocol: boolean;
}

/** Reads who is calling from the two headers that may say so. */
export function parseCredentials(headers: ReadonlyMap<string, string>): Credentials {
  const offered = (headers.get('sec-websocket-protocol') ?? '')
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== '');
  const protocols = offered.filter((protocol) => !protocol.startsWith(keyProtocolPrefix));
  const authorization = headers.get('authorization');
  const keyProtocol = offered.find((protocol) => protocol.startsWith(keyProtocolPrefix));
  if (authorization !== undefined || keyProtocol === undefined) return { authorization, protocols, byProtocol: false };
  return { authorization: `Bearer ${keyProtocol.slice(keyProtocolPrefix.length)}`, protocols, byProtocol: true };
}
