import type { TemplatedApp, us_listen_socket, WebSocket, WebSocketBehavior } from 'uWebSockets.js';

export type {
  HttpRequest as UwsRequest,
  HttpResponse as UwsResponse,
  us_listen_socket as UwsListenSocket,
  us_socket_context_t as UwsContext,
  WebSocketBehavior as UwsBehavior,
} from 'uWebSockets.js';

/** Messages in parts are in the library, not in its types. */
export type UwsWebSocket<UserData> = WebSocket<UserData> & {
  sendFirstFragment(part: Uint8Array, isBinary: boolean, compress: boolean): number;
  sendFragment(part: Uint8Array, compress: boolean): number;
  sendLastFragment(part: Uint8Array, compress: boolean): number;
};

/** `close` is in the library, not in its types. */
export type UwsApp = TemplatedApp & { close(): void };

/** The part of the library in use, under one set of names: upstream and its repackaged builds differ in two. */
export interface Uws {
  createApp(): UwsApp;
  /** On a socket of the file system; `false`, and no word why, when it cannot be had. */
  listen(app: UwsApp, path: string): Promise<us_listen_socket | false>;
  closeListener(listener: us_listen_socket): void;
}

interface UwsModule {
  App(): UwsApp;
  us_listen_socket_close?(listener: us_listen_socket): void;
  closeSocket?(listener: us_listen_socket): void;
}

/** Typed as a number in one build and as a boolean in the other; the library reads both. */
export const closeOnBackpressureLimit = 1 as unknown as NonNullable<
  WebSocketBehavior<unknown>['closeOnBackpressureLimit']
>;

/** Under these names it may be installed, the newest first; upstream's own releases have the second. */
const packages = ['@btc-vision/uwebsockets.js', 'uWebSockets.js', '@rjweb/uws'] as const;

export interface LoadedUws {
  readonly uws: Uws;
  readonly packageName: string;
}

/** What there is instead, and what can be done for it. */
export interface MissingUws {
  readonly missing: string;
  readonly advice: string;
}

/** The first of the packages that are installed whose binary loads on this system. */
export async function loadUws(): Promise<LoadedUws | MissingUws> {
  for (const packageName of packages) {
    const uws = await tryLoad(packageName);
    if (uws !== null) return { uws, packageName };
  }
  const { versions, platform, arch } = process;
  const glibc = glibcVersion();
  const here = `Node ${versions.node} (${platform} ${arch}${glibc === null ? '' : `, glibc ${glibc}`})`;
  return {
    missing: `is not installed, or has no binary for ${here}`,
    advice: advice({ abi: Number(versions.modules), platform, glibc }),
  };
}

/** Goes by the binaries that the repackaged builds are known to have; whatever is installed is tried all the same. */
export function advice(system: {
  readonly abi: number;
  readonly platform: string;
  readonly glibc: string | null;
}): string {
  const { abi, platform, glibc } = system;
  const isNewSystem = platform !== 'linux' || (glibc !== null && isAtLeast(glibc, glibcOfNewest));
  if (newestAbis.has(abi) && isNewSystem) return 'To install it: npm install @btc-vision/uwebsockets.js@20.57.0';
  if (oldAbis.has(abi) && (platform !== 'linux' || glibc !== null)) {
    return 'To install it: npm install @rjweb/uws@1.5.0';
  }
  if (newestAbis.has(abi)) return `Its binaries for this Node need glibc ${glibcOfNewest} or newer`;
  return 'No build of it for this Node is known';
}

/** What `process.versions.modules` is of the Nodes from 20 on that each has binaries for: 20, 22, 24, 25; 20. */
const newestAbis: ReadonlySet<number> = new Set([115, 127, 137, 141]);
const oldAbis: ReadonlySet<number> = new Set([115]);
const glibcOfNewest = '2.38';

function isAtLeast(version: string, least: string): boolean {
  return version.localeCompare(least, 'en', { numeric: true }) >= 0;
}

async function tryLoad(packageName: string): Promise<Uws | null> {
  try {
    const { default: module } = (await import(packageName)) as { readonly default: UwsModule };
    return {
      createApp: () => module.App(),
      listen: (app, path) => new Promise((heard) => app.listen_unix(heard, path)),
      closeListener: (listener) => (module.us_listen_socket_close ?? module.closeSocket)?.(listener),
    };
  } catch {
    // Not installed, or none of its binaries is for this system: the next, then.
    return null;
  }
}

/** Null on systems without it. */
function glibcVersion(): string | null {
  const report = process.report?.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } };
  return report?.header?.glibcVersionRuntime ?? null;
}
