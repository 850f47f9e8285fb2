import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../core/package-root.js';

/** A file of the pages in each form it is sent in. */
export interface UiFile {
  readonly contentType: string;
  readonly plain: Uint8Array;
  readonly br: Uint8Array;
  readonly gzip: Uint8Array;
}

/** The built pages, whole in memory: some hundred kilobytes. */
export interface UiFiles {
  readonly index: UiFile;
  /** By name; the name changes with the content. */
  readonly assets: ReadonlyMap<string, UiFile>;
}

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** What `npm run build` has made of `src/ui`; null where that was not done. */
export function loadUiFiles(directory: URL = packageFile('dist/ui/')): UiFiles | null {
  const root = fileURLToPath(directory);
  try {
    const names = readdirSync(`${root}assets`).filter((name) => extname(name) in contentTypes);
    return {
      index: readForms(`${root}index.html`),
      assets: new Map(names.map((name) => [name, readForms(`${root}assets/${name}`)])),
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function readForms(path: string): UiFile {
  return {
    contentType: contentTypes[extname(path)]!,
    plain: readFileSync(path),
    br: readFileSync(`${path}.br`),
    gzip: readFileSync(`${path}.gz`),
  };
}
