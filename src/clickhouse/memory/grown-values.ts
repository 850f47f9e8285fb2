import type { Clock } from '../../core/clock.js';
import type { RollupMemoryInstruments } from '../../core/instruments.js';
import type { GrownAsked, HeldBefore } from '../../core/ports/read-memory.js';
import type { HeldEntries } from './held-entries.js';
import type { StoreChanges } from './store-changes.js';
import { largeForMs, TimedKeys } from './timed-keys.js';

/** The one place of an entry where the value is. */
const place = 0;

export interface GrownValuesDeps {
  readonly changes: StoreChanges;
  readonly entries: HeldEntries;
  readonly clock: Clock;
  readonly instruments: RollupMemoryInstruments;
}

/** Values that are kept up with the rows that come into a table, each by one request at a time. */
export class GrownValues {
  readonly #changes: StoreChanges;
  readonly #entries: HeldEntries;
  readonly #instruments: RollupMemoryInstruments;
  /** Of keys that are being read, the last to ask. */
  readonly #growing = new Map<string, Promise<unknown>>();
  readonly #large: TimedKeys;

  constructor({ changes, entries, clock, instruments }: GrownValuesDeps) {
    this.#changes = changes;
    this.#entries = entries;
    this.#instruments = instruments;
    this.#large = new TimedKeys(clock, largeForMs);
  }

  /** `look` gives the generation that the request sees, null where nothing can be known of changes. */
  async read<Value, Answer>(
    asked: GrownAsked<Value, Answer>,
    look: () => Promise<number | null>,
  ): Promise<Answer | null> {
    const { key, onlyHeld } = asked;
    const isHeld = () => this.#entries.find(key)?.held.has(place) === true;
    if (onlyHeld && !isHeld() && !this.#growing.has(key)) return null;
    if (this.#large.has(key)) return null;
    const generation = await look();
    if (generation === null) {
      this.#instruments.reads.inc({ outcome: 'unseen' });
      return null;
    }
    const turn = (this.#growing.get(key) ?? Promise.resolve()).then(() =>
      onlyHeld && !isHeld() ? null : this.#grow(asked, generation),
    );
    // Who comes next waits for this one, however it ends.
    const ended = turn
      .catch(() => undefined)
      .then(() => {
        if (this.#growing.get(key) === ended) this.#growing.delete(key);
      });
    this.#growing.set(key, ended);
    return await turn;
  }

  async #grow<Value, Answer>(
    { table, key, grow, bytesOf }: GrownAsked<Value, Answer>,
    generation: number,
  ): Promise<Answer | null> {
    const held = this.#entries.use(key).held.get(place);
    const since = held === undefined ? null : this.#changes.partsBefore(table, held.generation);
    const before: HeldBefore<Value> | null =
      held === undefined || since === null
        ? null
        : { value: held.value as Value, isChanged: since.isChanged, partsBefore: since.names };
    const outcome = held === undefined ? 'miss' : before === null || before.isChanged ? 'changed' : 'hit';
    this.#instruments.reads.inc({ outcome });
    // What fails half-way leaves a value that nobody may use.
    this.#entries.remove(key);
    const bytesMax = this.#entries.bytesMax / 2;
    const grown = await grow(before, bytesMax);
    const bytes = bytesOf(grown.value);
    if (bytes > bytesMax) {
      this.#instruments.evictions.inc();
      this.#large.add(key);
    } else {
      const known = before === null ? generation : Math.max(generation, held?.generation ?? 0);
      this.#entries.hold(key, place, { value: grown.value, generation: known, bytes });
    }
    return grown.answer;
  }
}
