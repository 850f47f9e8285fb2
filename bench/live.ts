import { parseArgs } from 'node:util';
import WebSocket from 'ws';
import { answerHelp } from '../src/cli/help.js';
import { benchKey, CollectorProcess } from './collector-process.js';
import { LatencyHistogram } from './latency-histogram.js';
import { runLoad } from './load.js';
import { terminalEvents } from './payload.js';
import { readTree } from './process-usage.js';

/**
 * `npm run bench:live [-- --subscribers 100 --rate 20000 --seconds 10]`
 *
 * The same steady load without and with live subscribers, of whom one in fifty takes everything and the others one
 * agent each: how long after its sending an event is seen (of each message its first event, which waited longest), and
 * what the collector's own process costs. Subscribers run in this process and share the machine. A subscriber that is
 * told of dropped events, or an event that is not acknowledged, ends the bench with exit code 1.
 */
const usage = 'usage: bench:live [--subscribers 100] [--rate 20000] [--seconds 10]\n';
answerHelp(usage);
const { values } = parseArgs({
  options: {
    subscribers: { type: 'string', default: '100' },
    rate: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '10' },
  },
});

const agents = 50;
const unfilteredEvery = 50;

class LiveWatch {
  readonly latencies = new LatencyHistogram();
  readonly #sockets: WebSocket[] = [];
  bytes = 0;
  messages = 0;
  dropped = 0;

  async open(collector: CollectorProcess, count: number): Promise<void> {
    const ids = [...new Set(terminalEvents(agents, { seed: 1, count: 5_000 }).map(({ agent_id }) => agent_id))];
    for (let index = 0; index < count; index += 1) {
      const filter = index % unfilteredEvery === 0 ? '' : `?agent_id=${ids[index % ids.length]}`;
      const url = `${collector.url.replace('http', 'ws')}/api/v1/live${filter}`;
      const socket = new WebSocket(url, { headers: { authorization: `Bearer ${benchKey}` }, skipUTF8Validation: true });
      this.#sockets.push(socket);
      socket.on('message', (data: Buffer) => this.#receive(data));
      await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    }
  }

  #receive(data: Buffer): void {
    this.bytes += data.length;
    const head = data.toString('latin1', 0, 4_096);
    if (head.startsWith('{"op":"dropped"')) this.dropped += 1;
    if (!head.startsWith('{"op":"events"')) return;
    this.messages += 1;
    const sentMs = Date.parse(/"ts":"([^"]*)"/.exec(head)?.[1] ?? '');
    this.latencies.record(Date.now() - sentMs);
  }

  close(): void {
    for (const socket of this.#sockets) socket.terminate();
  }
}

async function measure(subscribers: number): Promise<boolean> {
  const [rate, seconds] = [Number(values.rate), Number(values.seconds)];
  const collector = await CollectorProcess.start();
  const watch = new LiveWatch();
  try {
    const load = { format: 'positional', rate, agents, eventsPerFrame: 50 } as const;
    await runLoad(collector, { ...load, seconds: 2 });
    await watch.open(collector, subscribers);
    const before = readTree(collector.pid)[0]?.cpuMs ?? 0;
    const report = await runLoad(collector, { ...load, seconds });
    const cpuMs = (readTree(collector.pid)[0]?.cpuMs ?? 0) - before;
    const shown = (level: number) => `${watch.latencies.quantile(level)?.toFixed(0) ?? '–'} ms`;
    process.stdout.write(
      `${String(subscribers).padStart(5)} subscribers: ${Math.round(report.events / seconds)} events/s, ` +
        `sent to seen p50 ${shown(0.5)} p99 ${shown(0.99)} max ${shown(1)}, ` +
        `${Math.round(watch.messages / seconds)} messages/s of ${(watch.bytes / seconds / 1e6).toFixed(1)} MB/s, ` +
        `${watch.dropped} drops, collector ${(cpuMs / seconds / 10).toFixed(0)} % of a processor\n`,
    );
    return watch.dropped === 0;
  } finally {
    watch.close();
    await collector.stop();
  }
}

const without = await measure(0);
const withThem = await measure(Number(values.subscribers));
if (!without || !withThem) process.exitCode = 1;
