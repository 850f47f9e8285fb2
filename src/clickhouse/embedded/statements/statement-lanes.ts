import { RequestLane } from './request-lane.js';

/** Where statements of one side, the collector or its guests, wait for each other. Nobody waits for the other side. */
export interface StatementLanes {
  readonly reads: RequestLane;
  readonly streams: RequestLane;
  readonly writes: RequestLane;
}

export interface LaneWidths {
  readonly readsMax: number;
  readonly streamsMax: number;
  readonly waitingMax: number;
}

export function createLanes({ readsMax, streamsMax, waitingMax }: LaneWidths): StatementLanes {
  return {
    reads: new RequestLane({ name: 'reads', width: readsMax, waitingMax }),
    // A stream may take an hour: whoever comes next is told at once.
    streams: new RequestLane({ name: 'streamed results', width: streamsMax, waitingMax: 0 }),
    writes: new RequestLane({ name: 'writes', width: 1, waitingMax }),
  };
}
