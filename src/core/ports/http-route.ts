import type { ApiOperation } from '../api-operation.js';
import type { AuditValue } from './audit-log.js';
import type { Principal, Scope } from './authenticator.js';

export interface HttpRequest {
  readonly method: string;
  /** As requested, without the query string, still percent-encoded. */
  readonly path: string;
  /** Decoded values of the template's `{name}` parts. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  /** Empty when the method has none. Owned by the handler: not reused afterwards. */
  readonly body: Uint8Array;
  /** Aborted when the client went away. */
  readonly signal: AbortSignal;
  /** Who asks, as one address counts (`http/peer-address.ts`): a proxy, if there is one. */
  readonly address?: string;
}

export interface HttpReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is written with backpressure, in chunks. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** What the audit log says of it beside the parameters; not sent. */
  readonly audited?: Readonly<Record<string, AuditValue>>;
}

export interface HttpRoute {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** `/api/v1/agents/{agent_id}/live`; a part in braces matches one path segment. */
  readonly path: string;
  /** `null`: no key needed, and `principal` is `anonymous`. */
  readonly scope: Scope | null;
  /** Bytes of the body as sent; default 0, no body. */
  readonly bodyBytesMax?: number;
  /** Programs of this machine, on the loopback address and through no proxy, need no key of `scope`. */
  readonly openToLoopback?: true;
  /** Its answers do not end by themselves: bounded by the route, not among `http.requestsMax`. */
  readonly longLived?: true;
  /** Says whether all is well: has places of its own, which no other request takes. So has a route without a scope. */
  readonly monitoring?: true;
  /** The key is held to its events, not to its requests. */
  readonly limitedByEvents?: true;
  /** Answered without a client's certificate too, where the port wants one: probes have none. */
  readonly withoutCertificate?: true;
  /** Tells a key that is bound to a user of that user alone; without it such a key is refused. */
  readonly byUser?: true;
  /** Absent: not part of the described API. */
  readonly operation?: ApiOperation;
  /** Throws `CollectorError` for a problem answer; anything else becomes `internal`. */
  handle(request: HttpRequest, principal: Principal): HttpReply | Promise<HttpReply>;
}
