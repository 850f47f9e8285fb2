import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TextFile } from './source-file.js';

/** A ```sh block with `curl` in it, and what the page says that it answers. */
export interface ShellExample {
  /** `docs/api/runs.md:20`. */
  readonly place: string;
  readonly script: string;
  /** Of `<!-- answers: 400 -->` before the block; null: a success. */
  readonly status: number | null;
  /** The ```json block right behind it. */
  readonly documented: string | null;
}

/** The examples of a page in their order. */
export function shellExamples({ path, text }: TextFile): ShellExample[] {
  const pattern = /(?:<!-- answers: (\d+) -->\n)?^```sh\n([\s\S]*?)^```$(?:\n+^```json\n([\s\S]*?)^```$)?/gm;
  return [...text.matchAll(pattern)].flatMap(({ index, 1: status, 2: script = '', 3: documented = null }) =>
    /\bcurl\b/.test(script)
      ? [
          {
            place: `${path}:${text.slice(0, index).split('\n').length}`,
            script,
            status: status === undefined ? null : Number(status),
            documented,
          },
        ]
      : [],
  );
}

/** What one `curl` of an example asked and was answered. */
export interface CurlCall {
  readonly method: string;
  readonly url: URL;
  readonly status: number;
  readonly contentType: string;
  /** Null when it went into a file. */
  readonly body: string | null;
}

/**
 * A shell that runs examples as they stand and keeps what each `curl` asked and got: a program of that name stands
 * before the real one on the PATH. A stream (`-N`) is read for two seconds.
 */
export class RecordingShell {
  readonly #directory: string;
  readonly #calls: string;
  readonly #env: Readonly<Record<string, string>>;

  /** `directory` is where the examples run. */
  constructor(directory: string, env: Readonly<Record<string, string>>) {
    this.#directory = directory;
    const programs = join(directory, 'programs');
    this.#calls = join(directory, 'calls');
    mkdirSync(programs);
    mkdirSync(this.#calls);
    writeProgram(join(programs, 'curl'), recordingCurl);
    // Where there is no jq its input is as good: what is judged is what curl was answered.
    if (!hasProgram('jq')) writeProgram(join(programs, 'jq'), '#!/bin/sh\nexec cat\n');
    this.#env = {
      ...env,
      CALLS: this.#calls,
      REAL_CURL: pathOf('curl'),
      PATH: `${programs}:${process.env.PATH ?? ''}`,
    };
  }

  /** Runs a script and tells what it printed and what it asked. A stream that is cut is no failure. */
  run(script: string): { readonly stdout: string; readonly calls: readonly CurlCall[] } {
    const before = new Set(readdirSync(this.#calls));
    // Where its input is a socket, bash takes it for a remote shell and reads its start files.
    const stdout = execFileSync('bash', ['-c', script], {
      cwd: this.#directory,
      env: this.#env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const names = readdirSync(this.#calls).filter((name) => name.endsWith('.args') && !before.has(name));
    return { stdout, calls: names.sort().map((name) => readCall(join(this.#calls, name.replace(/\.args$/, '')))) };
  }
}

const recordingCurl = `#!/usr/bin/env bash
call=$CALLS/$(date +%s%N)
printf '%s\\0' "$@" >"$call.args"
how=(-sS)
for word in "$@"; do if [ "$word" = -N ]; then how=(-s --max-time 2); fi; done
"$REAL_CURL" "\${how[@]}" --dump-header "$call.head" "$@" | tee "$call.body"
exit 0
`;

function readCall(stem: string): CurlCall {
  const args = readFileSync(`${stem}.args`, 'utf8').split('\0').slice(0, -1);
  const head = readFileSync(`${stem}.head`, 'utf8');
  const printed = readFileSync(`${stem}.body`, 'utf8');
  const hasBody = args.some((word) => /^(-d|--data|--data-binary)$/.test(word));
  return {
    method: args[args.indexOf('-X') + 1 || args.length] ?? (hasBody ? 'POST' : 'GET'),
    url: new URL(args.find((word) => /^http:/.test(word)) ?? ''),
    status: Number(/^HTTP\/[\d.]+ (\d+)/.exec(head)?.[1]),
    contentType: /^content-type: *([^\r\n]*)/im.exec(head)?.[1] ?? '',
    // With -i the head is printed too.
    body: args.some((word) => /^-(o|OJ|O)$/.test(word)) ? null : args.includes('-i') ? afterHead(printed) : printed,
  };
}

function afterHead(printed: string): string {
  return printed.slice(printed.indexOf('\r\n\r\n') + 4);
}

function writeProgram(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

export function hasProgram(name: string): boolean {
  return pathOf(name) !== '';
}

function pathOf(name: string): string {
  try {
    return execFileSync('bash', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}
