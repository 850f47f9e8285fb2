/**
 * The key of this tab. It lives in `sessionStorage`, so it goes with the tab; a link hands it over behind the `#`,
 * which browsers send to nobody. A tab that has none asks the other tabs of the collector, so that a link opened in a
 * new tab shows the view and not the question for a key.
 */
const name = 'tidemark.key';
const listeners = new Set<() => void>();
const channel = new BroadcastChannel('tidemark.key');
let key: string | null = takeFromAddress() ?? sessionStorage.getItem(name);

type Message = { readonly ask: true } | { readonly key: string };

export const keyStore = {
  get: (): string | null => key,

  set(next: string | null): void {
    key = next;
    if (next === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, next);
    for (const listener of listeners) listener();
  },

  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

if (key !== null) keyStore.set(key);
else channel.postMessage({ ask: true } satisfies Message);

channel.onmessage = ({ data }: MessageEvent<Message>) => {
  if ('ask' in data && key !== null) channel.postMessage({ key } satisfies Message);
  if ('key' in data && key === null) keyStore.set(data.key);
};

window.addEventListener('hashchange', () => {
  const given = takeFromAddress();
  if (given !== null) keyStore.set(given);
});

/** The key of a link such as `/#key=…`, which is gone from the address bar and from the history afterwards. */
function takeFromAddress(): string | null {
  const given = new URLSearchParams(window.location.hash.slice(1)).get('key');
  if (given === null) return null;
  window.history.replaceState(window.history.state, '', window.location.pathname + window.location.search);
  return given === '' ? null : given;
}
