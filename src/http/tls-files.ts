import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Clock, Timer } from '../core/clock.js';
import { CollectorError, errorMessage } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { instant } from '../core/time-text.js';

/** What `tls.createSecureContext` takes, as it is in the files. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
}

export interface TlsFilesOptions {
  readonly certFile: string;
  readonly keyFile: string;
  /** Between two looks at the files. */
  readonly reloadMs: number;
}

/**
 * The certificate of the port and its key, two PEM files that may be replaced while the collector runs, one after the
 * other or by a link that changes. They are read again and again, not watched: a watch follows the file that was there,
 * and not the name. What does not fit is told once, and the last that did stays in use.
 */
export class TlsFiles {
  readonly #deps: { readonly clock: Clock; readonly logger: Logger };
  readonly #options: TlsFilesOptions;
  #inUse: TlsMaterial | null = null;
  /** What was last complained of. */
  #told = '';
  #timer: Timer | null = null;

  constructor(deps: { readonly clock: Clock; readonly logger: Logger }, options: TlsFilesOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Throws CollectorError `config_invalid` that names the file and what is wrong with it. */
  load(): TlsMaterial {
    const { certFile, keyFile } = this.#options;
    const material = { cert: readText(certFile, 'certificate'), key: readText(keyFile, 'key') };
    const certificate = parsed(certFile, 'certificate', () => new X509Certificate(material.cert));
    const key = parsed(keyFile, 'key', () => createPrivateKey(material.key));
    if (!certificate.checkPrivateKey(key)) {
      throw refusal(`the key ${keyFile} does not fit the certificate ${certFile}`);
    }
    const nowMs = this.#deps.clock.nowMs();
    const [fromMs, toMs] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
    if (nowMs >= toMs) throw refusal(`the certificate ${certFile} expired at ${instant(toMs)}`);
    if (nowMs < fromMs) throw refusal(`the certificate ${certFile} is not valid before ${instant(fromMs)}`);
    this.#inUse = material;
    return material;
  }

  /** Calls `use` with every pair that is new and fits, until `stop`. */
  watch(use: (material: TlsMaterial) => void): void {
    this.#timer = this.#deps.clock.setTimer(this.#options.reloadMs, () => {
      this.#look(use);
      this.watch(use);
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #look(use: (material: TlsMaterial) => void): void {
    const before = this.#inUse;
    try {
      const material = this.load();
      this.#told = '';
      if (material.cert === before?.cert && material.key === before.key) return;
      use(material);
      this.#deps.logger.info({ path: this.#options.certFile }, 'the certificate of the port is replaced');
    } catch (error) {
      const cause = errorMessage(error);
      if (cause === this.#told) return;
      this.#told = cause;
      this.#deps.logger.error({ cause }, 'the certificate of the port cannot be read again; the last one stays in use');
    }
  }
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
