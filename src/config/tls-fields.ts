import { integer, optionalText } from './config-field.js';

/** TLS of the collector's own port. */
export const tlsFields = {
  certFile: optionalText({
    pattern: /^.{1,4096}$/,
    allowed: 'a path of up to 4,096 characters',
    meaning: 'PEM file of the certificate of the port, with those between it and its authority; unset: plain HTTP.',
  }),
  keyFile: optionalText({
    pattern: /^.{1,4096}$/,
    allowed: 'a path of up to 4,096 characters',
    meaning: 'PEM file of the key of that certificate, without a password.',
  }),
  clientCaFile: optionalText({
    pattern: /^.{1,4096}$/,
    allowed: 'a path of up to 4,096 characters',
    meaning:
      'PEM file of the authorities of clients: whoever connects needs a certificate of one of them beside its key; ' +
      'unset: none is asked for.',
  }),
  reloadMs: integer(
    { default: 10_000, min: 100, max: 3_600_000 },
    'Between two looks at these files; what is new and fits is used for connections from then on.',
  ),
};
