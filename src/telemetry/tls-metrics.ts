import { gauge } from './metric-declaration.js';

/** Of the certificate of the port; 0 on one that speaks plain HTTP. */
export const tlsMetrics = {
  certificateEnds: gauge(
    'tidemark_tls_certificate_expiry_timestamp_seconds',
    'When the certificate in use ends, or the first of those sent with it, in seconds since the epoch; 0 without TLS.',
  ),
  reloadFailing: gauge(
    'tidemark_tls_reload_failing',
    '1 while the files of the certificate cannot be used as they are and the ones of before stay in use.',
  ),
} as const;

export interface CertificateState {
  readonly endsMs: number | null;
  readonly isFailing: boolean;
}
