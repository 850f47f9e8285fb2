import { expect, test } from 'vitest';
import { notJson } from '../../src/core/json-fault.js';

const faultOf = (text: string): string => {
  try {
    JSON.parse(text);
  } catch (error) {
    return notJson(error, text);
  }
  throw new Error('this is JSON');
};

test.each([
  ['{"a":1,}', 'not valid JSON: expected double-quoted property name at character 8'],
  ["{'a':1}", "not valid JSON: expected property name or '}' at character 2"],
  ['{"a":1}{"a":2}', 'not valid JSON: unexpected non-whitespace character after JSON at character 8'],
  ['{\n  "a": 1\n  "b": 2\n}', "not valid JSON: expected ',' or '}' after property value in line 3 at character 3"],
  ['{"a": NaN}', "not valid JSON: unexpected 'N'"],
  ['{"a":', 'not valid JSON: it ends too early'],
  ['', 'not valid JSON: it ends too early'],
])('%j is told with what was expected and where', (text, fault) => {
  expect(faultOf(text)).toBe(fault);
});

test.each([
  '{"key":"tdm_secret',
  'tdm_secret',
  '{"key":tdm_secret}',
  '["tdm_secret" "b"]',
  '\u0000tdm_secret',
  'é tdm_secret',
])('what %j quotes is not repeated', (text) => {
  expect(faultOf(text)).toMatch(/^not valid JSON/);
  expect(faultOf(text)).not.toContain('secret');
});

test('another failure is told as what is known', () => {
  expect(notJson(new Error('tdm_secret in JSON at position 4'), 'x')).toBe('not valid JSON');
});
