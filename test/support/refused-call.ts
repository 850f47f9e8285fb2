import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFile } from '../../src/core/package-root.js';
import { tempDir } from './temp-dir.js';

/** The numbers of Linux's calls, by processor. */
const calls: Readonly<Record<string, { readonly seccomp: number; readonly setpriority: number }>> = {
  x64: { seccomp: 317, setpriority: 141 },
  arm64: { seccomp: 277, setpriority: 140 },
};

export const canRefuseCalls = process.platform === 'linux' && calls[process.arch] !== undefined;

/**
 * A command that becomes the one it is given, which the system then refuses to set niceness, as the seccomp profile of
 * a container or `SystemCallFilter=~@resources` of a service does.
 */
export function withoutNiceness(): readonly string[] {
  const { seccomp = 0, setpriority = 0 } = calls[process.arch] ?? {};
  const filter = [
    instruction(loadWord, 0, 0, 0),
    instruction(jumpIfEqual, 0, 1, setpriority),
    instruction(answer, 0, 0, 0x00050001),
    instruction(answer, 0, 0, 0x7fff0000),
  ];
  const launcher = join(tempDir(), 'launcher.mjs');
  const calledFrom = packageFile('dist/src/clickhouse/embedded/sandbox/native-calls.js').href;
  writeFileSync(
    launcher,
    `import { forbidNewPrivileges, loadNativeCalls } from '${calledFrom}';
     const native = loadNativeCalls();
     const filter = Buffer.from('${Buffer.concat(filter).toString('hex')}', 'hex');
     const program = Buffer.alloc(16);
     program.writeUInt16LE(filter.length / 8, 0);
     program.writeBigUInt64LE(native.addressOf(filter), 8);
     forbidNewPrivileges(native);
     native.syscall('refuse a call', ${seccomp}, 1, 0, program);
     for (const fd of [0, 1, 2]) native.inherit(fd);
     native.exec(process.argv[2], process.argv.slice(2), process.env);`,
  );
  return [process.execPath, launcher];
}

/** Of classic BPF. */
function instruction(code: number, then: number, otherwise: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(then, 2);
  bytes.writeUInt8(otherwise, 3);
  bytes.writeUInt32LE(value, 4);
  return bytes;
}

const loadWord = 0x20;
const jumpIfEqual = 0x15;
const answer = 0x06;
