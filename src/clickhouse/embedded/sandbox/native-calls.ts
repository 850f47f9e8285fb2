import { createRequire } from 'node:module';
import { CollectorError, errorMessage } from '../../../core/errors.js';

/**
 * The few calls into the C library that Node has no function for. They run on the calling thread, which is the main
 * one. The only importer of koffi: its package of this processor is used as it is, so that nothing is built, and no
 * script runs, when it is installed. Loading takes about 6 ms.
 */
export interface NativeCalls {
  /** Returns what the kernel returned; throws NativeError when that is an error. */
  syscall(name: string, number: number, ...values: readonly SyscallValue[]): number;
  /** `prctl`, as above. */
  processControl(name: string, option: number, value: number): void;
  /** Lets the descriptor live through `exec`. */
  inherit(fd: number): void;
  /** `flock`, exclusive, without waiting: false when another open file has it. */
  lock(fd: number): boolean;
  /** Puts another program in this process's place. Returns only by throwing. */
  exec(path: string, args: readonly string[], environment: Readonly<Record<string, string>>): never;
  /** The address of a buffer, which the caller keeps alive while the kernel may read it. */
  addressOf(buffer: Buffer): bigint;
}

/** A buffer is passed by its address. */
type SyscallValue = number | bigint | Buffer;

export class NativeError extends Error {
  readonly errno: string;

  constructor(call: string, errno: string) {
    super(`cannot ${call}: ${errno}`);
    this.errno = errno;
  }
}

/** Throws CollectorError `sandbox_missing` where the package is not installed or does not load. */
export function loadNativeCalls(): NativeCalls {
  const name = `@koromix/koffi-${process.platform}-${process.arch}`;
  let ffi: Ffi;
  try {
    ffi = createRequire(import.meta.url)(name) as Ffi;
  } catch (error) {
    const cause = errorMessage(error).split('\n')[0];
    throw new CollectorError('sandbox_missing', `cannot load the optional package ${name}: ${cause}`, { cause: error });
  }
  const library = ffi.load(null);
  // All six are passed in registers, whatever the call takes; what it does not take it does not read.
  const systemCall = library.func('syscall', 'long', Array(7).fill('intptr_t'));
  const processControl = library.func('prctl', 'int', ['int', ...Array(4).fill('uintptr_t')]);
  const control = library.func('fcntl', 'int', ['int', 'int', 'int']);
  const lockFile = library.func('flock', 'int', ['int', 'int']);
  const execute = library.func('execve', 'int', ['const char *', 'const char **', 'const char **']);
  const addressOf = (buffer: Buffer) => BigInt(ffi.address(buffer));

  function checked(call: string, result: number | bigint): number {
    if (Number(result) >= 0) return Number(result);
    const errno = ffi.errno();
    throw new NativeError(call, Object.entries(ffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `${errno}`);
  }

  return {
    syscall(call, number, ...values) {
      const words = values.map((value) => (Buffer.isBuffer(value) ? addressOf(value) : value));
      while (words.length < 6) words.push(0);
      return checked(call, systemCall(number, ...words));
    },
    processControl(call, option, value) {
      checked(call, processControl(option, value, 0, 0, 0));
    },
    inherit(fd) {
      checked('keep a descriptor', control(fd, setDescriptorFlags, 0));
    },
    lock(fd) {
      if (Number(lockFile(fd, exclusiveWithoutWaiting)) === 0) return true;
      if (ffi.errno() === ffi.os.errno.EAGAIN) return false;
      checked('lock a file', -1);
      return false;
    },
    exec(path, args, environment) {
      const pairs = Object.entries(environment).map(([key, value]) => `${key}=${value}`);
      checked(`run ${path}`, execute(path, [...args, null], [...pairs, null]));
      throw new NativeError(`run ${path}`, 'it returned');
    },
    addressOf,
  };
}

/** Of the C library, without waiting; null where it cannot be called. */
export function tryLoadFileLock(): ((fd: number) => boolean) | null {
  try {
    return loadNativeCalls().lock;
  } catch {
    return null;
  }
}

/** No set-user-id program gives this thread, or what it runs, more than it has. What the restrictions below ask for. */
export function forbidNewPrivileges(native: NativeCalls): void {
  native.processControl('give up new privileges', setNoNewPrivileges, 1);
}

interface Ffi {
  load(path: null): {
    func(name: string, result: string, parameters: readonly string[]): (...values: unknown[]) => number | bigint;
  };
  address(buffer: Buffer): number | bigint;
  errno(): number;
  readonly os: { readonly errno: Readonly<Record<string, number>> };
}

/** LOCK_EX | LOCK_NB. */
const exclusiveWithoutWaiting = 6;
const setDescriptorFlags = 2;
const setNoNewPrivileges = 38;
