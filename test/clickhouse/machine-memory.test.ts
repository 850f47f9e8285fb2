import { describe, expect, test } from 'vitest';
import { machineMemoryBytes } from '../../src/clickhouse/machine-memory.js';
import { machineFiles } from '../support/machine-files.js';

const gibibyte = 1_073_741_824;
const version1 = '9:memory:/kubepods/pod7/4f\n4:cpu,cpuacct:/kubepods/pod7/4f\n0::/\n';

const cases: readonly (readonly [string, Readonly<Record<string, string>>, number])[] = [
  ['a machine without control groups', {}, 8],
  ['no limit', { 'proc/self/cgroup': '0::/a\n', 'sys/fs/cgroup/a/memory.max': 'max\n' }, 8],
  ['two', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/memory.max': `${2 * gibibyte}\n` }, 2],
  ['more than there is', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/memory.max': `${16 * gibibyte}\n` }, 8],
  [
    'two before it is slowed down',
    {
      'proc/self/cgroup': '0::/\n',
      'sys/fs/cgroup/memory.max': `${4 * gibibyte}\n`,
      'sys/fs/cgroup/memory.high': `${2 * gibibyte}\n`,
    },
    2,
  ],
  [
    'less for the slice above',
    {
      'proc/self/cgroup': '0::/small.slice/tidemark.service\n',
      'sys/fs/cgroup/small.slice/tidemark.service/memory.max': 'max\n',
      'sys/fs/cgroup/small.slice/memory.max': `${gibibyte}\n`,
    },
    1,
  ],
  [
    'three in version 1',
    {
      'proc/self/cgroup': version1,
      'sys/fs/cgroup/memory/kubepods/pod7/4f/memory.limit_in_bytes': `${3 * gibibyte}\n`,
      'sys/fs/cgroup/memory/kubepods/memory.limit_in_bytes': '9223372036854771712\n',
    },
    3,
  ],
  [
    'three in version 1, under a path of the host',
    { 'proc/self/cgroup': version1, 'sys/fs/cgroup/memory/memory.limit_in_bytes': `${3 * gibibyte}\n` },
    3,
  ],
];

describe('of eight gibibytes a control group gives', () => {
  test.each(cases)('%s', (_, files, expected) => {
    expect(machineMemoryBytes(machineFiles(files), 8 * gibibyte)).toBe(expected * gibibyte);
  });
});
