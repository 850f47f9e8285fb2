import type { Handle } from '../record/handle.js';
import type { RunOptions } from '../record/options.js';
import type { Tidemark } from '../record/tidemark.js';

/** What a framework has under way at most; beyond it the oldest is given up, as failed with this code. */
const openMax = 10_000;
const givenUp = { category: 'infra', code: 'open_work_max' } as const;

interface Opened {
  readonly handle: Handle;
  /** Whether it is ended by this key. What has no meaning of its own stands for the handle around it. */
  readonly isOwn: boolean;
}

/** The handles of what a framework has under way, by the framework's own ids. */
export class OpenWork {
  readonly #byKey = new Map<string, Opened>();

  get(key: string | undefined): Handle | undefined {
    return key === undefined ? undefined : this.#byKey.get(key)?.handle;
  }

  /** Only when it is ended by this key. */
  own(key: string): Handle | undefined {
    const opened = this.#byKey.get(key);
    return opened?.isOwn === true ? opened.handle : undefined;
  }

  open(key: string, handle: Handle): Handle {
    this.#keep(key, { handle, isOwn: true });
    return handle;
  }

  standFor(key: string, handle: Handle): void {
    this.#keep(key, { handle, isOwn: false });
  }

  /** Forgets it; undefined when nothing is to be ended by this key. */
  take(key: string): Handle | undefined {
    const handle = this.own(key);
    this.#byKey.delete(key);
    return handle;
  }

  /** All that is to be ended, the innermost first. */
  takeAll(): Handle[] {
    const handles = [...this.#byKey.values()].filter(({ isOwn }) => isOwn).map(({ handle }) => handle);
    this.#byKey.clear();
    return handles.reverse();
  }

  #keep(key: string, opened: Opened): void {
    if (this.#byKey.size >= openMax) {
      const [oldest = ''] = this.#byKey.keys();
      this.take(oldest)?.fail(new Error(`more than ${openMax} are under way: the oldest is given up`), givenUp);
    }
    this.#byKey.set(key, opened);
  }
}

/** The innermost handle around the caller; null outside of all. */
export function around(tm: Tidemark): Handle | null {
  const handle = tm.current();
  return handle.id === '' ? null : handle;
}

/** A framework's outermost work: a task of what is under way around the caller, else a run of its own. */
export function outermost(tm: Tidemark, name: string, options: RunOptions): Handle {
  const handle = around(tm);
  return handle === null ? tm.run(name, options) : handle.task(name, options);
}

/** Of objects of others, which may throw when they are looked at: the caller is quiet. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function countOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

/** Arguments come as JSON, or as the one text that they are. */
export function argsOf(input: string): unknown {
  try {
    return JSON.parse(input);
  } catch {
    return input;
  }
}
