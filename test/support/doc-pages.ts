import { projectFiles, type TextFile } from './source-file.js';

/** Everything written for readers: the pages of `docs/` and those at the top. */
export function documentationPages(files: readonly TextFile[] = projectFiles()): TextFile[] {
  return files.filter(({ path }) => /^((docs\/.*|[A-Z]+)\.md)$/.test(path));
}
