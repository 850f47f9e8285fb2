import { RequestLane } from './request-lane.js';

/** Where statements of one side, the collector or its guests, wait for each other. Nobody waits for the other side. */
export interface StatementLanes {
  readonly reads: RequestLane;
  readonly streams: RequestLane;
  /** Of statements that write as many rows as there are. */
  readonly inserts: RequestLane;
  /** Of all others that write: of tables, columns, partitions. None waits for an INSERT of somebody else. */
  readonly changes: RequestLane;
  /** Of KILL, which would be of no use behind what it is to end. */
  readonly kills: RequestLane;
}

export interface LaneWidths {
  readonly readsMax: number;
  readonly streamsMax: number;
  readonly insertsMax: number;
  readonly waitingMax: number;
}

/** The collector's writes run one after another, whatever they are: a migration expects what the one before it made. */
export function createCollectorLanes(widths: Omit<LaneWidths, 'insertsMax'>): StatementLanes {
  const lanes = createLanes({ ...widths, insertsMax: 1 });
  return { ...lanes, changes: lanes.inserts };
}

export function createLanes({ readsMax, streamsMax, insertsMax, waitingMax }: LaneWidths): StatementLanes {
  return {
    reads: new RequestLane({ name: 'reads', width: readsMax, waitingMax }),
    // A stream may take an hour: whoever comes next is told at once.
    streams: new RequestLane({ name: 'streamed results', width: streamsMax, waitingMax: 0 }),
    inserts: new RequestLane({ name: 'writes', width: insertsMax, waitingMax }),
    changes: new RequestLane({ name: 'changes of tables', width: guestChangesMax, waitingMax }),
    kills: new RequestLane({ name: 'statements that end others', width: guestKillsMax, waitingMax }),
  };
}

/** The engine itself makes those that touch one table wait for each other. */
const guestChangesMax = 4;
const guestKillsMax = 2;
/** One that never ends leaves room for another. */
export const guestInsertsMax = 2;
