import { type ProcessLimits, readProcessLimits } from '../../core/process-limits.js';

/**
 * Node's options for the engine's process. A memory of WebAssembly reserves 10 GiB of addresses, so that nothing in it
 * has to look at bounds; the engine has one, for checksums of LZ4 frames, which cost a quarter more without. Where
 * addresses are limited, the engine starts with 8 GB of them in place of 14.
 */
export function engineNodeOptions({ addressSpaceBytes }: ProcessLimits = readProcessLimits()): string[] {
  return addressSpaceBytes === null ? [] : ['--disable-wasm-trap-handler'];
}

/**
 * A limit of this process under which an engine does not come up, and what to do; null when there is none. The system's
 * own words about it are anything: `cannot map segment`, `thread constructor failed`, a signal.
 */
export function limitInTheWay({ addressSpaceBytes, threads }: ProcessLimits = readProcessLimits()): string | null {
  if (addressSpaceBytes !== null && addressSpaceBytes < addressSpaceBytesMin) {
    const limit = `the address space is limited to ${Math.round(addressSpaceBytes / 1e6)} MB (ulimit -v)`;
    return `${limit}, and the engine needs ${addressSpaceBytesMin / 1e6} MB: raise it, or set LimitAS= of systemd`;
  }
  if (threads !== null && threads < threadsMin) {
    const limit = `this user may have ${threads} processes and threads (ulimit -u)`;
    return `${limit}, and a collector needs ${threadsMin}: raise it, or set LimitNPROC= of systemd`;
  }
  return null;
}

/** On two processors it starts with 8 GB, and with 80 threads; more of them, and guests who read, take more. */
const addressSpaceBytesMin = 12_000_000_000;
const threadsMin = 128;
