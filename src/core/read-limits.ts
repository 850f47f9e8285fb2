/** What reads of the store may take, as the configuration says it under `query`: its names and its defaults. */
export interface ReadLimits {
  /** Time of one read, its wait included; the reads of a request together have as long. */
  readonly timeoutMs: number;
  /** Memory of one read at the store. */
  readonly memoryBytesMax: number;
  /** Days a range of time may span; a longer one is refused with `parameter_invalid`. */
  readonly rangeDaysMax: number;
  /** Reads at the store at once, of all tenants and of one. The second below the first leaves a place for another. */
  readonly concurrencyMax: number;
  readonly tenantConcurrencyMax: number;
  /** Reads of one tenant that wait for their turn. */
  readonly tenantWaitingMax: number;
  /** Requests of one tenant under way; one more is refused. */
  readonly tenantRequestsMax: number;
  /** Age, from the start of its read, at which an answer is no longer given to equal requests; 0 shares nothing. */
  readonly cacheMs: number;
  /** Of days and sums that are kept in memory until the store has others. */
  readonly rememberedBytesMax: number;
  /** Tenants whose dashboards are read before somebody asks; 0: none. */
  readonly preparedTenantsMax: number;
  /** Exports at once; none waits. */
  readonly exportsMax: number;
  /** Of one export, from its start to its last byte; and its memory at the store. */
  readonly exportTimeoutMs: number;
  readonly exportMemoryBytesMax: number;
}
