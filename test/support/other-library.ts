import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../../src/core/package-root.js';

/**
 * The built collector in a place of its own, with something else for the engine's native library: `source` is the
 * CommonJS module in its place, null: none is installed. Returns the path of its `dist`.
 */
export function installWithLibrary(directory: string, source: string | null): string {
  const from = (path: string) => fileURLToPath(packageFile(path));
  const modules = join(directory, 'node_modules');
  mkdirSync(modules);
  for (const name of readdirSync(from('node_modules'))) {
    // A package is looked for from where it really is: that of the loader has to be here.
    if (name === 'chdb') cpSync(from('node_modules/chdb'), join(modules, 'chdb'), { recursive: true });
    else if (name !== '@chdb' && !name.startsWith('.')) symlinkSync(from(`node_modules/${name}`), join(modules, name));
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
