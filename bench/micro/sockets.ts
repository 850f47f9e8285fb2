import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { packageFile } from '../../src/core/package-root.js';
import type { MicroResult } from '../budget.js';
import type { CountedFrames, SocketServerTold } from './socket-server.js';

interface FrameLoad {
  readonly name: string;
  readonly bytes: number;
  readonly frames: number;
}

const loads: readonly FrameLoad[] = [
  { name: 'of 108 kB (500 events)', bytes: 108_000, frames: 3_000 },
  { name: 'of 200 B (one event)', bytes: 200, frames: 40_000 },
];
const libraries = [
  { name: 'uWebSockets.js', choice: 'auto', env: {} },
  { name: 'ws with bufferutil', choice: 'node', env: {} },
  { name: 'ws without', choice: 'node', env: { WS_NO_BUFFER_UTIL: '1' } },
] as const;
const framesUnderWay = 16;

/** CPU that a frame and its answer cost in the process of the port, with each library that can be had here. */
export async function measureSockets(): Promise<MicroResult[]> {
  const results: MicroResult[] = [];
  for (const load of loads) {
    for (const { name, choice, env } of libraries) {
      const value = await measureFrames(load, { choice, env });
      if (value !== null) results.push({ name: `frame ${load.name}, ${name}`, value, unit: 'us of CPU' });
    }
  }
  return results;
}

/** Null where the library has no binary. */
async function measureFrames(
  { bytes, frames }: FrameLoad,
  { choice, env }: { readonly choice: 'auto' | 'node'; readonly env: Readonly<Record<string, string>> },
): Promise<number | null> {
  const program = fileURLToPath(packageFile('dist/bench/micro/socket-server.js'));
  const child = fork(program, [choice], { env: { ...process.env, ...env } });
  const told = <Told>() => new Promise<Told>((resolve) => child.once('message', (message) => resolve(message as Told)));
  try {
    const { port, library } = await told<SocketServerTold>();
    if (choice === 'auto' && library === 'ws') return null;
    const client = new WebSocket(`ws://127.0.0.1:${port}/frames`);
    await new Promise((resolve) => client.once('open', resolve));
    const count = async (): Promise<CountedFrames> => {
      child.send('count');
      return told<CountedFrames>();
    };
    await sendFrames(client, bytes, frames / 4);
    const before = await count();
    await sendFrames(client, bytes, frames);
    const after = await count();
    client.terminate();
    return (after.cpuUs - before.cpuUs) / (after.frames - before.frames);
  } finally {
    child.kill();
  }
}

/** So many at once under way as one connection has with its credit; resolves with the last answer. */
function sendFrames(client: WebSocket, bytes: number, frames: number): Promise<void> {
  const frame = Buffer.alloc(bytes, 7);
  let sent = 0;
  let answered = 0;
  return new Promise((resolve) => {
    const fill = (): void => {
      for (; sent < frames && sent - answered < framesUnderWay; sent += 1) client.send(frame);
    };
    client.removeAllListeners('message').on('message', () => {
      answered += 1;
      if (answered === frames) resolve();
      else fill();
    });
    fill();
  });
}
