/** Merges of the tables that exist leave what has expired, until the next start of the engine; see expiry-owner.ts. */
export const stopExpiry = 'SYSTEM STOP TTL MERGES';
