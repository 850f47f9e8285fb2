import { type NativeCalls, NativeError } from './native-calls.js';

/**
 * A seccomp filter beside Landlock, which knows no UDP, no Unix socket by path, and on kernels before 6.7 no TCP: a
 * process with it connects to nothing at all. It can still accept, and use what is connected already.
 *
 * Refused with EACCES: `connect`; `socket` of any kind but streams of Unix, IPv4 and IPv6 (a datagram needs no
 * `connect`, MPTCP and SMC are not TCP to Landlock); data sent with the opening of a connection (`MSG_FASTOPEN`); the
 * calls of another instruction set. Refused with ENOSYS: io_uring, whose requests no filter sees.
 *
 * Every call passes the filter; the kernel keeps a map of those that are always allowed, since 5.11.
 */
export function createSocketFilter(processor: string): Buffer | null {
  const target = targets[processor];
  if (target === undefined) return null;
  const { calls } = target;
  const lines: Line[] = [
    load(offsetOf.architecture),
    unless(equals, target.architecture, 'refuse'),
    load(offsetOf.call),
    // The 32-bit calls of the same instruction set have numbers above this one.
    ...(target.abiBit === null ? [] : [when(atLeast, target.abiBit, 'refuse')]),
    when(equals, calls.connect, 'refuse'),
    when(equals, calls.socket, 'socket'),
    when(equals, calls.sendto, 'fourth'),
    when(equals, calls.sendmmsg, 'fourth'),
    when(equals, calls.sendmsg, 'third'),
    when(equals, calls.ioUringSetup, 'absent'),
    { to: 'allow' },
    { name: 'socket' },
    load(argument(0)),
    when(equals, family.unix, 'type'),
    when(equals, family.ipv4, 'type'),
    unless(equals, family.ipv6, 'refuse'),
    { name: 'type' },
    load(argument(1)),
    { code: 0x54, value: typeMask },
    unless(equals, streamType, 'refuse'),
    load(argument(2)),
    when(equals, 0, 'allow'),
    when(equals, tcpProtocol, 'allow'),
    { to: 'refuse' },
    { name: 'third' },
    load(argument(2)),
    when(anyBitOf, fastOpen, 'refuse'),
    { to: 'allow' },
    { name: 'fourth' },
    load(argument(3)),
    when(anyBitOf, fastOpen, 'refuse'),
    { name: 'allow' },
    answer(0x7fff0000),
    { name: 'refuse' },
    answer(0x00050000 | errnoOf.EACCES),
    { name: 'absent' },
    answer(0x00050000 | errnoOf.ENOSYS),
  ];
  return assemble(lines);
}

/** False where the kernel has no filters, or the processor is not known here. Needs `forbidNewPrivileges` before. */
export function tryRestrictSockets(native: NativeCalls, processor: string): boolean {
  const filter = createSocketFilter(processor);
  const call = targets[processor]?.calls.seccomp;
  if (filter === null || call === undefined) return false;
  const program = Buffer.alloc(16);
  program.writeUInt16LE(filter.length / 8, 0);
  program.writeBigUInt64LE(native.addressOf(filter), 8);
  try {
    native.syscall('restrict sockets', call, setFilter, keepSpeculation, program);
    return true;
  } catch (error) {
    if (error instanceof NativeError) return false;
    throw error;
  }
}

/** An instruction, a jump to a name, or the name of the instruction that follows. */
type Line =
  | { readonly code: number; readonly value: number }
  | { readonly code: number; readonly value: number; readonly then?: string; readonly otherwise?: string }
  | { readonly to: string }
  | { readonly name: string };

function load(offset: number): Line {
  return { code: 0x20, value: offset };
}

function when(code: number, value: number, then: string): Line {
  return { code, value, then };
}

function unless(code: number, value: number, otherwise: string): Line {
  return { code, value, otherwise };
}

function answer(value: number): Line {
  return { code: 0x06, value };
}

/** The low half of an argument: the calls above take 32-bit ones. Both processors are little-endian. */
function argument(index: number): number {
  return 16 + 8 * index;
}

/** Classic BPF: eight bytes each, code, two jump distances, value. */
function assemble(lines: readonly Line[]): Buffer {
  const places = new Map<string, number>();
  let place = 0;
  for (const line of lines) {
    if ('name' in line) places.set(line.name, place);
    else place++;
  }
  const program = Buffer.alloc(8 * place);
  const distance = (name: string, from: number): number => (places.get(name) ?? from) - from - 1;
  let at = 0;
  for (const line of lines) {
    if ('name' in line) continue;
    const jump = 'to' in line;
    program.writeUInt16LE(jump ? 0x05 : line.code, 8 * at);
    if (!jump && 'then' in line && line.then !== undefined) program.writeUInt8(distance(line.then, at), 8 * at + 2);
    if (!jump && 'otherwise' in line && line.otherwise !== undefined)
      program.writeUInt8(distance(line.otherwise, at), 8 * at + 3);
    program.writeUInt32LE(jump ? distance(line.to, at) : line.value, 8 * at + 4);
    at++;
  }
  return program;
}

interface Target {
  /** The kernel's AUDIT_ARCH_*. */
  readonly architecture: number;
  readonly abiBit: number | null;
  readonly calls: Readonly<
    Record<'socket' | 'connect' | 'sendto' | 'sendmsg' | 'sendmmsg' | 'ioUringSetup' | 'seccomp', number>
  >;
}

const targets: Readonly<Record<string, Target>> = {
  x64: {
    architecture: 0xc000003e,
    abiBit: 0x40000000,
    calls: { socket: 41, connect: 42, sendto: 44, sendmsg: 46, sendmmsg: 307, ioUringSetup: 425, seccomp: 317 },
  },
  arm64: {
    architecture: 0xc00000b7,
    abiBit: null,
    calls: { socket: 198, connect: 203, sendto: 206, sendmsg: 211, sendmmsg: 269, ioUringSetup: 425, seccomp: 277 },
  },
};

const offsetOf = { call: 0, architecture: 4 } as const;
const equals = 0x15;
const atLeast = 0x35;
const anyBitOf = 0x45;
const family = { unix: 1, ipv4: 2, ipv6: 10 } as const;
const streamType = 1;
/** What is above these bits are flags. */
const typeMask = 0xf;
const tcpProtocol = 6;
const fastOpen = 0x20000000;
const errnoOf = { EACCES: 13, ENOSYS: 38 } as const;
const setFilter = 1;
/** Without it, kernels before 5.16 would slow the whole process down by their guard against speculation. */
const keepSpeculation = 4;
