import { expect, test } from 'vitest';
import { createRouter } from '../../src/http/router.js';
import { route } from '../support/served.js';

const answer = () => ({ status: 200 });
const find = createRouter([
  route('/runs/{run_id}', answer),
  route('/runs/latest', answer),
  route('/runs/{run_id}/steps/{step_id}', answer),
  route('/runs', answer),
  route('/runs', answer, { method: 'POST' }),
  route('/runs/{run_id}', answer, { method: 'DELETE' }),
]);
const found = (method: string, path: string) => {
  const match = find(method, path);
  return match.kind === 'found' ? [`${match.route.method} ${match.route.path}`, match.params] : match;
};

test('a literal segment wins over a parameter, whichever was declared first', () => {
  expect(found('GET', '/runs/latest')).toEqual(['GET /runs/latest', {}]);
  expect(found('GET', '/runs/r1')).toEqual(['GET /runs/{run_id}', { run_id: 'r1' }]);
  expect(found('DELETE', '/runs/latest')).toEqual(['DELETE /runs/{run_id}', { run_id: 'latest' }]);
});

test('HEAD is served by GET, and another method is told which there are, each once', () => {
  expect(found('HEAD', '/runs')).toEqual(['GET /runs', {}]);
  expect(found('PUT', '/runs')).toEqual({ kind: 'method_not_allowed', allowed: ['GET', 'POST'] });
  expect(found('PUT', '/runs/latest')).toEqual({ kind: 'method_not_allowed', allowed: ['GET', 'DELETE'] });
});

test('parameters are decoded, are never empty, and a path has the segments of its route', () => {
  expect(found('GET', '/runs/a%2Fb/steps/%C3%A4')).toEqual([
    'GET /runs/{run_id}/steps/{step_id}',
    { run_id: 'a/b', step_id: 'ä' },
  ]);
  for (const path of ['/runs/', '/runs/%ff', '/runs/a/steps', '/runs/a/steps/b/c', '/', '/RUNS', '/runs/a/step/b']) {
    expect([path, found('GET', path)]).toEqual([path, { kind: 'path_unknown' }]);
  }
});
