import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished } from 'vitest';
import { packageFile } from '../../src/core/package-root.js';
import { hello, type Peer, scriptedCollector } from './scripted-collector.js';
import { eventsOf, type ToldEvent } from './told-events.js';

/** A collector that takes each frame number of a producer once, and acknowledges it, after `ackMs`. */
export async function countingCollector({ ackMs = 0 } = {}) {
  const events: ToldEvent[] = [];
  const frames = new Map<string, number>();
  const peers: Peer[] = [];
  const { url } = await scriptedCollector({
    opened(peer) {
      peers.push(peer);
      peer.say({ ...hello, last_seq: frames.get(peer.producer) ?? 0 });
    },
    received(peer, frame) {
      if (frame.seq > (frames.get(peer.producer) ?? 0)) {
        frames.set(peer.producer, frame.seq);
        events.push(...eventsOf(frame));
      }
      const acknowledge = (): void => peer.say({ op: 'ack', seq: frame.seq });
      if (ackMs === 0) acknowledge();
      else setTimeout(acknowledge, ackMs);
    },
  });
  return { url, events, peers };
}

export const sdkUrl = packageFile('dist/src/sdk/index.js').href;

/**
 * A process that runs `body` with `tm`, a client of `url`; what it prints, and how it ended. Its end waits for far
 * longer than the usual two seconds, which a machine that does much else may take.
 */
export function agent(url: string, body: string, options = '', env: Readonly<Record<string, string>> = {}) {
  const program = `
    import { tidemark } from ${JSON.stringify(sdkUrl)};
    const tm = tidemark({ url: ${JSON.stringify(url)}, key: 'k', agent: 'a', exitMs: 60_000, ${options} });
    const connected = async () => {
      while (tm.stats().state !== 'connected') await new Promise((resolve) => setTimeout(resolve, 5));
    };
    ${body}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  const keep = (data: Buffer): void => {
    output += data.toString();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, output }));
  const says = (text: string) => expect.poll(() => output).toContain(text);
  return { child, ended, says };
}
