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
import { measureWindow } from './micro/window.js';

/** The stages alone, one after another in this process; CPU time, since wall time is shared with others. */
export async function runMicro(): Promise<MicroResult[]> {
  const decode = measureDecode(seededRandom(1)).map(({ name, eventsPerCpuSecond, bytesPerEvent }) => ({
    name: `${name}, ${bytesPerEvent} B an event`,
    value: eventsPerCpuSecond,
    unit: 'events/CPU-s',
  }));
  const windows = [...(await measureWindow(seededRandom(2))), ...measureEndpoints(seededRandom(3))];
  const stages = [...decode, ...measureMasking(), ...measureKeyLimits(), ...(await measureSpool()), ...windows];
  return [...stages, ...(await measureGuard()), ...(await measureCompression()), ...(await measureSockets())];
}
