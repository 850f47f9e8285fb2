import { Writable } from 'node:stream';
import { Output } from '../../src/cli/frame/output.js';

/** An output whose text is kept: of a terminal of so many columns, or of a pipe. */
export function printedOutput(columns: number | null): { readonly out: Output; lines(): string[] } {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString('utf8');
      done();
    },
  });
  const terminal = Object.assign(stream, columns === null ? {} : { isTTY: true, columns });
  return {
    out: new Output(terminal as unknown as NodeJS.WriteStream, { NO_COLOR: '1' }),
    lines: () => text.split('\n').slice(0, -1),
  };
}
