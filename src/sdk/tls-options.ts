/**
 * Files in PEM, read before each connection: one that was renewed is shown from then on, and one that is missing or
 * broken is an outage as any other. Pages have neither; there the browser does it.
 */
export interface TlsOptions {
  /** Authorities to trust, instead of those Node knows. */
  readonly tlsCaFile?: string | undefined;
  /** A certificate of its own, for a collector that asks for one; with `tlsKeyFile`, which has no password. */
  readonly tlsCertFile?: string | undefined;
  readonly tlsKeyFile?: string | undefined;
}
