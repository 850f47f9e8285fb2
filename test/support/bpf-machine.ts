/** A system call as a seccomp filter sees it. */
export interface SeenCall {
  readonly call: number;
  /** The kernel's AUDIT_ARCH_*. */
  readonly architecture: number;
  readonly values: readonly number[];
}

/** Runs a classic BPF program of the instructions that our filters use; returns what it answers. */
export function filterAnswer(program: Buffer, { call, architecture, values }: SeenCall): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call, 0);
  data.writeUInt32LE(architecture, 4);
  for (const [index, value] of values.entries()) data.writeBigUInt64LE(BigInt(value), 16 + 8 * index);
  let accumulator = 0;
  for (let at = 0; at < program.length; at += 8) {
    const code = program.readUInt16LE(at);
    const value = program.readUInt32LE(at + 4);
    const branch = (holds: boolean): number => 8 * program.readUInt8(at + (holds ? 2 : 3));
    if (code === 0x20) accumulator = data.readUInt32LE(value);
    else if (code === 0x54) accumulator = (accumulator & value) >>> 0;
    else if (code === 0x05) at += 8 * value;
    else if (code === 0x15) at += branch(accumulator === value);
    else if (code === 0x35) at += branch(accumulator >= value);
    else if (code === 0x45) at += branch((accumulator & value) !== 0);
    else if (code === 0x06) return value;
    else throw new Error(`no such instruction: ${code}`);
  }
  throw new Error('the program ends without an answer');
}
