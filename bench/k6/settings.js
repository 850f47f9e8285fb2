/** What `npm run k6` hands to a script; the defaults are those of a script that is run by hand. */
export const settings = {
  /** ws://host:port and http://host:port of the collector. */
  streamUrl: __ENV.TIDEMARK_URL || 'ws://127.0.0.1:7077',
  httpUrl: (__ENV.TIDEMARK_URL || 'ws://127.0.0.1:7077').replace(/^ws/, 'http'),
  key: __ENV.TIDEMARK_KEY,
  /** Part of every name, so that two runs against one collector do not meet. */
  token: __ENV.K6_TOKEN || 'by-hand',
  connections: Number(__ENV.K6_CONNECTIONS || 5),
  eventsPerFrame: Number(__ENV.K6_EVENTS || 100),
  /** Events a second, of all connections together. */
  rate: Number(__ENV.K6_RATE || 10_000),
  seconds: Number(__ENV.K6_SECONDS || 30),
  /** Frames a connection, where a script sends as fast as it is let. */
  frames: Number(__ENV.K6_FRAMES || 200),
  /** What the 99th percentile of the acknowledgements may be; null: as the script says. */
  ackMsMax: __ENV.K6_ACK_MS ? Number(__ENV.K6_ACK_MS) : null,
};

/** For whatever is under way when the time of a script is over; what is not acknowledged then counts as lost. */
export const graceMs = 30_000;

/** Frames a second of one connection. */
export function framesPerSecond() {
  return settings.rate / settings.connections / settings.eventsPerFrame;
}

/** An executor that runs the script once a connection, for as long as it takes. */
export function oneEach(exec, options = {}) {
  return {
    executor: 'per-vu-iterations',
    exec,
    vus: settings.connections,
    iterations: 1,
    maxDuration: `${settings.seconds + graceMs / 1_000 + 30}s`,
    ...options,
  };
}
