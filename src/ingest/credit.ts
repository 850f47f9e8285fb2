/** How much a connection may have unacknowledged: as much as configured, a quarter of it, or nothing. */
export type CreditLevel = 'open' | 'reduced' | 'stopped';

export interface Pressure {
  /** Bytes received and not answered, over what may be. */
  readonly memoryRatio: number;
  /** The spool's fullness, 1 at its high watermark. */
  readonly spoolRatio: number;
  /** The spool refuses appends now, or the clock is not set. */
  readonly stalled: boolean;
}

/**
 * The next level, with hysteresis so that it does not flap: memory closes at 1 and half of it reduces;
 * a level is left upwards only when the pressure has fallen to half of what caused it.
 */
export function nextCreditLevel(current: CreditLevel, pressure: Pressure): CreditLevel {
  const { memoryRatio, spoolRatio, stalled } = pressure;
  if (stalled || spoolRatio >= 1 || memoryRatio >= 1) return 'stopped';
  if (memoryRatio >= 0.5 || spoolRatio >= 0.95) return current === 'stopped' ? 'stopped' : 'reduced';
  if (memoryRatio >= 0.25) return current === 'stopped' ? 'reduced' : current;
  return 'open';
}

export function creditFrames(level: CreditLevel, framesMax: number): number {
  if (level === 'open') return framesMax;
  return level === 'reduced' ? Math.max(1, Math.floor(framesMax / 4)) : 0;
}

/** Memory in flight at which the cap is cut, and below which it may grow again. */
const cutRatio = 0.5;
const growRatio = 0.25;
const cutEveryMs = 1_000;
const growEveryMs = 10_000;

/**
 * How many frames `open` stands for: all that is configured until their bytes press on the memory, then a quarter of
 * it, and twice as much after every ten seconds without pressure. Without it twenty connections with frames of 110 KB
 * send 140 MB at once whenever the credit opens, which wait five seconds to be decoded.
 */
export class CreditCap {
  readonly #framesMax: number;
  #frames: number;
  #changedMs = Number.NEGATIVE_INFINITY;

  constructor(framesMax: number) {
    this.#framesMax = framesMax;
    this.#frames = framesMax;
  }

  /** The cap for `memoryRatio` (see `Pressure`) at `nowMs`, monotonic. */
  at(memoryRatio: number, nowMs: number): number {
    const sinceMs = nowMs - this.#changedMs;
    if (memoryRatio >= cutRatio && sinceMs >= cutEveryMs && this.#frames > 1) {
      this.#set(Math.max(1, Math.floor(this.#frames / 4)), nowMs);
    } else if (memoryRatio < growRatio && sinceMs >= growEveryMs && this.#frames < this.#framesMax) {
      this.#set(Math.min(this.#framesMax, 2 * this.#frames), nowMs);
    }
    return this.#frames;
  }

  #set(frames: number, nowMs: number): void {
    this.#frames = frames;
    this.#changedMs = nowMs;
  }
}

/** What is taken of each look at the frames for their mean size. */
const newSizeWeight = 0.25;
/** More connections than these share no less each: most of so many have nothing to say. */
const sharingMax = 256;
/** By so much the share must be above the next step before it grows, so that it does not flap. */
const growMargin = 1.25;

/**
 * How many frames each connection may have under way for those of all to stay within the bytes that may be: by the
 * number of connections and the mean size of the frames that came, before the first of them the largest there may be.
 * In steps of a factor of two, each of which is told to every connection. Without it twenty connections that open
 * together send 64 frames of 108 KB each before anything could press on the memory: 139 MB of 64 that were allowed.
 */
export class CreditShare {
  readonly #framesMax: number;
  readonly #bytesMax: number;
  #frames: number;
  #frameBytes: number;
  #seenFrames = 0;
  #seenBytes = 0;

  constructor(options: { readonly framesMax: number; readonly bytesMax: number; readonly frameBytesMax: number }) {
    this.#framesMax = options.framesMax;
    this.#bytesMax = options.bytesMax;
    this.#frames = options.framesMax;
    this.#frameBytes = options.frameBytesMax;
  }

  /** `answered`: all frames since the start that were, and their bytes. */
  at(connections: number, answered: { readonly frames: number; readonly bytes: number }): number {
    this.#learn(answered.frames, answered.bytes);
    const sharing = Math.min(sharingMax, Math.max(1, connections));
    const room = this.#bytesMax / sharing / this.#frameBytes;
    let frames = this.#frames;
    while (frames > 1 && room < frames) frames = Math.floor(frames / 2);
    for (;;) {
      const more = Math.min(this.#framesMax, 2 * frames);
      if (more === frames || room < growMargin * more) break;
      frames = more;
    }
    this.#frames = frames;
    return frames;
  }

  #learn(frames: number, bytes: number): void {
    const newFrames = frames - this.#seenFrames;
    if (newFrames === 0) return;
    const mean = Math.max(1, (bytes - this.#seenBytes) / newFrames);
    this.#frameBytes = this.#seenFrames === 0 ? mean : this.#frameBytes + newSizeWeight * (mean - this.#frameBytes);
    this.#seenFrames = frames;
    this.#seenBytes = bytes;
  }
}
