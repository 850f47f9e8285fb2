import { z } from 'zod';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { integer64 } from '../queries/sql/column-types.js';
import { quoteIdentifier } from '../sql-text.js';
import type { ServerCheckOptions, ServerFinding } from './server-finding.js';

interface WantedGrant {
  readonly privilege: string;
  /** As GRANT names it. */
  readonly on: string;
  readonly for: string;
  /** Without it nothing is stored or made; else something is not seen. */
  readonly isNeeded: boolean;
}

const grantRow = z.object({ result: integer64 });

/** What the user of the collector may not do and has to, as the server itself says (`CHECK GRANT`). */
export async function missingGrants(
  store: StoreReader,
  { user, ...options }: ServerCheckOptions & { readonly user: string },
): Promise<ServerFinding[]> {
  const findings: ServerFinding[] = [];
  for (const grant of wantedGrants(options)) {
    const sql = `CHECK GRANT ${grant.privilege} ON ${grant.on}`;
    const [found] = await checkedRows(store, grantRow, { name: `grant_${grant.privilege}`, sql, params: {} });
    if (found?.result !== 0) continue;
    findings.push({
      what: `user ${user} may not ${grant.privilege} ON ${grant.on}: ${grant.for}`,
      mend: `GRANT ${grant.privilege} ON ${grant.on} TO ${quoteIdentifier(user)}`,
      isFault: grant.isNeeded,
    });
  }
  return findings;
}

const ofTables = [
  { privilege: 'SELECT', for: 'every read' },
  { privilege: 'INSERT', for: 'segments, and what the upkeep writes' },
  { privilege: 'CREATE TABLE', for: 'the schema' },
  { privilege: 'CREATE VIEW', for: 'the schema' },
  { privilege: 'DROP TABLE', for: 'migrations that are taken back' },
  { privilege: 'DROP VIEW', for: 'migrations that change a view' },
  { privilege: 'ALTER TABLE', for: 'migrations, retention, repairs and erasures' },
  { privilege: 'ALTER VIEW', for: 'migrations that change a view' },
] as const;

function wantedGrants({ database, cluster }: ServerCheckOptions): WantedGrant[] {
  const databases = cluster === null ? [database] : [database, `${database}_local`];
  const everywhere = (privilege: string, what: string): WantedGrant => {
    return { privilege, on: '*.*', for: what, isNeeded: true };
  };
  return [
    ...databases.flatMap((name) => {
      const on = `${quoteIdentifier(name)}.*`;
      return ofTables.map((grant) => ({ ...grant, on, isNeeded: true }));
    }),
    { privilege: 'SELECT', on: 'system.*', for: 'parts, mutations and settings', isNeeded: true },
    { privilege: 'SHOW QUOTAS', on: '*.*', for: 'the check of quotas', isNeeded: false },
    ...(cluster === null
      ? []
      : [
          ...databases.map((name) => ({
            ...{ privilege: 'CREATE DATABASE', on: `${quoteIdentifier(name)}.*` },
            ...{ for: 'the databases of the shards', isNeeded: true },
          })),
          everywhere('CLUSTER', 'what is done on every node'),
          everywhere('REMOTE', 'what is read of every node'),
          everywhere('SYSTEM SYNC REPLICA', 'erasures'),
        ]),
  ];
}
