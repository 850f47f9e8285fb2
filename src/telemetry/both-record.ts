import type { HttpInstruments, RequestRecorder } from '../core/instruments.js';

/** Counts requests as `counted` does, and tells `windows` of each. */
export function bothRecord(counted: HttpInstruments, windows: RequestRecorder): HttpInstruments {
  return {
    refused: counted.refused,
    // Hot path: once a request.
    recordRequest(route, method, status, seconds) {
      counted.recordRequest(route, method, status, seconds);
      windows.recordRequest(route, method, status, seconds);
    },
  };
}
