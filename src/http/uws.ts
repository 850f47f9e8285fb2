import type { TemplatedApp, us_listen_socket, WebSocket, WebSocketBehavior } from 'uWebSockets.js';
import { CollectorError, errorMessage } from '../core/errors.js';

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

/** Loads the native library; throws `config_invalid` with the command to run when this Node has no binary of it. */
export async function loadUws(): Promise<Uws> {
  const module = await importModule();
  return {
    createApp: () => module.App(),
    listen: (app, path) => new Promise((heard) => app.listen_unix(heard, path)),
    closeListener: (listener) => (module.us_listen_socket_close ?? module.closeSocket)?.(listener),
  };
}

async function importModule(): Promise<UwsModule> {
  try {
    const imported = (await import('uWebSockets.js')) as unknown as { readonly default: UwsModule };
    return imported.default;
  } catch (error) {
    const { versions, platform, arch } = process;
    const glibc = glibcVersion();
    const here = `Node ${versions.node} (${platform} ${arch}${glibc === null ? '' : `, glibc ${glibc}`})`;
    throw new CollectorError(
      'config_invalid',
      `cannot load uWebSockets.js on ${here}: it is missing, or has no binary for it.\n` +
        'With Node 20 and any glibc: npm ci\n' +
        'With Node 22 or newer and glibc 2.38 or newer: npm install uNetworking/uWebSockets.js#v20.67.0\n' +
        `cause: ${firstLine(errorMessage(error))}`,
      { cause: error },
    );
  }
}

/** Null on systems without it. */
function glibcVersion(): string | null {
  const report = process.report?.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } };
  return report?.header?.glibcVersionRuntime ?? null;
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
