import type { Output } from '../frame/output.js';

const enter = '\u001b[?1049h\u001b[?25l';
const leave = '\u001b[?25h\u001b[?1049l';
const home = '\u001b[H';
const eraseToEndOfLine = '\u001b[K';
const eraseBelow = '\u001b[J';
const interruptKey = '\u0003';

/**
 * The terminal's other screen, for a page that is drawn again and again. `leave` gives the terminal back as it was: its
 * own screen, the cursor, and keys that are read by the line. It is left when the process ends, too, however it does.
 */
export class FullScreen {
  readonly #out: Output;
  readonly #stdin: NodeJS.ReadStream;
  readonly #onKey: (key: string) => void;
  readonly #onResize: () => void;
  #isEntered = false;
  readonly #leaveAtExit = () => this.leave();

  constructor(
    { out, stdin }: { readonly out: Output; readonly stdin: NodeJS.ReadStream },
    on: { readonly key: (key: string) => void; readonly resize: () => void },
  ) {
    this.#out = out;
    this.#stdin = stdin;
    this.#onKey = (text) => {
      for (const key of String(text)) on.key(key === interruptKey ? 'q' : key);
    };
    this.#onResize = on.resize;
  }

  get rows(): number {
    return this.#out.stream.rows || 24;
  }

  enter(): void {
    this.#isEntered = true;
    process.once('exit', this.#leaveAtExit);
    this.#out.write(enter);
    this.#out.stream.on('resize', this.#onResize);
    if (!this.#stdin.isTTY) return;
    this.#stdin.setRawMode(true);
    this.#stdin.setEncoding('utf8').on('data', this.#onKey).resume();
  }

  /** Draws over what was there, without a moment of emptiness. */
  draw(lines: readonly string[]): void {
    const page = lines.slice(0, this.rows).map((line) => `${line}${eraseToEndOfLine}`);
    this.#out.write(`${home}${page.join('\r\n')}${eraseBelow}`);
  }

  leave(): void {
    if (!this.#isEntered) return;
    this.#isEntered = false;
    process.removeListener('exit', this.#leaveAtExit);
    this.#out.stream.removeListener('resize', this.#onResize);
    if (this.#stdin.isTTY) {
      this.#stdin.removeListener('data', this.#onKey);
      this.#stdin.setRawMode(false);
      this.#stdin.pause();
    }
    this.#out.write(leave);
  }
}
