import { type SourceFile, targetOf } from '../support/source-file.js';

/** Tests that notice without an import, because it runs in a process of its own. A last slash means a folder. */
const furtherTests: readonly (readonly [place: string, tests: readonly string[]])[] = [
  ['src/clickhouse/embedded/', ['test/clickhouse/', 'test/end-to-end/counts.test.ts']],
  ['src/clickhouse/', ['test/end-to-end/counts.test.ts', 'test/end-to-end/one-percentile.test.ts']],
  ['src/decode/', ['test/end-to-end/event-values.test.ts', 'test/end-to-end/told-apart.test.ts']],
  ['src/http/', ['test/end-to-end/protocol.test.ts', 'test/end-to-end/metrics-access.test.ts']],
  ['src/ingest/', ['test/end-to-end/protocol.test.ts', 'test/end-to-end/event-ids.test.ts']],
  ['src/spool/', ['test/simulation/', 'test/power/', 'test/end-to-end/crash.test.ts']],
  ['clickhouse/', ['test/clickhouse/', 'test/end-to-end/counts.test.ts']],
];
/** What imports it by the way of half the product says little of it. */
const stepsMax = 2;
const furtherRank = 100;
const nearest = 3;
const nearMax = 19;

/**
 * The test files that may notice a change of a file, the nearest first: one of its name, those whose imports reach it
 * by how many steps that takes, of its own stage before others, then what the table names.
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

  /** Those that load it themselves, without what starts a collector; nineteen hold all of most stages. */
  nearOf(path: string): string[] {
    const near = this.#ranked(path).filter(([, rank]) => rank < furtherRank);
    return near.slice(0, nearMax).map(([test]) => test);
  }

  /** The same in groups to run one after the other: most changes are noticed in the first. */
  groupsOf(path: string, isNear = false): string[][] {
    const tests = isNear ? this.nearOf(path) : this.of(path);
    const rest = tests.slice(nearest);
    const parts = Array.from({ length: Math.ceil(rest.length / 8) }, (_, part) => rest.slice(8 * part, 8 * part + 8));
    return [tests.slice(0, nearest), ...parts].filter(({ length }) => length > 0);
  }

  #ranked(path: string): [test: string, rank: number][] {
    const rooms = this.#rooms(path);
    const further = furtherTests.find(([place]) => path.startsWith(place))?.[1] ?? [];
    const ranks = new Map<string, number>();
    for (const test of this.#tests) {
      const distance = this.#distance(test, path);
      const isOfRoom = rooms.some((room) => test.startsWith(room));
      const named = further.findIndex((place) => test === place || (place.endsWith('/') && test.startsWith(place)));
      if (distance !== null && isOfRoom) ranks.set(test, isNamedAs(test, path) ? 0 : distance);
      else if (distance !== null && distance <= stepsMax) ranks.set(test, 10 + distance);
      else if (named >= 0) ranks.set(test, furtherRank + named);
    }
    return [...ranks].sort(([a, left], [b, right]) => left - right || a.localeCompare(b));
  }

  /** A resource of the API and its queries are tested in one room; what queries share, in all of them. */
  #rooms(path: string): string[] {
    const room = /^src\/(?:api|clickhouse\/queries)\/([\w-]+)\//.exec(path)?.[1];
    if (room !== undefined) {
      const tests = `test/api/${room}/`;
      const isRoom = this.#tests.some((test) => test.startsWith(tests));
      return [isRoom ? tests : 'test/api/', 'test/clickhouse/'];
    }
    const [top = '', stage = ''] = path.split('/');
    return [`test/${top === 'src' ? stage : top}/`];
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

/** `window-slices.test.ts` of `window-slices.ts`, `secrets.test.ts` of a file in `secrets/`. */
function isNamedAs(test: string, path: string): boolean {
  const name = test.split('/').at(-1)!.replace('.test.ts', '');
  return path.replace('.ts', '').split('/').slice(2).includes(name);
}
