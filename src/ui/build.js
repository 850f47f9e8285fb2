/**
 * Builds the pages into `dist/ui`, and their compressed forms beside them, unless nothing has changed since:
 * `node src/ui/build.js [--optional]`. With `--optional` a machine that cannot build them is told so, and that is all:
 * the collector runs without them.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const source = fileURLToPath(new URL('.', import.meta.url));
const output = fileURLToPath(new URL('../../dist/ui/', import.meta.url));
/** Last, so that a build that was broken off is not taken for a whole one. */
const stamp = `${output}built-from.txt`;

try {
  const digest = digestOfSources();
  if (digest !== readIfThere(stamp)) {
    rmSync(stamp, { force: true });
    await build();
    compress();
    writeFileSync(stamp, digest);
  }
} catch (error) {
  if (!process.argv.includes('--optional')) throw error;
  process.stderr.write(`tidemark: cannot build the pages, starting without them: ${error.message}\n`);
}

/** What the pages are made of, the versions of the libraries in them included. */
function digestOfSources() {
  const hash = createHash('sha256');
  for (const path of filesUnder(source)) hash.update(`${path}\n`).update(readFileSync(`${source}${path}`));
  return hash.update(readFileSync(new URL('../../package-lock.json', import.meta.url))).digest('hex');
}

async function build() {
  const { build: bundle } = await import('vite');
  await bundle({ configFile: `${source}vite.config.ts`, logLevel: 'warn' });
}

/** Once, as well as can be, for the answers are served as they are here. */
function compress() {
  for (const path of filesUnder(output)) {
    const bytes = readFileSync(`${output}${path}`);
    const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
    writeFileSync(`${output}${path}.br`, brotliCompressSync(bytes, { params }));
    writeFileSync(`${output}${path}.gz`, gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }));
  }
}

function filesUnder(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${(entry.parentPath ?? entry.path).replace(/\/?$/, '/')}${entry.name}`.slice(folder.length))
    .sort();
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
