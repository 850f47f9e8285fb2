import { expect, test } from 'vitest';
import { parseSqlHead } from '../../src/clickhouse/embedded/front/sql-head.js';
import { SqlLexer } from '../../src/clickhouse/sql-lexer.js';

function data(text: string) {
  const head = parseSqlHead(text, true);
  return head.kind === 'data' ? { ...head, data: text.slice(head.dataStart) } : head;
}

test('the data begins behind the format, its blanks and one line break', () => {
  const insert = { kind: 'data', target: 'INSERT INTO t', settings: '', format: 'TSV' };
  expect(data('INSERT INTO t FORMAT TSV\n\n1')).toMatchObject({ ...insert, data: '\n1' });
  expect(data('INSERT INTO t FORMAT TSV \t\r\n1')).toMatchObject({ ...insert, data: '1' });
  expect(data('INSERT INTO t FORMAT TSV 1')).toMatchObject({ ...insert, data: '1' });
  expect(data('INSERT INTO t FORMAT TSV')).toMatchObject({ ...insert, data: '' });
  expect(data('INSERT INTO t FORMAT TSV\n; SELECT 1')).toMatchObject({ ...insert, data: '; SELECT 1' });
});

test('target, columns and settings are taken as written', () => {
  expect(
    data('insert /* a */ into `d b`."FORMAT" (a, `b)`, c) settings x = \'FORMAT y\', z=1 format Native\nabc'),
  ).toEqual({
    kind: 'data',
    target: 'insert /* a */ into `d b`."FORMAT" (a, `b)`, c)',
    settings: "x = 'FORMAT y', z=1",
    format: 'Native',
    dataStart: 91,
    data: 'abc',
  });
  expect(data("INSERT INTO TABLE t VALUES ('a')")).toMatchObject({ format: 'Values', data: " ('a')" });
});

test('statements without data are SQL as a whole', () => {
  for (const text of [
    'SELECT 1',
    '',
    '-- INSERT INTO t FORMAT TSV',
    'INSERT INTO t SELECT 1',
    'INSERT INTO t (a) WITH 1 AS x SELECT x',
    'INSERT INTO t (SELECT 1)',
  ]) {
    expect(parseSqlHead(text, true), text).toEqual({ kind: 'sql' });
  }
  expect(parseSqlHead("INSERT INTO t FROM INFILE 'it\\'s' FORMAT TSV", true)).toMatchObject({
    kind: 'infile',
    path: "it\\'s",
  });
});

test('the head is the same however the bytes arrive', () => {
  const text = "INSERT INTO d.t (a, b) SETTINGS s = 'x' FORMAT RowBinary \r\n\n\nDROP TABLE t";
  const whole = parseSqlHead(text, true);
  const first = text.indexOf('\n\nDROP');
  for (let end = 0; end < text.length; end++) {
    const head = parseSqlHead(text.slice(0, end), false);
    if (head.kind !== 'more') expect(head, `${end} bytes`).toEqual(whole);
    if (end > first + 1) expect(head, `${end} bytes`).toEqual(whole);
  }
});

test('an INSERT that goes nowhere is a syntax error', () => {
  for (const text of [
    'INSERT INTO t',
    'INSERT INTO t (a',
    "INSERT INTO t FORMAT 'TSV'",
    'INSERT INTO t FORMAT TSV; 1',
    'INSERT INTO t SET a = 1',
    "INSERT INTO 't",
  ]) {
    expect(() => parseSqlHead(text, true), text).toThrow(expect.objectContaining({ code: 62 }));
  }
  expect(() => parseSqlHead("INSERT INTO FUNCTION file('x') VALUES (1)", true)).toThrow(
    expect.objectContaining({ code: 497 }),
  );
});

test('quotes, heredocs and comments end where ClickHouse ends them', () => {
  const words = (text: string) => {
    const lexer = new SqlLexer(text, true);
    const found: string[] = [];
    for (let token = lexer.next(); token !== null; token = lexer.next()) found.push(`${token.kind}:${token.text}`);
    return found;
  };
  expect(words("'a''b\\'c' \"d\"\"e\" `f\\`g`")).toEqual(["string:a''b\\'c", 'identifier:d""e', 'identifier:f\\`g']);
  expect(words("$$ ; ' $$ $t$ x $$ $t$ $x")).toEqual(["string: ; ' ", 'string: x $$ ', 'word:$x']);
  expect(words('a -- b\nc # d\ne #! f\n/* g /* h */ i --')).toEqual(['word:a', 'word:c', 'word:e', 'word:i']);
  expect(words('a - -b #c 1.5e3')).toEqual([
    'word:a',
    'symbol:-',
    'symbol:-',
    'word:b',
    'symbol:#',
    'word:c',
    'number:1.5e3',
  ]);
  expect(words("x 'y")).toEqual(['word:x', "unterminated:'y"]);
  expect(words('x /* y')).toEqual(['word:x', 'unterminated:/* y']);
  expect(words('a\u00a0b')).toEqual(['word:a', 'foreign:\u00a0', 'word:b']);
});

// Milliseconds, and a quarter of an hour if the rest of the text were searched for the end of each.
test('a mebibyte of heredocs that never end is read once', () => {
  const tags = Array.from({ length: 131_072 }, (_, at) => `$${at.toString(36).padStart(5, '0')}$`);
  expect(() => parseSqlHead(`INSERT INTO t (${tags.join(' ')}`, true)).toThrow(expect.objectContaining({ code: 62 }));
  expect(parseSqlHead(`INSERT INTO t (${tags.join(' ')}`, false)).toEqual({ kind: 'more' });
});

test('WITH may stand before an INSERT, and an INSERT within it is none', () => {
  const insert = { kind: 'data', format: 'TSV', data: 'x;\n' };
  const plain = data('WITH {SELECT:Int32} AS value INSERT INTO t (s) FORMAT TSV\nx;\n');
  expect(plain).toMatchObject({ ...insert, target: 'WITH {SELECT:Int32} AS value INSERT INTO t (s)' });
  expect(data('WITH (SELECT 1) AS y INSERT INTO t FORMAT TSV\nx;\n')).toMatchObject(insert);
  for (const text of [
    'WITH 1 AS insert SELECT insert',
    "WITH 'INSERT INTO t FORMAT TSV' AS y SELECT y",
    'WITH 1 AS y INSERT INTO t SELECT y',
    'WITH 1 AS \xfc SELECT 1',
  ])
    expect(parseSqlHead(text, true), text).toEqual({ kind: 'sql' });
  expect(parseSqlHead('WITH 1 AS y INSERT', false)).toEqual({ kind: 'more' });
});
