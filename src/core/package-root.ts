/**
 * The package's root as a file URL, whatever the working directory, from source (`src/core`)
 * as from the build (`dist/src/core`). Assets (SQL, dashboards) and built entry points resolve from it.
 */
export const packageRoot: URL = new URL(
  import.meta.url.includes('/dist/src/core/') ? '../../../' : '../../',
  import.meta.url,
);

/** A file of the package, for example `packageFile('clickhouse/migrations/')`. */
export function packageFile(path: string): URL {
  return new URL(path, packageRoot);
}
