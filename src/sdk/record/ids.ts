/** Names of things, from numbers between 0 and 1. */
export class Ids {
  readonly #random: () => number;
  readonly #events: string;
  #count = 0;

  constructor(random: () => number) {
    this.#random = random;
    this.#events = Array.from({ length: 12 }, () => Math.floor(random() * 36).toString(36)).join('');
  }

  /** UUID version 7 (RFC 9562) without its hyphens: sorts by time, and is a trace id. */
  run(nowMs: number): string {
    const time = Math.floor(nowMs).toString(16).padStart(12, '0').slice(-12);
    return `${time}7${this.#hex(3)}${'89ab'[Math.floor(this.#random() * 4)]}${this.#hex(15)}`;
  }

  /** 64 bits: of a task or a step, and a span id. */
  part(): string {
    return this.#hex(16);
  }

  event(): string {
    this.#count += 1;
    return `${this.#events}-${this.#count.toString(36)}`;
  }

  #hex(digits: number): string {
    let text = '';
    while (text.length < digits)
      text += Math.floor(this.#random() * 0x1_0000_0000)
        .toString(16)
        .padStart(8, '0');
    return text.slice(0, digits);
  }
}
