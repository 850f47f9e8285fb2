import { expect, test } from 'vitest';
import { createTextSource } from '../../src/decode/byte-range.js';
import { TextColumn } from '../../src/decode/columns/text-column.js';
import { JsonWriter, utf8 } from '../../src/decode/json-writer.js';

function write(writer: JsonWriter, texts: readonly string[]): void {
  const column = new TextColumn();
  for (const [row, text] of texts.entries()) {
    const source = createTextSource(text);
    column.append(row, source, 0, source.bytes.length);
  }
  const cursor = column.cursor();
  writer.byte(0x5b);
  for (const row of texts.keys()) {
    if (row > 0) writer.byte(0x2c);
    cursor.seek(row);
    writer.text(cursor);
  }
  writer.byte(0x5d);
}

const readBack = (writer: JsonWriter) => JSON.parse(Buffer.from(writer.copy()).toString('utf8'));

test('a text of any character is JSON that reads back the same', () => {
  const texts = ['', 'plain', 'größe 鍵 🗝', '\u007f\u0080\u2028\u2029'];
  for (let code = 0; code < 0x80; code++) texts.push(String.fromCharCode(code), `a${String.fromCharCode(code)}z`);
  const writer = new JsonWriter();
  write(writer, texts);
  expect(readBack(writer)).toEqual(texts);
});

test('what was written stays when more comes than there was room for, and is gone once it is cleared', () => {
  const writer = new JsonWriter();
  const texts = Array.from({ length: 300 }, (_, index) => `${index} `.repeat(200));
  write(writer, texts);
  expect(readBack(writer)).toEqual(texts);
  writer.clear();
  writer.raw(utf8('{"rows":'));
  writer.ascii('17}');
  expect(readBack(writer)).toEqual({ rows: 17 });
});
