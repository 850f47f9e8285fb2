import { expect, test } from 'vitest';
import {
  argument,
  argumentList,
  choice,
  chosenArgument,
  defineCommand,
  flagOf,
  integer,
  requiredInteger,
  requiredText,
  text,
  toggle,
} from '../../../src/cli/frame/command.js';
import { printable } from '../../../src/cli/frame/printable-text.js';

type Given = Readonly<Record<string, unknown>>;

/** What a command with one option of each kind is handed for what was written. */
async function handed(options: Given, args: readonly unknown[] = ['red']): Promise<unknown> {
  let input: unknown;
  const command = defineCommand({
    about: 'Takes one of each.',
    arguments: {
      color: chosenArgument('COLOR', { choices: ['red', 'blue'], says: 'which' }),
      files: argumentList('FILE', 'what is read'),
    },
    options: {
      days: requiredInteger('COUNT', { min: 1, max: 400, says: 'how many' }),
      limit: integer('COUNT', { min: 1, max: 100, fallback: 20, says: 'at most' }),
      range: choice(['1d', '7d'], { fallback: '7d', says: 'how far back' }),
      name: text('NAME', 'of whom'),
      dryRun: toggle('do nothing'),
    },
    examples: [],
    async run(_context, given) {
      input = given;
      return 0;
    },
  });
  await command.run({} as never, { options, args, rest: [] });
  return input;
}

test('values come as their types, and what is not given as its default', async () => {
  expect(await handed({ days: '7' })).toEqual({
    options: { days: 7, limit: 20, range: '7d', name: undefined, dryRun: false },
    args: { color: 'red', files: [] },
    rest: [],
  });
  const all = { days: '1', limit: '100', range: '1d', name: 'a', dryRun: true };
  expect(await handed(all, ['blue', ['a', 'b']])).toMatchObject({
    options: { days: 1, limit: 100, range: '1d', name: 'a', dryRun: true },
    args: { color: 'blue', files: ['a', 'b'] },
  });
});

test.each<[Given, readonly unknown[], string]>([
  [{}, ['red'], '--days <COUNT> is missing'],
  [{ days: '0' }, ['red'], 'cannot use --days 0: it is not a whole number from 1 to 400'],
  [{ days: '1e2' }, ['red'], 'cannot use --days 1e2: it is not'],
  [{ days: '1', range: '2d' }, ['red'], 'cannot use --range 2d: it is one of 1d, 7d'],
  [{ days: '1', name: '' }, ['red'], 'cannot use --name: its value is empty'],
  [{ days: '1' }, ['green'], 'cannot use COLOR green: it is one of red, blue'],
])('%j with %j is refused', async (options, args, message) => {
  await expect(handed(options, args)).rejects.toThrow(message);
});

test('an option is named as its key, and a text that must be there is not empty', () => {
  expect(flagOf('dataDir')).toBe('--data-dir');
  expect(() => requiredText('NAME', 'x').parse('', '--name')).toThrow('its value is empty');
  expect(() => argument('ID', 'x').parse([''])).toThrow('cannot use ID: it is empty');
});

test('text of a stranger cannot move the cursor, set the title or turn the line around', () => {
  expect(printable('a\u001b[2Jb\u009b1mc\u0007\rd\u202ee')).toBe('a�[2Jb�1mc��d�e');
  expect(printable('größer – 漢字 🙂')).toBe('größer – 漢字 🙂');
});
