import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { packageFile } from '../../src/core/package-root.js';
import { hasProgram } from './doc-examples.js';

const run = promisify(execFile);

/** The base of the image is made of Debian's packages, npm's Node and npm: there is no registry of images here. */
const baseNames = { image: 'docker.io/library/node:24-trixie-slim', node: '24.21.0', npm: '11.6.2' } as const;

/** Null where images can be built and run, else what is missing. */
export function missingForContainers(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'root on Linux';
  return ['mmdebstrap', 'buildah', 'podman', 'crun'].find((name) => !hasProgram(name)) ?? null;
}

/** Builds by buildah and runs by podman, with a store of images of its own below `directory`. */
export class ContainerEngine {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The image that the `Dockerfile` names as its base, from packages. */
  async makeBase(): Promise<void> {
    const root = join(this.#directory, 'base');
    mkdirSync(root);
    const debian = ['--variant=minbase', '--include=ca-certificates', '--format=tar', 'trixie'];
    const archive = join(this.#directory, 'base.tar');
    const packed = this.#pack(`node-${process.platform}-${process.arch}@${baseNames.node}`, `npm@${baseNames.npm}`);
    await Promise.all([run('mmdebstrap', [...debian, archive]), packed]);
    await run('tar', ['xf', archive, '-C', root]);
    const [node = '', npm = ''] = await packed;
    const modules = join(root, 'usr/local/lib/node_modules/npm');
    mkdirSync(modules, { recursive: true });
    await run('tar', ['xzf', node, '-C', join(root, 'usr/local'), '--strip-components=1', 'package/bin']);
    await run('tar', ['xzf', npm, '-C', modules, '--strip-components=1']);
    await run('ln', ['-s', '../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm')]);
    await run('chmod', ['755', join(modules, 'bin/npm-cli.js')]);
    await run('chroot', [root, 'useradd', '--create-home', '--uid', '1000', 'node']);
    // How this machine's own npm trusts and finds the registry.
    const authorities = 'etc/ssl/certs/ca-certificates.crt';
    if (existsSync(`/${authorities}`)) copyFileSync(`/${authorities}`, join(root, authorities));
    mkdirSync(join(root, 'usr/local/etc'), { recursive: true });
    const settings = `cafile=/${authorities}\nregistry=${npmConfig('registry')}\ncache=/npm-cache\n`;
    writeFileSync(join(root, 'usr/local/etc/npmrc'), settings);

    const container = (await this.#buildah(['from', 'scratch'])).trim();
    await this.#buildah(['add', container, root, '/']);
    await this.#buildah(['commit', '--quiet', '--rm', container, baseNames.image]);
  }

  /** Of the repository's `Dockerfile`. npm takes what it has from this machine's cache, against the hashes as ever. */
  async build(tag: string): Promise<string> {
    const cache = `${npmConfig('cache')}:/npm-cache:rw`;
    const how = ['--isolation', 'chroot', '--network', 'host', '--pull=never', '--layers=false', '--format', 'docker'];
    return this.#buildah(['build', ...how, '--volume', cache, '--tag', tag, fileURLToPath(packageFile(''))]);
  }

  /** What podman says; `args` are its own. */
  async podman(args: readonly string[]): Promise<string> {
    // crun wants one version of control groups; those of this machine may be of two, of which the second is hidden.
    const own = `umount /sys/fs/cgroup/unified 2>/dev/null; exec podman --cgroup-manager cgroupfs "$@"`;
    const { stdout, stderr } = await run('unshare', ['--mount', 'sh', '-c', own, 'sh', ...this.#store, ...args]);
    return stdout + (args[0] === 'logs' ? stderr : '');
  }

  async remove(): Promise<void> {
    await run('sh', ['-c', 'umount "$1"/store/overlay 2>/dev/null; rm -rf "$1"', 'sh', this.#directory]);
  }

  get #store(): readonly string[] {
    return ['--root', join(this.#directory, 'store'), '--runroot', join(this.#directory, 'run')];
  }

  async #buildah(args: readonly string[]): Promise<string> {
    const { stdout } = await run('buildah', [...this.#store, ...args], { maxBuffer: 1 << 26 });
    return stdout;
  }

  /** The tarballs of packages of npm. */
  async #pack(...names: readonly string[]): Promise<readonly string[]> {
    return Promise.all(
      names.map(async (name) => {
        const directory = join(this.#directory, name.slice(0, name.indexOf('@')));
        mkdirSync(directory);
        await run('npm', ['pack', name, '--pack-destination', directory]);
        return join(directory, readdirSync(directory)[0]!);
      }),
    );
  }
}

function npmConfig(name: string): string {
  return execFileSync('npm', ['config', 'get', name], { encoding: 'utf8' }).trim();
}
