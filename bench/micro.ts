import { seededRandom } from '../src/cli/seeded-random.js';
import type { MicroResult } from './budget.js';
import { measureCompression } from './micro/compression.js';
import { measureDecode } from './micro/decode.js';
import { measureEndpoints } from './micro/endpoints.js';
import { measureGuard } from './micro/guard.js';
import { measureKeyLimits } from './micro/key-limits.js';
import { measureMasking } from './micro/masking.js';
import { measureSockets } from './micro/sockets.js';
import { measureSpool } from './micro/spool-append.js';
import { measureStatements } from './micro/statements.js';
import { measureWindow } from './micro/window.js';

/** The stages alone, one after another in this process; CPU time, since wall time is shared with others. */
export async function runMicro(): Promise<MicroResult[]> {
  // First: V8 of Node 20 dies of the hash of compressed blocks once it inlines as much as decoding has it do. The
  // collector decodes and its engine compresses, in two processes.
  const compression = await measureCompression();
  const decode = measureDecode(seededRandom(1)).map(({ name, eventsPerCpuSecond, bytesPerEvent }) => ({
    name: `${name}, ${bytesPerEvent} B an event`,
    value: eventsPerCpuSecond,
    unit: 'events/CPU-s',
  }));
  const windows = [...(await measureWindow(seededRandom(2))), ...measureEndpoints(seededRandom(3))];
  const stages = [...decode, ...measureMasking(), ...measureKeyLimits(), ...(await measureSpool()), ...windows];
  const engine = [...(await measureGuard()), ...(await measureStatements())];
  return [...stages, ...engine, ...compression, ...(await measureSockets())];
}
