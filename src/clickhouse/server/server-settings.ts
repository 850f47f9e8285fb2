import { CollectorError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { DependencyHealth, HealthProbe } from '../../core/ports/health-probe.js';
import { storeErrorNumber } from '../classify-error.js';
import { readingAsWriter } from '../maintenance/rollup-repair.js';
import { checkServer, ofGrants, readIdentity } from './server-check.js';
import type { ServerConnection } from './server-connection.js';
import type { ServerFinding } from './server-finding.js';

/** What was found about a server when the collector began to use it; `tidemark doctor` looks again. */
export class ServerSettings implements HealthProbe {
  readonly name = 'server_settings';
  readonly ifUnhealthy = 'degraded';
  readonly #server: ServerConnection;
  readonly #logger: Logger;
  #findings: readonly ServerFinding[] = [];
  #identity: { readonly version: string; readonly timezone: string } | null = null;

  constructor(server: ServerConnection, logger: Logger) {
    this.#server = server;
    this.#logger = logger;
  }

  /**
   * Looks, and says each finding once in the log. Rejects when the server does not answer, and with `config_invalid`
   * when several addresses are not of one store.
   */
  async look(): Promise<void> {
    await mustBeOneStore(this.#server);
    this.#identity = await readIdentity(readingAsWriter(this.#server.client));
    this.#tell(await findingsOf(this.#server));
  }

  /** Before the schema is made, which what is missing would stop. Rejects when the server does not answer. */
  async lookAtGrants(): Promise<void> {
    const { client, database, cluster } = this.#server;
    const options = { database, cluster, shards: null };
    try {
      this.#tell(await ofGrants(readingAsWriter(client), options));
    } catch (error) {
      // A server that cannot say what is granted says what is not when it is asked for it.
      if (storeErrorNumber(error) === null) throw error;
    }
  }

  /** Each once in the log. */
  #tell(findings: readonly ServerFinding[]): void {
    const told = new Set(this.#findings.map(({ what }) => what));
    this.#findings = findings;
    for (const { what, mend } of findings) if (!told.has(what)) this.#logger.warn({ statement: mend }, what);
  }

  health(): DependencyHealth {
    const faults = this.#findings.filter(({ isFault }) => isFault);
    const told = this.#findings
      .slice(0, findingsTold)
      .map(({ what, mend }, at) => [`finding_${at + 1}`, `${what}: ${mend}`]);
    return {
      name: this.name,
      status: faults.length === 0 ? 'healthy' : 'degraded',
      reason: faults[0] === undefined ? null : `${faults[0].what}; mend it with ${faults[0].mend}`,
      details: {
        version: this.#identity?.version ?? null,
        timezone: this.#identity?.timezone ?? null,
        findings: this.#findings.length,
        ...Object.fromEntries(told),
      },
    };
  }
}

const findingsTold = 16;

export async function findingsOf({ client, topology, database, cluster }: ServerConnection): Promise<ServerFinding[]> {
  const shards = topology === null ? null : await topology.shards();
  return await checkServer(readingAsWriter(client), { database, cluster, shards });
}

/** Rows would lie in one server or another, and each be read as the whole. */
async function mustBeOneStore({ servers, database }: ServerConnection): Promise<void> {
  const found = await servers();
  const isOne = new Set(found.map(({ uuid }) => uuid)).size <= 1;
  const alone = found.filter(({ engine }) => engine !== '' && !/^(Replicated|Shared|Distributed)/.test(engine));
  if (isOne || alone.length === 0) return;
  const what = `${alone.map(({ url }) => url).join(', ')}: each is a server of its own, with tables that no other has`;
  throw new CollectorError('config_invalid', `cannot use database ${database} at ${what}; give one of them alone`);
}
