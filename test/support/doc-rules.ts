import { posix } from 'node:path';
import type { TextFile } from './source-file.js';

/** What the pages may name: files, scripts of package.json, settings by variable and by path, metrics. */
export interface Named {
  readonly paths: ReadonlySet<string>;
  readonly scripts: ReadonlySet<string>;
  readonly variables: ReadonlySet<string>;
  readonly settings: ReadonlySet<string>;
  readonly metrics: ReadonlySet<string>;
}

/** `path:line: what, use X instead` for each breach. */
export type DocRule = (pages: readonly TextFile[], named: Named) => string[];

interface Match {
  readonly page: TextFile;
  readonly offset: number;
  readonly text: string;
}

function finding({ page, offset }: Match, what: string): string {
  return `${page.path}:${page.text.slice(0, offset).split('\n').length}: ${what} instead`;
}

function matches(pages: readonly TextFile[], pattern: RegExp): Match[] {
  return pages.flatMap((page) =>
    [...page.text.matchAll(pattern)].map((match) => ({ page, offset: match.index, text: match[1] ?? match[0] })),
  );
}

/** Relative links lead to a file, and what follows `#` to a heading of it. */
export const linksResolve: DocRule = (pages, { paths }) => {
  const prose = pages.map((page) => ({ ...page, text: withoutCode(page.text) }));
  const anchors = new Map(prose.map(({ path, text }) => [path, anchorsOf(text)]));
  return matches(prose, /\]\(([^)\s]+)\)/g).flatMap((link) => {
    if (/^[a-z]+:/.test(link.text)) return [];
    const [place = '', anchor] = link.text.split('#');
    const target = place === '' ? link.page.path : posix.normalize(posix.join(posix.dirname(link.page.path), place));
    if (!isThere(target, paths)) return [finding(link, `there is no ${target}, use a file that is there`)];
    const known = anchors.get(target);
    if (anchor === undefined || known?.has(anchor) === true) return [];
    return [finding(link, `${target} has no heading #${anchor}, use one of ${[...(known ?? [])].join(', ')}`)];
  });
};

/** Code in blank, headings as they are: an anchor may hold what was code. */
function withoutCode(text: string): string {
  const blank = (code: string): string => code.replaceAll(/[^\n]/g, ' ');
  return text
    .replaceAll(/^```[\s\S]*?^```$/gm, blank)
    .split('\n')
    .map((line) => (line.startsWith('#') ? line : line.replaceAll(/(?<!\[)`[^`]*`(?!\])/g, blank)))
    .join('\n');
}

/** As GitHub makes them of headings. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of text.matchAll(/^#+ (.*)$/gm)) {
    const plain = heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, '');
    const slug = plain.trim().replaceAll(/\s/g, '-');
    let unique = slug;
    for (let count = 1; anchors.has(unique); count += 1) unique = `${slug}-${count}`;
    anchors.add(unique);
  }
  return anchors;
}

/** A path in backticks is a file or folder; `<name>` and `*` stand for any. `name.ts` alone is some file's name. */
export const namedPathsExist: DocRule = (pages, { paths }) => {
  const names = new Set([...paths].map((path) => posix.basename(path)));
  const unknown = matches(pages, /`((?:src|workers|bench|test|clickhouse|docs|\.ci)\/[^`\s]*)`/g).filter(
    ({ text }) => !isThere(text, paths),
  );
  const unknownNames = matches(pages, /`([\w-]+\.ts)`/g).filter(({ text }) => !names.has(text));
  return [...unknown, ...unknownNames].map((match) =>
    finding(match, `there is no ${match.text}, use a path that is there`),
  );
};

function isThere(path: string, paths: ReadonlySet<string>): boolean {
  const plain = path.replace(/\/$/, '');
  if (paths.has(plain)) return true;
  const escaped = plain.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll(/<[^>]*>|\*/g, '[^/]*');
  const pattern = new RegExp(`^${escaped}(/|$)`);
  return [...paths].some((known) => pattern.test(known));
}

/** What is run with npm is a script. */
export const namedScriptsExist: DocRule = (pages, { scripts }) =>
  matches(pages, /\bnpm run ([\w:-]+)/g)
    .filter(({ text }) => !scripts.has(text))
    .map((match) => finding(match, `npm run ${match.text} is no script, use one of package.json`));

/** Variables and paths of settings are in the configuration; a variable of a test is in that test. */
export const namedSettingsExist: DocRule = (pages, { variables, settings }) => {
  const groups = [...new Set([...settings].map((path) => path.split('.')[0]))].join('|');
  const unknownVariables = matches(pages, /\b(TIDEMARK_[A-Z_]+\*?)/g).filter(({ text }) => !isNamed(text, variables));
  const unknownPaths = matches(pages, new RegExp(`\`((?:${groups})\\.[a-z]\\w+)\``, 'g')).filter(
    ({ text }) => !settings.has(text),
  );
  return [...unknownVariables, ...unknownPaths].map((match) =>
    finding(match, `${match.text} is no setting, use one of the configuration`),
  );
};

/** Metrics are declared; `tidemark_exports_*` is all that begin so. */
export const namedMetricsExist: DocRule = (pages, { metrics }) =>
  matches(pages, /(?<![\w:/"`-]|`tidemark_)\b(tidemark_[a-z_]+\*?)(?![\w:])/g)
    .concat(matches(pages, /`(tidemark_[a-z_]+\*?)/g))
    .filter(({ text }) => !isNamed(text, metrics))
    .map((match) => finding(match, `${match.text} is no metric, use one of docs/metrics.md`));

function isNamed(text: string, known: ReadonlySet<string>): boolean {
  if (!text.endsWith('*')) return known.has(text);
  return [...known].some((name) => name.startsWith(text.slice(0, -1)));
}

/** Every page can be reached by links from the README. */
export const pagesReached: DocRule = (pages) => {
  const byPath = new Map(pages.map((page) => [page.path, page]));
  const reached = new Set<string>();
  const waiting = ['README.md'];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const page = byPath.get(path);
    if (page === undefined || reached.has(path)) continue;
    reached.add(path);
    const links = matches([{ ...page, text: withoutCode(page.text) }], /\]\(([^)\s#]+)[^)]*\)/g);
    waiting.push(...links.map(({ text }) => posix.normalize(posix.join(posix.dirname(page.path), text))));
  }
  return pages
    .filter(({ path }) => !reached.has(path))
    .map((page) => finding({ page, offset: 0, text: '' }, 'no page leads here, use a link in docs/README.md'));
};
