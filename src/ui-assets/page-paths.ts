/**
 * Addresses of the pages, all of which are one document: what is shown is told by the address. Kept equal to the pages
 * of `src/ui/app.tsx` by a test.
 */
export const pagePaths: readonly string[] = [
  '/agents',
  '/agents/{agent_id}',
  '/runs',
  '/runs/{run_id}',
  '/tasks',
  '/tasks/{task_id}',
  '/failures',
  '/patterns',
  '/patterns/{pattern_id}',
  '/live',
  '/system',
  '/try',
];
