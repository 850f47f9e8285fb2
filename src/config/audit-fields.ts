import { integer } from './config-field.js';

/** The log of what administrators did. */
export const auditFields = {
  fileBytesMax: integer(
    { default: 1_048_576, min: 65_536, max: 134_217_728 },
    'Bytes at which `audit.log` is put aside and a new one begun.',
  ),
  filesMax: integer(
    { default: 8, min: 2, max: 1_000 },
    'Files of it that are kept, the one that is written included; the oldest is deleted.',
  ),
} as const;
