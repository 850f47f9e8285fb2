import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { LogOutput } from '../../src/telemetry/log-output.js';
import { FakeClock } from '../support/fake-clock.js';
import { tempDir } from '../support/temp-dir.js';

const pipeBytes = 65_536;
const kibibyte = `${'x'.repeat(1_023)}\n`;

function setUp(fd: number) {
  const clock = new FakeClock();
  const told: number[] = [];
  const output = new LogOutput({ clock }, { fd, onDropped: (count) => void told.push(count) });
  return { clock, output, told };
}

function makePipe(): string {
  const path = join(tempDir(), 'pipe');
  execFileSync('mkfifo', [path]);
  return path;
}

/** It does not wait, as Node has it at its standard output. */
function opened(path: string, flag: number): number {
  const fd = openSync(path, flag | constants.O_NONBLOCK);
  onTestFinished(() => closeSync(fd));
  return fd;
}

function readFrom(fd: number): string {
  const bytes = Buffer.alloc(pipeBytes);
  return bytes.toString('utf8', 0, readSync(fd, bytes));
}

function openPipe(): { readonly fd: number; readAll(): string } {
  const fd = opened(makePipe(), constants.O_RDWR);
  return { fd, readAll: () => readFrom(fd) };
}

test('a line is in the pipe when the call returns', () => {
  const { fd, readAll } = openPipe();
  const { output } = setUp(fd);
  output.write('first\n');
  expect(readAll()).toBe('first\n');
});

test('what a pipe that nobody reads does not take waits, in its order', async () => {
  const { fd, readAll } = openPipe();
  const { clock, output, told } = setUp(fd);
  const lines = Array.from({ length: 100 }, (_, at) => `${'é'.repeat(500)} ${at}\n`);
  for (const line of lines) output.write(line);
  let read = '';
  while (read.length < lines.join('').length) {
    read += readAll();
    await clock.advance(100);
  }
  expect(read).toBe(lines.join(''));
  expect([output.dropped, told]).toEqual([0, []]);
});

test('beyond a mebibyte lines are dropped, counted, and told of once there is a reader again', async () => {
  const { fd, readAll } = openPipe();
  const { clock, output, told } = setUp(fd);
  for (let line = 0; line < 64 + 1_024 + 7; line++) output.write(kibibyte);
  expect([output.dropped, told]).toEqual([7, []]);
  for (let part = 0; part < 17; part++) {
    expect(readAll()).toBe(kibibyte.repeat(64));
    await clock.advance(100);
  }
  expect([output.dropped, told]).toEqual([7, [7]]);
  output.write('after\n');
  expect(readAll()).toBe('after\n');
});

test('a full disk and a reader that is gone drop lines and throw nothing', () => {
  const full = openSync('/dev/full', 'w');
  onTestFinished(() => closeSync(full));
  const { output, told } = setUp(full);
  for (let line = 0; line < 3; line++) output.write('line\n');
  output.stream().write('line\n');
  expect([output.dropped, told]).toEqual([4, []]);
  output.end();
});

test('a line that was begun goes on, or is ended before the next when its rest is lost', async () => {
  const path = makePipe();
  let reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  onTestFinished(() => closeSync(reader));
  const { clock, output, told } = setUp(opened(path, constants.O_WRONLY));
  const long = `${'y'.repeat(pipeBytes)}\n`;
  output.write(long);
  output.write('next\n');
  expect(readFrom(reader)).toBe(long.slice(0, -1));
  await clock.advance(100);
  expect(readFrom(reader)).toBe('\nnext\n');
  output.write(long);
  closeSync(reader);
  await clock.advance(100);
  expect([output.dropped, told]).toEqual([1, []]);
  // What the pipe took waits in it for whoever reads next.
  reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  expect(readFrom(reader)).toBe(long.slice(0, -1));
  output.write('after\n');
  expect([readFrom(reader), told]).toEqual(['\nafter\n', [1]]);
});

test('the end writes what waits where it still can, and gives up where it cannot', () => {
  const { fd, readAll } = openPipe();
  const { output } = setUp(fd);
  for (let line = 0; line < 65; line++) output.write(kibibyte);
  expect(readAll()).toBe(kibibyte.repeat(64));
  output.end();
  expect(readAll()).toBe(kibibyte);
  for (let line = 0; line < 65; line++) output.write(kibibyte);
  output.end();
  expect(readAll()).toBe(kibibyte.repeat(64));
});
