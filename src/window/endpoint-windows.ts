import type { Clock } from '../core/clock.js';
import type { RequestRecorder } from '../core/instruments.js';
import type { EndpointSnapshot, EndpointWindows } from '../core/ports/endpoint-windows.js';
import type { WindowName } from '../core/ports/live-windows.js';
import { CellArena, cellOffset } from './cell-arena.js';
import { addDurations, type DurationDelta, DurationTotals, durationsCells } from './durations.js';
import { expireSlices, openSlice, type SliceLayout } from './slice-lifetime.js';
import { SliceSeries } from './slice-series.js';
import { coverWindow, oldestSlice, windowLevels } from './window-levels.js';

/**
 * Rolling 1m, 5m, 15m, 1h and 24h windows of every endpoint: requests by outcome and a digest of durations, in slices
 * of the same widths and digests of the same kind as those of agents.
 *
 * Endpoints are route templates times the methods the server knows, a closed set, so nothing is evicted. A busy
 * endpoint with every slice full has 0.3 MB. Time is monotonic: a step of the wall clock moves no request.
 */
export function createEndpointWindows(clock: Clock): RollingEndpoints {
  return new RollingEndpoints(clock);
}

const ranks = [0.5, 0.9, 0.99] as const;

export class RollingEndpoints implements EndpointWindows, RequestRecorder {
  readonly #clock: Clock;
  readonly #arena = new CellArena();
  /** By route, then by method. */
  readonly #routes = new Map<string, Map<string, Endpoint>>();
  readonly #durations = new DurationTotals();
  /** One duration of weight 1; one object serves all requests. */
  readonly #delta = { durations: Float64Array.of(0, 1), durationSumMs: 0, durationMinMs: 0, durationMaxMs: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Of slices and digests. */
  get bytes(): number {
    return this.#arena.usedBytes;
  }

  /** Hot path: once a request, 0.4 us of CPU (bench/micro/endpoints.ts); gathered in batches it would be 0.27. */
  recordRequest(route: string, method: string, status: number, seconds: number): void {
    const endpoint = this.#routes.get(route)?.get(method) ?? this.#create(route, method);
    const delta = this.#delta;
    const durationMs = seconds * 1_000;
    delta.durations[0] = durationMs;
    delta.durationSumMs = durationMs;
    delta.durationMinMs = durationMs;
    delta.durationMaxMs = durationMs;
    endpoint.record(status, delta, this.#clock.monotonicMs());
  }

  snapshot(window: WindowName): readonly EndpointSnapshot[] {
    const nowMs = this.#clock.monotonicMs();
    const snapshots: EndpointSnapshot[] = [];
    for (const [route, methods] of this.#routes) {
      for (const [method, endpoint] of methods) {
        endpoint.expire(nowMs);
        const counts = endpoint.sum(window, nowMs, this.#durations);
        if (counts.requests === 0) continue;
        const [p50Ms = null, p90Ms = null, p99Ms = null] = this.#durations.quantiles(ranks) ?? [];
        snapshots.push({ method, route, ...counts, p50Ms, p90Ms, p99Ms });
      }
    }
    return snapshots;
  }

  #create(route: string, method: string): Endpoint {
    let methods = this.#routes.get(route);
    if (methods === undefined) {
      methods = new Map();
      this.#routes.set(route, methods);
    }
    const endpoint = new Endpoint(this.#arena);
    methods.set(method, endpoint);
    return endpoint;
  }
}

const requestsAt = 0;
const clientErrorsAt = 1;
const serverErrorsAt = 2;
const durationsAt = 3;
const layout: SliceLayout = { cells: durationsAt + durationsCells, durationsAt, blocksAt: [] };

class Endpoint {
  readonly #arena: CellArena;
  readonly #series = windowLevels.map(() => new SliceSeries());

  constructor(arena: CellArena) {
    this.#arena = arena;
  }

  /** Adds one request to its slice at every width. */
  record(status: number, delta: DurationDelta, nowMs: number): void {
    const arena = this.#arena;
    for (let index = 0; index < windowLevels.length; index++) {
      const series = this.#series[index]!;
      const number = Math.floor(nowMs / windowLevels[index]!.widthMs);
      const ref = series.find(number) || this.#open(index, number, nowMs);
      const cells = arena.chunk(ref).f64;
      const at = cellOffset(ref);
      cells[at + requestsAt]! += 1;
      if (status >= 500) cells[at + serverErrorsAt]! += 1;
      else if (status >= 400) cells[at + clientErrorsAt]! += 1;
      addDurations(arena, cells, at + durationsAt, delta, true);
    }
  }

  sum(window: WindowName, nowMs: number, durations: DurationTotals): RequestCounts {
    const counts = { requests: 0, clientErrors: 0, serverErrors: 0 };
    durations.clear();
    for (const run of coverWindow(window, nowMs)) {
      this.#series[run.level]!.forEachIn(run.from, run.to, (ref) => {
        const cells = this.#arena.chunk(ref).f64;
        const at = cellOffset(ref);
        counts.requests += cells[at + requestsAt]!;
        counts.clientErrors += cells[at + clientErrorsAt]!;
        counts.serverErrors += cells[at + serverErrorsAt]!;
        durations.sum(this.#arena, cells, at + durationsAt);
      });
    }
    return counts;
  }

  /** Frees what no window reaches any more. */
  expire(nowMs: number): void {
    for (let index = 0; index < windowLevels.length; index++) this.#expireLevel(index, nowMs);
  }

  #open(index: number, number: number, nowMs: number): number {
    this.#expireLevel(index, nowMs);
    return openSlice(this.#arena, this.#series[index]!, layout, number);
  }

  #expireLevel(index: number, nowMs: number): void {
    expireSlices(this.#arena, this.#series[index]!, layout, oldestSlice(windowLevels[index]!, nowMs));
  }
}

type RequestCounts = Pick<EndpointSnapshot, 'requests' | 'clientErrors' | 'serverErrors'>;
