import type { FileSystem, OpenFile } from '../../src/spool/file-system.js';
import type { Mutant } from './mutants.js';

/** The file system of a mutant; the given one when the mutant lies elsewhere. */
export function mutatedFileSystem(fileSystem: FileSystem, mutant: Mutant | null): FileSystem {
  if (mutant === 'ack_before_sync') return withFiles(fileSystem, (file) => ({ datasync: () => soon(file.datasync()) }));
  if (mutant === 'no_directory_sync') return over(fileSystem, { syncDirectory: async () => {} });
  return mutant === 'no_journals' ? withFiles(fileSystem, withoutAppends) : fileSystem;
}

/** Of the journals only what a start writes anew is kept. */
function withoutAppends(file: OpenFile, path: string): Partial<OpenFile> {
  if (!/\/(positions\.tmp|event-ids-\d+)$/.test(path)) return {};
  return { write: async (chunks, position) => (position === 0 ? await file.write(chunks, position) : undefined) };
}

/** Answers although it is not done. */
async function soon(done: Promise<void>): Promise<void> {
  done.catch(() => {});
}

function withFiles(fileSystem: FileSystem, change: (file: OpenFile, path: string) => Partial<OpenFile>): FileSystem {
  return over(fileSystem, {
    async open(path, mode) {
      const file = await fileSystem.open(path, mode);
      return over(file, change(file, path));
    },
  });
}

/** `target` with some of its methods replaced. */
function over<Target extends object>(target: Target, methods: Partial<Target>): Target {
  return new Proxy(target, {
    get(_, name) {
      const own: unknown = Reflect.get(methods, name);
      const value: unknown = own ?? Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(own === undefined ? target : methods) : value;
    },
  });
}
