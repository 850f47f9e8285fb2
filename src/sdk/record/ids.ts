const eventDigits = 12;

/** Names of things. */
export class Ids {
  readonly #hex: (digits: number) => string;
  readonly #events: string;
  #count = 0;
  /** 48 bits of chance, and how many ids were made with them: at most 2^16. */
  #parts = '';
  #partCount = 0;

  constructor(hex: (digits: number) => string) {
    this.#hex = hex;
    this.#events = BigInt(`0x${hex(16)}`)
      .toString(36)
      .padStart(eventDigits, '0')
      .slice(-eventDigits);
  }

  /** UUID version 7 (RFC 9562) without its hyphens: sorts by time, and is a trace id. */
  run(nowMs: number): string {
    const time = Math.floor(nowMs).toString(16).padStart(12, '0').slice(-12);
    const chance = this.#hex(19);
    const variant = '89ab'[Number.parseInt(chance.slice(18), 16) & 3];
    return `${time}7${chance.slice(0, 3)}${variant}${chance.slice(3, 18)}`;
  }

  /** 64 bits: of a task or a step, and a span id. What begins in the same millisecond sorts as it began. */
  part(): string {
    const count = this.#partCount & 0xffff;
    if (count === 0) this.#parts = this.#hex(12);
    this.#partCount += 1;
    return this.#parts + (0x1_0000 + count).toString(16).slice(1);
  }

  event(): string {
    this.#count += 1;
    return `${this.#events}-${this.#count.toString(36)}`;
  }
}

/** Digits of many at a time, since asking for chance costs more than the chance. */
export function pooledHex(more: () => string): (digits: number) => string {
  let pool = '';
  let used = 0;
  return (digits) => {
    if (used + digits > pool.length) {
      pool = more();
      used = 0;
    }
    used += digits;
    return pool.slice(used - digits, used);
  };
}
