import { expect, test } from 'vitest';
import { generatedTypes, writtenTypes } from './generated-types.js';

test('the types of the API are those of its routes: npm run reference writes them', async () => {
  expect(writtenTypes()).toBe(await generatedTypes());
});
