export interface ExecutionCounts {
  readonly total: number;
  readonly successful: number;
  readonly failed: number;
}

/** Whole minutes, half open; ms since the epoch. */
export interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Bytes of an execution as `executionsSql` tells it, RowBinary: agent's rank UInt16, minute UInt32, outcome UInt8. */
const rowBytes = 7;

/** Every execution of a history, kept outside of the store, so that the store's answers can be checked. */
export class HistoryRecord {
  /** By rank: minutes since the epoch times 4, plus the outcome, ascending. */
  readonly #executions: readonly Uint32Array[];
  /** Of all agents, by span: a pass over some million executions. */
  readonly #sums = new Map<string, ExecutionCounts>();

  private constructor(executions: readonly Uint32Array[]) {
    this.#executions = executions;
  }

  static parse(rows: Uint8Array, agents: number): HistoryRecord {
    const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
    const sizes = new Uint32Array(agents);
    for (let at = 0; at < rows.length; at += rowBytes) {
      const rank = view.getUint16(at, true);
      sizes[rank] = (sizes[rank] ?? 0) + 1;
    }
    const executions = Array.from(sizes, (size) => new Uint32Array(size));
    const filled = new Uint32Array(agents);
    for (let at = 0; at < rows.length; at += rowBytes) {
      const rank = view.getUint16(at, true);
      const place = filled[rank] ?? 0;
      const own = executions[rank];
      if (own !== undefined) own[place] = view.getUint32(at + 2, true) * 4 + view.getUint8(at + 6);
      filled[rank] = place + 1;
    }
    for (const own of executions) own.sort();
    return new HistoryRecord(executions);
  }

  /** Ranks of agents with any execution. */
  get activeRanks(): number[] {
    return [...this.#executions.keys()].filter((rank) => (this.#executions[rank]?.length ?? 0) > 0);
  }

  /** Executions of an agent, or of all. */
  counts(rank: number | null, span: TimeSpan): ExecutionCounts {
    if (rank !== null) return countWithin([this.#executions[rank] ?? new Uint32Array()], span);
    const key = `${span.fromMs} ${span.toMs}`;
    const known = this.#sums.get(key) ?? countWithin(this.#executions, span);
    this.#sums.set(key, known);
    return known;
  }
}

function countWithin(executions: readonly Uint32Array[], { fromMs, toMs }: TimeSpan): ExecutionCounts {
  const ofOutcome = [0, 0, 0];
  for (const own of executions) {
    const end = lowerBound(own, (toMs / 60_000) * 4);
    for (let place = lowerBound(own, (fromMs / 60_000) * 4); place < end; place += 1) {
      const outcome = (own[place] ?? 0) & 3;
      ofOutcome[outcome] = (ofOutcome[outcome] ?? 0) + 1;
    }
  }
  const [successful = 0, failed = 0, cancelled = 0] = ofOutcome;
  return { total: successful + failed + cancelled, successful, failed };
}

/** Index of the first element that is not less than `value`. */
function lowerBound(values: Uint32Array, value: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
