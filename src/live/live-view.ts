import type { Clock } from '../core/clock.js';
import type { LiveInstruments } from '../core/instruments.js';
import type { HttpRoute } from '../core/ports/http-route.js';
import type { LiveSink } from '../core/ports/live-sink.js';
import type { SocketRoute } from '../core/ports/socket-route.js';
import { createLiveEventsRoute } from './live-events-route.js';
import { LiveHub, type LiveHubOptions } from './live-hub.js';
import { LiveSocketRoute } from './live-socket-route.js';
import { RunRegistry, type RunRegistryOptions } from './run-registry.js';

/** The live stage, joined: where batches go in and the two routes by which subscribers come. */
export interface LiveView {
  readonly sink: LiveSink;
  readonly socket: SocketRoute;
  readonly events: HttpRoute;
  usage(): { readonly subscribers: number; readonly runs: number; readonly open: number };
}

export function createLiveView(
  deps: { readonly clock: Clock; readonly instruments: LiveInstruments },
  options: LiveHubOptions & RunRegistryOptions,
): LiveView {
  const registry = new RunRegistry(deps.instruments, options);
  const hub = new LiveHub({ ...deps, registry }, options);
  return {
    sink: hub,
    socket: new LiveSocketRoute({ ...deps, hub }),
    events: createLiveEventsRoute({ ...deps, hub }),
    usage: () => ({ subscribers: hub.subscribers, runs: registry.runs, open: registry.open }),
  };
}
