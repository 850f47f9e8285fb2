import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../src/core/package-root.js';
import { benchKey, type CollectorProcess } from './collector-process.js';
import type { LoadMessage, LoadOptions, LoadReport } from './load-generator.js';

const defaultLoad = { connections: 20, agents: 50, eventsPerFrame: 500, templates: 8 } as const;

let loads = 0;

export interface RunningLoad {
  /** Settles when the first frame is acknowledged, at the end at the latest. Rejects as `report`. */
  begun(): Promise<void>;
  /** Settles when the generator has ended. Rejects when any event was not acknowledged. */
  readonly report: Promise<LoadReport>;
  /** Ends it before its time. */
  stop(): Promise<LoadReport>;
}

/** What is streamed to: usually a collector, in a comparison something else that speaks the protocol. */
type Target = Pick<CollectorProcess, 'streamUrl' | 'output'>;

type Load = Pick<LoadOptions, 'format' | 'seconds' | 'rate'> & Partial<LoadOptions>;

/** Runs the generator in a process of its own and returns what it says. Throws when any event was not acknowledged. */
export function runLoad(collector: Target, load: Load): Promise<LoadReport> {
  return startLoad(collector, load).report;
}

export function startLoad(collector: Target, load: Load): RunningLoad {
  loads += 1;
  const options: LoadOptions = {
    ...defaultLoad,
    url: collector.streamUrl,
    key: benchKey,
    token: `${process.pid.toString(36)}${loads}`,
    ...load,
  };
  const generator = fork(fileURLToPath(packageFile('dist/bench/load-generator.js')), [JSON.stringify(options)]);
  const firstAck = new Promise<void>((resolve) => {
    generator.on('message', (message: LoadMessage) => message === 'begun' && resolve());
  });
  const report = new Promise<LoadReport>((resolve, reject) => {
    generator.on('message', (message: LoadMessage) => message !== 'begun' && resolve(message));
    generator.once('exit', (code) => reject(new Error(`the load generator ended with ${code} before its report`)));
  }).then((told) => checkedReport(told, collector));
  const stop = (): Promise<LoadReport> => {
    if (generator.connected) generator.send('stop');
    return report;
  };
  return { begun: () => Promise.race([firstAck, report.then(() => undefined)]), report, stop };
}

function checkedReport(report: LoadReport, collector: Target): LoadReport {
  const { frames, acknowledgedFrames, rejectedEvents, problems } = report;
  if (acknowledgedFrames !== frames || rejectedEvents > 0 || problems.length > 0) {
    const told = problems.join('\n');
    throw new Error(
      `${frames - acknowledgedFrames} of ${frames} frames have no ack, ${rejectedEvents} events were rejected\n` +
        `${told}\n${collector.output}`,
    );
  }
  return report;
}
