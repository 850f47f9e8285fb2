import { styleText } from 'node:util';
import type { Environment } from '../../core/environment.js';

type Style = Parameters<typeof styleText>[0];

/** One of the two streams a command writes to. Colours are for terminals, and not for who set NO_COLOR. */
export class Output {
  readonly stream: NodeJS.WriteStream;
  readonly isTerminal: boolean;
  readonly hasColor: boolean;

  constructor(stream: NodeJS.WriteStream, env: Environment) {
    this.stream = stream;
    this.isTerminal = stream.isTTY === true;
    this.hasColor = this.isTerminal && !env.NO_COLOR && env.TERM !== 'dumb';
  }

  /** Of a terminal, at this moment; without one nothing is cut, so that a program that reads has all. */
  get columns(): number {
    return this.isTerminal ? this.stream.columns || 80 : Number.POSITIVE_INFINITY;
  }

  write(text: string): void {
    this.stream.write(text);
  }

  line(text = ''): void {
    this.write(`${text}\n`);
  }

  /** Indented for a person, one line for a program. */
  json(value: unknown): void {
    this.line(JSON.stringify(value, null, this.isTerminal ? 2 : undefined));
  }

  paint(style: Style, text: string): string {
    return this.hasColor ? styleText(style, text) : text;
  }
}
