import type { Command } from './command.js';

export interface CommandEntry {
  readonly name: string;
  readonly alias?: string;
  readonly summary: string;
  /** A command's file is read when it is chosen, so that help answers at once and a broken one breaks no other. */
  load(): Promise<Command>;
}

export interface CommandGroup {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly CommandEntry[];
}

export interface CommandSection {
  readonly title: string;
  readonly entries: readonly (CommandEntry | CommandGroup)[];
}
