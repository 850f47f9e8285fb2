import { CollectorError } from '../core/errors.js';
import type { OpenFiles } from '../core/open-files.js';

/** For connections to the store, another engine, files of keys. */
const ownFiles = 64;
/** Of the limit, for requests that are no WebSockets. */
const requestShare = 1 / 8;
const requestFilesMin = 24;
const connectionsMin = 8;

export interface ConnectionBudget {
  /** WebSockets at once. */
  readonly webSocketsMax: number;
  /** Open files of all connections; beyond them a connection is closed when it comes. */
  readonly filesMax: number;
}

/**
 * How many WebSockets of `asked`, each with so many open files, these allow when the collector and everybody's requests
 * are to have what they need. Throws CollectorError `config_invalid` when there is no room to speak of.
 */
export function connectionBudget(
  { asked, filesOfWebSocket }: { readonly asked: number; readonly filesOfWebSocket: number },
  open: OpenFiles | null,
): ConnectionBudget {
  if (open === null) return { webSocketsMax: asked, filesMax: Number.POSITIVE_INFINITY };
  const own = open.used + ownFiles;
  const kept = own + Math.max(requestFilesMin, Math.floor(open.limit * requestShare));
  const affordable = Math.floor((open.limit - kept) / filesOfWebSocket);
  if (affordable >= connectionsMin || affordable >= asked) {
    return { webSocketsMax: Math.min(asked, affordable), filesMax: open.limit - own };
  }
  throw new CollectorError(
    'config_invalid',
    `cannot serve connections: this process may have ${open.limit} open files and needs ${kept} of them itself; ` +
      `allow at least ${kept + connectionsMin * filesOfWebSocket} (${howToRaise})`,
  );
}

export const howToRaise = 'ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of a container';
