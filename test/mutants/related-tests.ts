import { type SourceFile, targetOf } from '../support/source-file.js';

/**
 * Tests of what no import shows, because it runs in a process of its own: beside those of the folder itself. A path
 * that ends in a slash is a folder.
 */
const furtherTests: Readonly<Record<string, readonly string[]>> = {
  'src/clickhouse': ['test/clickhouse/', 'test/end-to-end/counts.test.ts', 'test/end-to-end/one-percentile.test.ts'],
  'src/decode': ['test/end-to-end/event-values.test.ts', 'test/end-to-end/told-apart.test.ts'],
  'src/http': ['test/end-to-end/protocol.test.ts', 'test/end-to-end/metrics-access.test.ts'],
  'src/ingest': ['test/end-to-end/protocol.test.ts', 'test/end-to-end/event-ids.test.ts'],
  'src/spool': ['test/simulation/', 'test/power/', 'test/end-to-end/crash.test.ts'],
  clickhouse: ['test/clickhouse/', 'test/end-to-end/counts.test.ts'],
};

const nearRank = 10;
const furtherRank = 100;

/**
 * The test files that may notice a change of a file, the nearest first: those whose imports reach it, by how many steps
 * that takes, then the others of its stage, then what the table names.
 */
export class RelatedTests {
  readonly #imports: ReadonlyMap<string, readonly string[]>;
  readonly #tests: readonly string[];

  constructor(files: readonly SourceFile[]) {
    this.#imports = new Map(
      files.map((file) => [
        file.path,
        file.imports.filter(({ typeOnly }) => !typeOnly).flatMap(({ specifier }) => targetOf(file, specifier) ?? []),
      ]),
    );
    this.#tests = files.map(({ path }) => path).filter((path) => path.endsWith('.test.ts'));
  }

  of(path: string): string[] {
    return this.#ranked(path).map(([test]) => test);
  }

  /** The same in groups to run one after the other: those that import it, those not far from it, and the rest by four. */
  groupsOf(path: string): string[][] {
    const ranked = this.#ranked(path);
    const between = (from: number, to: number) =>
      ranked.filter(([, rank]) => rank >= from && rank < to).map(([test]) => test);
    const rest = between(2 * nearRank, Number.POSITIVE_INFINITY);
    const parts = Array.from({ length: Math.ceil(rest.length / 4) }, (_, part) => rest.slice(4 * part, 4 * part + 4));
    return [between(0, 2), between(2, 2 * nearRank), ...parts].filter(({ length }) => length > 0);
  }

  #ranked(path: string): [test: string, rank: number][] {
    const further = this.#further(path);
    const steps = new Map<string, number>();
    for (const test of this.#tests) {
      const distance = this.#distance(test, path);
      const named = further.findIndex((place) => test === place || (place.endsWith('/') && test.startsWith(place)));
      if (named >= 0) steps.set(test, distance ?? furtherRank + named);
      // What imports it by the way of half the product says little of it.
      else if (distance !== null && distance <= 2) steps.set(test, nearRank + distance);
    }
    return [...steps].sort(([a, left], [b, right]) => left - right || a.localeCompare(b));
  }

  /** A resource of the API and its queries are tested in one room; what queries share, in all of them. */
  #further(path: string): string[] {
    const room = /^src\/(?:api|clickhouse\/queries)\/([\w-]+)\//.exec(path)?.[1];
    if (room !== undefined) {
      const tests = `test/api/${room}/`;
      return this.#tests.some((test) => test.startsWith(tests)) ? [tests] : ['test/api/'];
    }
    const [top = '', stage = ''] = path.split('/');
    return [`test/${top === 'src' ? stage : top}/`, ...(furtherTests[`${top}/${stage}`] ?? furtherTests[top] ?? [])];
  }

  #distance(from: string, to: string): number | null {
    const seen = new Set([from]);
    let layer = [from];
    for (let steps = 1; layer.length > 0; steps++) {
      const next = new Set(layer.flatMap((path) => this.#imports.get(path) ?? []));
      if (next.has(to)) return steps;
      layer = [...next].filter((path) => !seen.has(path));
      for (const path of layer) seen.add(path);
    }
    return null;
  }
}
