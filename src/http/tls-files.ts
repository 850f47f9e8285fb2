import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Clock, Timer } from '../core/clock.js';
import { CollectorError, errorMessage } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { DependencyHealth, HealthProbe } from '../core/ports/health-probe.js';
import { dayMs } from '../core/time-span.js';
import { instant, optionalInstant } from '../core/time-text.js';

/** What `tls.createSecureContext` takes, as it is in the files. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  /** The authorities that clients' certificates must be of; null: none is asked for. */
  readonly clientCa: string | null;
}

export interface TlsFilesOptions {
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientCaFile: string | null;
  /** Between two looks at the files. */
  readonly reloadMs: number;
}

/** From here on a certificate in use is worth a look: renewals are due a month before the end. */
const endsSoonMs = 14 * dayMs;

/** `files` is null where the port speaks plain HTTP. */
export function tlsFilesOf(
  deps: { readonly clock: Clock; readonly logger: Logger },
  files: {
    readonly certFile: string | null;
    readonly keyFile: string | null;
    readonly clientCaFile: string | null;
    readonly reloadMs: number;
  },
): TlsFiles | null {
  const { certFile, keyFile, ...others } = files;
  return certFile === null || keyFile === null ? null : new TlsFiles(deps, { certFile, keyFile, ...others });
}

/**
 * The certificate of the port and its key, and the authorities of clients' certificates if those are asked for: PEM
 * files that may be replaced while the collector runs, one after the other or by a link that changes. They are read
 * again and again, not watched: a watch follows the file that was there, and not the name. What does not fit is told
 * once, and the last that did stays in use; health says so for as long as that lasts.
 */
export class TlsFiles implements HealthProbe {
  readonly name = 'certificate';
  readonly ifUnhealthy = 'degraded';
  readonly #deps: { readonly clock: Clock; readonly logger: Logger };
  readonly #options: TlsFilesOptions;
  #inUse: TlsMaterial | null = null;
  #endsMs: number | null = null;
  /** Why the files cannot be used as they are now; null when they can. */
  #problem: string | null = null;
  #failingSinceMs: number | null = null;
  #timer: Timer | null = null;

  constructor(deps: { readonly clock: Clock; readonly logger: Logger }, options: TlsFilesOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** When the certificate in use ends, or the first of those between it and its authority; null before `load`. */
  get endsMs(): number | null {
    return this.#endsMs;
  }

  /** The files as they are now cannot be used, and the ones of before are. */
  get isFailing(): boolean {
    return this.#problem !== null;
  }

  /** Throws CollectorError `config_invalid` that names the file and what is wrong with it. */
  load(): TlsMaterial {
    const { certFile, keyFile, clientCaFile } = this.#options;
    const clientCa = clientCaFile === null ? null : readText(clientCaFile, 'authority of clients');
    const material = { cert: readText(certFile, 'certificate'), key: readText(keyFile, 'key'), clientCa };
    const chain = certificatesIn(certFile, 'certificate', material.cert);
    const key = parsed(keyFile, 'key', () => createPrivateKey(material.key));
    if (!chain[0]!.checkPrivateKey(key)) {
      throw refusal(`the key ${keyFile} does not fit the certificate ${certFile}`);
    }
    if (clientCaFile !== null) certificatesIn(clientCaFile, 'certificate', material.clientCa!);
    const nowMs = this.#deps.clock.nowMs();
    const [fromMs, toMs] = [Date.parse(chain[0]!.validFrom), Date.parse(chain[0]!.validTo)];
    if (nowMs >= toMs) throw refusal(`the certificate ${certFile} expired at ${instant(toMs)}`);
    if (nowMs < fromMs) throw refusal(`the certificate ${certFile} is not valid before ${instant(fromMs)}`);
    this.#inUse = material;
    this.#endsMs = Math.min(...chain.map(({ validTo }) => Date.parse(validTo)));
    return material;
  }

  /** Calls `use` with all that is new and fits, until `stop`. */
  watch(use: (material: TlsMaterial) => void): void {
    this.#timer = this.#deps.clock.setTimer(this.#options.reloadMs, () => {
      this.#look(use);
      this.watch(use);
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  health(): DependencyHealth {
    const reason = this.#reason();
    return {
      name: this.name,
      status: reason === null ? 'healthy' : 'degraded',
      reason,
      details: {
        ends_at: optionalInstant(this.#endsMs),
        reload_failing_since: optionalInstant(this.#failingSinceMs),
        client_certificates: this.#options.clientCaFile === null ? 'not asked for' : 'required',
      },
    };
  }

  #reason(): string | null {
    if (this.#problem !== null) return `${this.#problem}; the last one stays in use`;
    const leftMs = (this.#endsMs ?? Number.POSITIVE_INFINITY) - this.#deps.clock.nowMs();
    if (leftMs <= 0) return 'the certificate in use has expired: clients refuse it';
    return leftMs < endsSoonMs ? `the certificate in use ends in ${Math.floor(leftMs / dayMs)} days` : null;
  }

  #look(use: (material: TlsMaterial) => void): void {
    const before = this.#inUse;
    const endsMs = this.#endsMs;
    const { clock, logger } = this.#deps;
    try {
      const material = this.load();
      this.#problem = null;
      this.#failingSinceMs = null;
      if (isSame(material, before)) return;
      use(material);
      logger.info({ path: this.#options.certFile }, 'the certificate of the port is replaced');
    } catch (error) {
      this.#endsMs = endsMs;
      const cause = errorMessage(error);
      if (cause === this.#problem) return;
      this.#problem = cause;
      this.#failingSinceMs ??= clock.nowMs();
      logger.error({ cause }, 'the certificate of the port cannot be read again; the last one stays in use');
    }
  }
}

function isSame(one: TlsMaterial, other: TlsMaterial | null): boolean {
  return one.cert === other?.cert && one.key === other.key && one.clientCa === other.clientCa;
}

/** All of a file, in its order; at least one. */
function certificatesIn(path: string, what: string, text: string): X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [text];
  return blocks.map((block) => parsed(path, what, () => new X509Certificate(block)));
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw refusal(`cannot read the ${what} ${path}: ${errorMessage(error)}`);
  }
}

function parsed<Result>(path: string, what: string, parse: () => Result): Result {
  try {
    return parse();
  } catch {
    // What OpenSSL says names no file, and may quote nothing of a key.
    throw refusal(`the ${what} ${path} is no ${what} in PEM that can be read without a password`);
  }
}

function refusal(what: string): CollectorError {
  return new CollectorError('config_invalid', `cannot serve TLS: ${what}`);
}
