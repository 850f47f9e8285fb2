import { expect, test } from 'vitest';
import { createQueryApi } from '../api/api-client.js';
import { askedHistory } from './asked-history.js';
import { laterQuestions, questionsOf, unasked } from './questions.js';

test('every path of the API is asked, so that a record of answers leaves out none', () => {
  const baseMs = 1_795_000_000_000;
  const questions = [...askedHistory(1, baseMs).flatMap((tenant) => questionsOf(tenant, baseMs)), ...laterQuestions()];
  const asked = questions.map(({ path }) => path);
  const { routes } = createQueryApi({ store: { rows: async () => [] } });
  const paths = routes.filter(({ method, operation }) => method === 'GET' && operation !== undefined);
  expect(paths.length).toBeGreaterThan(30);
  expect(
    unasked(
      paths.map(({ path }) => path),
      asked,
    ),
  ).toEqual([]);
  expect(unasked(['/api/v1/things/{id}'], ['/api/v1/things/a/b'])).toEqual(['/api/v1/things/{id}']);
});
