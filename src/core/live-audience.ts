import { type LiveFilter, liveNames } from './live-batch.js';

const nameLists = Object.keys(liveNames) as (keyof typeof liveNames)[];

/** One filter, ready to be asked. */
export class AudienceGroup {
  readonly group: number;
  readonly runs: ReadonlySet<string> | null;
  readonly user: string | null;
  /** What the fields of `liveNames`, in their order, have to be: null, whatever. */
  readonly names: readonly (ReadonlySet<string> | null)[];
  /** By number of the type: 1 passes. */
  readonly #types: Uint8Array | null;
  /** Place of the group's latest range while a batch is read, -1 when it has none. */
  range = -1;

  constructor(filter: LiveFilter) {
    this.group = filter.group;
    this.user = filter.user ?? null;
    this.runs = filter.runs.length === 0 ? null : new Set(filter.runs);
    this.names = nameLists.map((list) => (filter[list]?.length ? new Set(filter[list]) : null));
    this.#types = filter.types.length === 0 ? null : typeTable(filter.types);
  }

  takesType(type: number): boolean {
    return this.#types === null || this.#types[type] === 1;
  }
}

function typeTable(types: readonly number[]): Uint8Array {
  const table = new Uint8Array(128);
  for (const type of types) table[type] = 1;
  return table;
}

interface TenantAudience {
  /** Groups that name agents, by agent. */
  readonly byAgent: Map<string, AudienceGroup[]>;
  /** Groups that name runs and no agent, by run. */
  readonly byRun: Map<string, AudienceGroup[]>;
  /** Groups that name neither. */
  readonly unbound: AudienceGroup[];
}

const nobody: TenantAudience = { byAgent: new Map(), byRun: new Map(), unbound: [] };
const noGroups: readonly AudienceGroup[] = [];

/** Who wants an event: groups are found by what they name, so that a thousand filters cost an event a few look-ups. */
export class LiveAudience {
  readonly groups: readonly AudienceGroup[];
  readonly #tenants = new Map<string, TenantAudience>();

  constructor(filters: readonly LiveFilter[]) {
    this.groups = filters.map((filter) => {
      const group = new AudienceGroup(filter);
      this.#place(filter, group);
      return group;
    });
  }

  #place(filter: LiveFilter, group: AudienceGroup): void {
    let tenant = this.#tenants.get(filter.tenant);
    if (tenant === undefined) {
      tenant = { byAgent: new Map(), byRun: new Map(), unbound: [] };
      this.#tenants.set(filter.tenant, tenant);
    }
    if (filter.agents.length > 0) for (const agent of filter.agents) addTo(tenant.byAgent, agent, group);
    else if (filter.runs.length > 0) for (const run of filter.runs) addTo(tenant.byRun, run, group);
    else tenant.unbound.push(group);
  }

  /** Groups that want this agent, or any; those with `runs` want only these. */
  ofAgent(tenant: string, agent: string): readonly AudienceGroup[] {
    const { byAgent, unbound } = this.#tenants.get(tenant) ?? nobody;
    const named = byAgent.get(agent);
    return named === undefined ? unbound : unbound.length === 0 ? named : [...named, ...unbound];
  }

  /** Whether groups of the tenant name runs and no agent. */
  namesRuns(tenant: string): boolean {
    return (this.#tenants.get(tenant) ?? nobody).byRun.size > 0;
  }

  /** Groups that name this run and no agent. */
  ofRun(tenant: string, run: string): readonly AudienceGroup[] {
    return (this.#tenants.get(tenant) ?? nobody).byRun.get(run) ?? noGroups;
  }
}

function addTo(map: Map<string, AudienceGroup[]>, name: string, group: AudienceGroup): void {
  const list = map.get(name);
  if (list === undefined) map.set(name, [group]);
  else list.push(group);
}
