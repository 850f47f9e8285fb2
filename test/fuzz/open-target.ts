import type { FuzzTarget } from './fuzz-target.js';

const opened = {
  'frame-decode': () => import('./targets/frame-decode.js'),
  'front-request': () => import('./targets/front-request.js'),
  'guard-engine': () => import('./targets/guard-engine.js'),
  'guard-tree': () => import('./targets/guard-tree.js'),
  'http-body': () => import('./targets/http-body.js'),
  'http-head': () => import('./targets/http-head.js'),
  secrets: () => import('./targets/secrets.js'),
} as const satisfies Record<string, () => Promise<{ openTarget(): FuzzTarget | Promise<FuzzTarget> }>>;

export type TargetName = keyof typeof opened;

export const targetNames = Object.keys(opened) as TargetName[];

/** Only the code of this one is loaded. */
export async function openTarget(name: string): Promise<FuzzTarget> {
  const load = opened[name as TargetName];
  if (load === undefined) throw new Error(`no target ${name}: there are ${targetNames.join(', ')}`);
  return await (await load()).openTarget();
}
