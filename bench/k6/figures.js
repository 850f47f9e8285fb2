import { Counter, Trend } from 'k6/metrics';

/** What all scripts count. An event is sent once, however often its frame has to be repeated. */
export const figures = {
  sent: new Counter('tidemark_events_sent'),
  acknowledged: new Counter('tidemark_events_acknowledged'),
  rejected: new Counter('tidemark_events_rejected'),
  /** Sent, and not acknowledged when the time was over. */
  lost: new Counter('tidemark_events_lost'),
  /** From the moment a frame was due, so that a collector that stops reading cannot hide the wait. */
  ackLatency: new Trend('tidemark_ack_latency', true),
  /** Connections that were made again: the collector closed them, or the greeting did not come. */
  reconnects: new Counter('tidemark_reconnects'),
};

/** Every event acknowledged, none rejected, none lost. */
export function exactly(events, ackMsMax) {
  return {
    checks: ['rate==1'],
    tidemark_events_sent: [`count==${events}`],
    tidemark_events_acknowledged: [`count==${events}`],
    tidemark_events_rejected: ['count==0'],
    tidemark_events_lost: ['count==0'],
    tidemark_ack_latency: [`p(99)<${ackMsMax}`],
  };
}
