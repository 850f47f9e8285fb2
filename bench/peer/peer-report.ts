/** What one way of storing the same events cost. */
export interface PeerFigures {
  readonly name: string;
  readonly events: number;
  /** From the first event sent until all are counted in the store. */
  readonly seconds: number;
  readonly cpuSeconds: { readonly writer: number; readonly engine: number };
  readonly wireBytesPerEvent: number;
  /** Of all tables it fills, when they are merged as far as they were when the last row was counted. */
  readonly storedBytesPerEvent: number;
  /** What an acknowledged event survives. */
  readonly keeps: string;
}

function eventsPerCpuSecond({ events, cpuSeconds }: PeerFigures): number {
  return events / (cpuSeconds.writer + cpuSeconds.engine);
}

/** A Markdown table, ours first; the ratio is of events per CPU-second to the first row. */
export function renderPeers(figures: readonly PeerFigures[]): string {
  const first = figures[0];
  const rows = figures.map((of) => [
    of.name,
    thousands(eventsPerCpuSecond(of)),
    first === undefined ? '' : (eventsPerCpuSecond(of) / eventsPerCpuSecond(first)).toFixed(2),
    `${perEventUs(of, 'writer')} + ${perEventUs(of, 'engine')}`,
    thousands(of.events / of.seconds),
    of.wireBytesPerEvent.toFixed(0),
    of.storedBytesPerEvent.toFixed(0),
    of.keeps,
  ]);
  const header = [
    'writer',
    'events/CPU-s',
    'ratio',
    'CPU us an event, writer + engine',
    'stored/s',
    'wire B/event',
    'stored B/event',
    'an acknowledged event survives',
  ];
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

function perEventUs({ events, cpuSeconds }: PeerFigures, part: 'writer' | 'engine'): string {
  return ((1e6 * cpuSeconds[part]) / events).toFixed(1);
}

function thousands(value: number): string {
  return `${(value / 1_000).toFixed(1)}k`;
}
