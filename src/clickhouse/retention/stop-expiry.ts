/**
 * Neither merges nor `OPTIMIZE` of the tables that exist remove what has expired, until the engine is started again.
 * What is created later is not concerned, so it is said at each start of the engine and after migrations.
 */
export const stopExpiry = 'SYSTEM STOP TTL MERGES';
