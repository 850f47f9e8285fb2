import type { LiveTask } from './live-run.js';

/** Open tasks and steps by fingerprint, in the order in which they were opened. */
export class OpenTasks {
  readonly #tasks = new Map<number, LiveTask>();
  #oldest: LiveTask | null = null;
  #newest: LiveTask | null = null;

  get size(): number {
    return this.#tasks.size;
  }

  get oldest(): LiveTask | null {
    return this.#oldest;
  }

  get(key: number): LiveTask | undefined {
    return this.#tasks.get(key);
  }

  values(): Iterable<LiveTask> {
    return this.#tasks.values();
  }

  add(task: LiveTask): void {
    this.#tasks.set(task.key, task);
    task.older = this.#newest;
    if (this.#newest === null) this.#oldest = task;
    else this.#newest.newer = task;
    this.#newest = task;
  }

  remove(task: LiveTask): void {
    this.#tasks.delete(task.key);
    if (task.older === null) this.#oldest = task.newer;
    else task.older.newer = task.newer;
    if (task.newer === null) this.#newest = task.older;
    else task.newer.older = task.older;
  }
}
