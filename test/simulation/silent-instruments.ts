import type { DeliverInstruments, SpoolInstruments } from '../../src/core/instruments.js';

const counter = { inc() {} };
const histogram = { observe() {} };

/** Nothing is counted: the histories look at what is there. */
export const spoolInstruments: SpoolInstruments = {
  eventsRecovered: counter,
  bytesWritten: counter,
  syncSeconds: histogram,
  syncFailures: counter,
  syncGroupBatches: histogram,
  segmentsClosed: counter,
  segmentsQuarantined: counter,
  eventsQuarantined: counter,
  tornBytes: counter,
  producersForgotten: counter,
  eventIdsRestored: counter,
};

export const deliverInstruments: DeliverInstruments = {
  eventsInserted: counter,
  insertSeconds: histogram,
  insertBytes: counter,
  insertRetries: counter,
  freshnessSeconds: histogram,
};
