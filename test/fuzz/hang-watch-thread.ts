import { writeFileSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import type { WatchedWork } from './hang-watch.js';

const { state, bytes, path, msMax } = workerData as WatchedWork;
const pauseMs = 250;
let last = 0;
let sinceMs = performance.now();

setInterval(() => {
  const begun = Atomics.load(state, 0);
  if (begun !== last) {
    last = begun;
    sinceMs = performance.now();
  } else if (begun > 0 && performance.now() - sinceMs > msMax) {
    writeFileSync(path, Uint8Array.from(bytes.subarray(0, state[1])));
    process.kill(process.pid, 'SIGKILL');
  }
}, pauseMs);
