import { describe, expect, test } from 'vitest';
import { grantedCpus } from '../../src/config/granted-cpus.js';
import { machineFiles } from '../support/machine-files.js';

const version1 = '4:cpu,cpuacct:/docker/4f\n1:name=systemd:/docker/4f\n0::/\n';

const cases: readonly (readonly [string, Readonly<Record<string, string>>, number])[] = [
  ['a machine without control groups', {}, 8],
  ['no limit', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': 'max 100000\n' }, 8],
  ['two processors', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '200000 100000\n' }, 2],
  ['one and a half', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '150000 100000\n' }, 2],
  ['a tenth of one', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '10000 100000\n' }, 1],
  ['more than there are', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '1600000 100000\n' }, 8],
  [
    'less for the group above',
    {
      'proc/self/cgroup': '0::/system.slice/tidemark.service\n',
      'sys/fs/cgroup/system.slice/tidemark.service/cpu.max': '400000 100000\n',
      'sys/fs/cgroup/system.slice/cpu.max': '300000 100000\n',
    },
    3,
  ],
  [
    'three in version 1',
    {
      'proc/self/cgroup': version1,
      'sys/fs/cgroup/cpu,cpuacct/docker/4f/cpu.cfs_quota_us': '300000\n',
      'sys/fs/cgroup/cpu,cpuacct/docker/4f/cpu.cfs_period_us': '100000\n',
    },
    3,
  ],
  [
    'one in version 1, under a path of the host',
    {
      'proc/self/cgroup': version1,
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '50000\n',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    },
    1,
  ],
  [
    'no limit in version 1',
    {
      'proc/self/cgroup': version1,
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    },
    8,
  ],
];

describe('of eight processors a control group gives', () => {
  test.each(cases)('%s', (_, files, cpus) => {
    expect(grantedCpus(machineFiles(files), 8)).toBe(cpus);
  });
});
