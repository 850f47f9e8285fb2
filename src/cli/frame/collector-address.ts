import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { dataDirDefault, hostDefault, portDefault } from '../../config/address-defaults.js';
import type { Environment } from '../../core/environment.js';
import { errorMessage } from '../../core/errors.js';
import { notJson } from '../../core/json-fault.js';
import type { TlsOptions } from '../../sdk/tls-options.js';
import { text } from './command.js';
import { misused } from './command-error.js';

/** What a command shows and trusts over `https://`; `TIDEMARK_TLS_…` are those of the collector itself. */
export const tlsOptions = {
  tlsCaFile: text('PATH', 'authorities to trust over https, PEM (or TIDEMARK_CLIENT_CA_FILE; those Node knows)'),
  tlsCertFile: text('PATH', 'a certificate to show, PEM (or TIDEMARK_CLIENT_CERT_FILE; none when not given)'),
  tlsKeyFile: text('PATH', 'its key, PEM without a password (or TIDEMARK_CLIENT_KEY_FILE)'),
};

/** The options of every command that asks a collector. */
export const collectorOptions = {
  url: text('URL', `address of the collector (or TIDEMARK_URL; http://${hostDefault}:${portDefault} when not given)`),
  key: text('KEY', 'its API key (or TIDEMARK_KEY; the admin key of the data directory when not given)'),
  ...tlsOptions,
};

export interface CollectorAddress extends TlsOptions {
  /** Without a slash at the end. */
  readonly url: string;
  readonly key: string;
}

/**
 * Whom a command asks, and with which key. The admin key of the data directory is handed only to a collector on this
 * machine. Throws CommandError `misused`.
 */
export function collectorAddress(
  env: Environment,
  given: TlsOptions & { readonly url: string | undefined; readonly key: string | undefined },
): CollectorAddress {
  const local = localSettings(env);
  const url = httpUrl(given.url ?? (env.TIDEMARK_URL || undefined) ?? localUrl(local));
  const key = given.key ?? (env.TIDEMARK_KEY || undefined) ?? savedKey(local.dataDir, url);
  if (!/^[\x21-\x7e]{1,512}$/.test(key)) {
    throw misused('cannot use the key (not shown): it has other characters than a key has');
  }
  return { url: url.href.replace(/\/$/, ''), key, ...tlsFiles(env, given) };
}

/** Those that are named. Throws CommandError `misused` for one that cannot be read, and for half of a pair. */
export function tlsFiles(env: Environment, given: TlsOptions): TlsOptions {
  const named = tlsNames.map(([option, variable, flag]) => {
    const path = given[option] ?? (env[variable] || undefined);
    if (path !== undefined) mustRead(path, `${flag} (or ${variable})`);
    return [option, path] as const;
  });
  const files: TlsOptions = Object.fromEntries(named.filter(([, path]) => path !== undefined));
  if ((files.tlsCertFile === undefined) !== (files.tlsKeyFile === undefined)) {
    throw misused('cannot show a certificate: --tls-cert-file and --tls-key-file need each other');
  }
  return files;
}

const tlsNames = [
  ['tlsCaFile', 'TIDEMARK_CLIENT_CA_FILE', '--tls-ca-file'],
  ['tlsCertFile', 'TIDEMARK_CLIENT_CERT_FILE', '--tls-cert-file'],
  ['tlsKeyFile', 'TIDEMARK_CLIENT_KEY_FILE', '--tls-key-file'],
] as const;

/** A command that cannot read one says so, instead of trying again and again. */
function mustRead(path: string, where: string): void {
  try {
    readFileSync(path);
  } catch (error) {
    throw misused(`cannot read the file of ${where}: ${errorMessage(error)}`);
  }
}

function httpUrl(written: string): URL {
  const url = URL.canParse(written) ? new URL(written) : null;
  if (url === null || !/^(http|ws)s?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw misused(`cannot use the address ${written}: it is no http:// or https:// URL`);
  }
  if (url.username !== '' || url.password !== '') {
    throw misused('cannot use the address: it holds a name or a password, where a key is wanted in --key');
  }
  return new URL(url.href.replace(/^ws/, 'http'));
}

interface LocalSettings {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
}

/**
 * What a collector of this environment listens on. Not checked: whether they are sound is for the collector to say, and
 * its configuration takes longer to load than an answer takes.
 */
function localSettings(env: Environment): LocalSettings {
  const file = settingsFile(env.TIDEMARK_CONFIG);
  const word = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
  const tls = file.tls as { readonly certFile?: unknown } | undefined;
  return {
    scheme: (word(env.TIDEMARK_TLS_CERT_FILE) ?? word(tls?.certFile)) === undefined ? 'http' : 'https',
    host: word(env.TIDEMARK_HOST) ?? word(file.host) ?? hostDefault,
    port: Number(word(env.TIDEMARK_PORT) ?? file.port ?? portDefault),
    dataDir: word(env.TIDEMARK_DATA_DIR) ?? word(file.dataDir) ?? dataDirDefault,
  };
}

function settingsFile(path: string | undefined): Readonly<Record<string, unknown>> {
  if (path === undefined || path === '') return {};
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
    const settings: unknown = JSON.parse(text);
    return typeof settings === 'object' && settings !== null ? (settings as Record<string, unknown>) : {};
  } catch (error) {
    const cause = error instanceof SyntaxError ? `the file is ${notJson(error, text)}` : errorMessage(error);
    throw misused(`cannot read the configuration ${path}: ${cause}`);
  }
}

function localUrl({ scheme, host, port }: LocalSettings): string {
  const reached = anyAddress.get(host) ?? host;
  return `${scheme}://${isIP(reached) === 6 ? `[${reached}]` : reached}:${port}`;
}

/** A collector that listens on all addresses is reached by the loopback of the family. */
const anyAddress: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);

/** The key that a collector made at its first start. */
function savedKey(dataDir: string, url: URL): string {
  const path = join(dataDir, 'admin-key');
  if (!isLoopback(url.hostname)) {
    throw misused(`cannot ask ${url.origin}: no key; give --key or TIDEMARK_KEY (${path} is for this machine only)`);
  }
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw misused(
      `cannot read the key from ${path} (start the collector here, or pass --key or TIDEMARK_KEY): ` +
        errorMessage(error),
    );
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
