import { Writable } from 'node:stream';
import type { Clock } from '../core/clock.js';
import type { Progress, ProgressState } from '../core/progress.js';
import { type ProgressDisplay, ShownProgress } from '../core/shown-progress.js';

/** A terminal, as far as a bar needs it. */
export interface BarTerminal {
  write(text: string): unknown;
  readonly columns?: number | undefined;
}

const intervalMs = 250;
const barCellsWide = 24;
const barCellsNarrow = 10;
/** Below so many columns the bar is the narrow one. */
const columnsWide = 110;
const columnsDefault = 80;
const eraseLine = '\r\u001b[2K';

/**
 * Long work as bars on the last line of a terminal, which is erased when it is over. Whatever else writes to the
 * terminal does so between `hide` and `show`, or it would end up in the middle of the line.
 */
export class ProgressBars implements ProgressDisplay {
  readonly #terminal: BarTerminal;
  readonly #states = new Map<string, ProgressState>();

  constructor(terminal: BarTerminal) {
    this.#terminal = terminal;
  }

  show(state: ProgressState, ended: boolean): void {
    if (ended) this.#states.delete(state.what);
    else this.#states.set(state.what, state);
    this.draw();
  }

  /** A stream that writes to `target`, which shows on the same terminal, above the bars. */
  above(target: { write(text: string): unknown }): Writable {
    return new Writable({
      decodeStrings: false,
      write: (chunk: string | Buffer, _encoding, done) => {
        this.hide();
        target.write(chunk.toString());
        if (this.#states.size > 0) this.draw();
        done();
      },
    });
  }

  /** The line is free until the next `draw`. */
  hide(): void {
    if (this.#states.size > 0) this.#terminal.write(eraseLine);
  }

  draw(): void {
    const width = (this.#terminal.columns || columnsDefault) - 1;
    const cells = width < columnsWide ? barCellsNarrow : barCellsWide;
    const line = [...this.#states.values()].map((state) => barText(state, cells)).join('   ');
    this.#terminal.write(eraseLine + line.slice(0, width));
  }
}

/** Work that is shown as bars on a terminal. */
export function createBarProgress({ clock, bars }: { readonly clock: Clock; readonly bars: ProgressBars }): Progress {
  return new ShownProgress({ clock, display: bars }, intervalMs);
}

/** `replay of the spool  [#####-------]  42 %  1,234 of 3,000 events  12 s left`. */
export function barText(state: ProgressState, cells: number): string {
  const { what, unit, part, done, total, remainingMs } = state;
  const counted = done.toLocaleString('en');
  const doing = part === null ? [] : [part];
  if (total === null) return [what, `${counted} ${unit}`, ...doing].join('  ');
  const ratio = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.floor(ratio * cells);
  const bar = `[${'#'.repeat(filled)}${'-'.repeat(cells - filled)}]`;
  const left = remainingMs === null ? [] : [`${timeText(remainingMs)} left`];
  const amounts = `${counted} of ${total.toLocaleString('en')} ${unit}`;
  return [what, bar, `${Math.floor(ratio * 100)} %`, amounts, ...left, ...doing].join('  ');
}

function timeText(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
