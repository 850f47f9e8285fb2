import type { MicroResult } from './budget.js';

/** The stages alone, one after another in this process. */
export async function runMicro(): Promise<MicroResult[]> {
  return [];
}
