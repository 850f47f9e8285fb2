import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseSync, Visitor, type VisitorObject } from 'rolldown/utils';
import { packageRoot } from '../../src/core/package-root.js';

export type { VisitorObject };

/** A tracked text file of the project, path relative to its root. */
export interface TextFile {
  readonly path: string;
  readonly text: string;
}

interface Import {
  readonly specifier: string;
  readonly offset: number;
  readonly typeOnly: boolean;
}

/** A TypeScript file with its syntax tree. Types have no part in the rules, so a parser is enough. */
export interface SourceFile extends TextFile {
  readonly imports: readonly Import[];
  readonly comments: readonly { readonly value: string; readonly start: number }[];
  visit(visitor: VisitorObject): void;
}

export const rootPath = fileURLToPath(packageRoot);

/** Everything that is tracked or would be: what `git add --all` would take; of an archive without git, all of it. */
export function projectFiles(): TextFile[] {
  return projectPaths().flatMap((path) => {
    const bytes = readIfThere(`${rootPath}${path}`);
    return bytes === null || bytes.includes(0) ? [] : [{ path, text: bytes.toString('utf8') }];
  });
}

/** Paths of all of it, pictures included; of a file that is deleted and not committed, too. */
export function projectPaths(): readonly string[] {
  try {
    const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
    const listed = execFileSync('git', args, { cwd: rootPath, stdio: ['ignore', 'pipe', 'ignore'] }).toString('utf8');
    return [...new Set(listed.split('\0'))].filter((path) => path !== '');
  } catch {
    const ignored = new Set(['.git', 'node_modules', 'dist', 'tidemark-data', 'coverage']);
    return readdirSync(rootPath, { withFileTypes: true })
      .filter(({ name }) => !ignored.has(name))
      .flatMap((entry) => (entry.isDirectory() ? pathsUnder(entry.name) : [entry.name]));
  }
}

function pathsUnder(folder: string): string[] {
  return readdirSync(`${rootPath}${folder}`, { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`);
}

/** Null for a folder, and for a tracked file that has been deleted while that is not committed yet. */
function readIfThere(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}

export function parseSource({ path, text }: TextFile): SourceFile {
  const parsed = parseSync(path, text, { lang: path.endsWith('.tsx') ? 'tsx' : 'ts', sourceType: 'module' });
  const first = parsed.errors[0];
  if (first !== undefined) throw new Error(`cannot parse ${path}: ${first.message}`);
  const imports: Import[] = parsed.module.staticImports.map(({ moduleRequest, start, entries }) => ({
    specifier: moduleRequest.value,
    offset: start,
    typeOnly: text.startsWith('import type', start) || (entries.length > 0 && entries.every((entry) => entry.isType)),
  }));
  for (const { entries, start } of parsed.module.staticExports) {
    const request = entries[0]?.moduleRequest;
    if (request) imports.push({ specifier: request.value, offset: start, typeOnly: entries.every((e) => e.isType) });
  }
  for (const { moduleRequest, start } of parsed.module.dynamicImports) {
    const specifier = text.slice(moduleRequest.start + 1, moduleRequest.end - 1);
    imports.push({ specifier, offset: start, typeOnly: false });
  }
  new Visitor({
    TSImportType(node) {
      imports.push({ specifier: node.source.value, offset: node.start, typeOnly: true });
    },
  }).visit(parsed.program);
  return {
    path,
    text,
    imports,
    comments: parsed.comments,
    visit: (visitor) => new Visitor(visitor).visit(parsed.program),
  };
}

/** By what a file is imported, whether it holds JSX or not. */
export function moduleOf(path: string): string {
  return path.replace(/\.tsx$/, '.ts');
}

/** The module a relative specifier means, relative to the project's root; null for a package or a Node module. */
export function targetOf(file: TextFile, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  const url = new URL(specifier, `file:///${file.path}`);
  return url.pathname.slice(1).replace(/\.js$/, '.ts');
}
