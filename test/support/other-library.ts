import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../../src/core/package-root.js';

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
}

/**
 * The built collector in a place of its own, with something else for the engine's native library: `source` is the
 * CommonJS module in its place, null: none is installed. Returns the path of its `dist`.
 */
export function installWithLibrary(directory: string, source: string | null): string {
  const from = (path: string) => fileURLToPath(packageFile(path));
  const modules = join(directory, 'node_modules');
  mkdirSync(modules);
  // Copies, as an installation has them: a package is looked for, and let be read by the engine, where it really is.
  const { packages } = JSON.parse(readFileSync(from('package-lock.json'), 'utf8')) as LockFile;
  for (const [path, { dev = false }] of Object.entries(packages)) {
    if (!/^node_modules\/(?!@chdb\/)(?:@[^/]+\/)?[^/]+$/.test(path) || !existsSync(from(path))) continue;
    mkdirSync(join(directory, path, '..'), { recursive: true });
    if (dev) symlinkSync(from(path), join(directory, path));
    else cpSync(from(path), join(directory, path), { recursive: true });
  }
  for (const path of ['package.json', 'clickhouse']) symlinkSync(from(path), join(directory, path));
  for (const path of ['dist/src', 'dist/workers']) {
    cpSync(from(path), join(directory, path), { recursive: true });
  }
  if (source !== null) {
    const { platform, arch } = process;
    const library = join(modules, '@chdb', `lib-${platform}-${arch}${platform === 'linux' ? '-gnu' : ''}`);
    mkdirSync(library, { recursive: true });
    writeFileSync(join(library, 'package.json'), JSON.stringify({ name: 'library', main: 'index.js' }));
    writeFileSync(join(library, 'index.js'), source);
  }
  return join(directory, 'dist');
}
