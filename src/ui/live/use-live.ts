import { useEffect, useRef, useState } from 'react';
import { retryAfterMs } from '../api/asking-again.js';
import { useSession } from '../api/session.js';
import type { LiveMessage } from './live-messages.js';

/** `waiting`: the connection was lost and is tried again; `off`: nobody listens, or the tab is in the background. */
export type LiveState = 'connecting' | 'open' | 'waiting' | 'off';

export type LiveFilter = Readonly<
  Partial<Record<'agent_id' | 'run_id' | 'type' | 'status' | 'model' | 'provider' | 'environment', string>>
>;

/** A tab that nobody looks at for so long listens no more. */
const hiddenMsMax = 60_000;

/**
 * Listens to the live socket. A null filter listens to nothing. After a pause or a loss a new snapshot comes first;
 * with `renewMs` it listens anew so often, for a snapshot without what was forgotten.
 */
export function useLive(
  filter: LiveFilter | null,
  onMessage: (message: LiveMessage) => void,
  { renewMs }: { readonly renewMs?: number } = {},
): LiveState {
  const { key } = useSession();
  const [state, setState] = useState<LiveState>('off');
  const told = useRef(onMessage);
  told.current = onMessage;
  const query =
    filter === null ? null : new URLSearchParams(Object.entries(filter).filter(([, value]) => value !== '')).toString();
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (renewMs === undefined) return;
    const timer = setInterval(() => setRound((before) => before + 1), renewMs);
    return () => clearInterval(timer);
  }, [renewMs]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a round listens to the same once more
  useEffect(() => {
    if (query === null) return;
    const connection = new LiveConnection(key, query, (message) => told.current(message), setState);
    return () => connection.close();
  }, [key, query, round]);
  return query === null ? 'off' : state;
}

class LiveConnection {
  readonly #key: string;
  readonly #query: string;
  readonly #tell: (message: LiveMessage) => void;
  readonly #show: (state: LiveState) => void;
  #socket: WebSocket | null = null;
  #timer = 0;
  #failures = 0;

  constructor(key: string, query: string, tell: (message: LiveMessage) => void, show: (state: LiveState) => void) {
    this.#key = key;
    this.#query = query;
    this.#tell = tell;
    this.#show = show;
    document.addEventListener('visibilitychange', this.#onVisibility);
    // Nobody looks at a tab in the background: it listens from when somebody does.
    if (!document.hidden) this.#connect();
  }

  close(): void {
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.#leave();
  }

  #connect(): void {
    this.#show('connecting');
    const address = new URL('/api/v1/live', window.location.href);
    address.protocol = address.protocol.replace('http', 'ws');
    address.search = this.#query;
    const socket = new WebSocket(address, ['tidemark.v1', `tidemark.key.${this.#key}`]);
    this.#socket = socket;
    socket.onopen = () => this.#show('open');
    socket.onmessage = ({ data }) => {
      if (this.#socket !== socket) return;
      const message = JSON.parse(data) as LiveMessage;
      // A filter that is refused opens as well, and is told then.
      if (message.op === 'hello') this.#failures = 0;
      this.#tell(message);
    };
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#show('waiting');
      this.#timer = window.setTimeout(() => this.#connect(), retryAfterMs(this.#failures++));
    };
  }

  #leave(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#show('off');
  }

  readonly #onVisibility = (): void => {
    clearTimeout(this.#timer);
    if (document.hidden) this.#timer = window.setTimeout(() => this.#leave(), hiddenMsMax);
    else if (this.#socket === null) this.#connect();
  };
}
