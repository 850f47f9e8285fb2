import { release } from 'node:os';
import { engineLoadProblem } from '../../clickhouse/embedded/engine-load.js';
import type { Config } from '../../config/config.js';
import { errorMessage } from '../../core/errors.js';
import { readOpenFiles } from '../../core/open-files.js';
import { loadSocketLibrary } from '../../http/sockets/socket-library.js';
import { type Finding, fault, ok, warn } from './finding.js';
import type { RunningCollector } from './running-collector.js';

/** Of `engines` in package.json. */
const nodeMin = [20, 15] as const;

/** The Node that runs this, which is the one a start from here would have. */
export function checkNode(): Finding[] {
  const { versions, platform, arch } = process;
  const [major = 0, minor = 0] = versions.node.split('.').map(Number);
  const here = `Node ${versions.node} on ${platform} ${arch} (${release()})`;
  if (major > nodeMin[0] || (major === nodeMin[0] && minor >= nodeMin[1])) return [ok('node', here), ...openFiles()];
  return [fault('node', `${here} is too old`, `install Node ${nodeMin.join('.')} or newer`)];
}

/** The embedded engine has as many open when it merges large parts. */
const openFilesMin = 4_096;

/** Of this process, which is what a start from here would have. */
function openFiles(): Finding[] {
  const open = readOpenFiles();
  if (open === null) return [];
  const found = `a process may open ${open.limit} files`;
  const advice = `allow ${openFilesMin}: ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of a container`;
  return [
    open.limit < openFilesMin
      ? warn('node', `${found}: merges and connections run short of them`, advice)
      : ok('node', found),
  ];
}

/** The socket server that a start from here would have; null: of no configuration, so the best there is. */
export async function checkSockets(config: Config | null): Promise<Finding[]> {
  const choice = config?.http.server ?? 'auto';
  try {
    const { name, says } = await loadSocketLibrary(choice);
    if (name === 'uWebSockets.js' || choice === 'node') return [ok('sockets', says)];
    const advice = 'do as it says, or leave it: it costs processor time, and nothing else differs';
    return [warn('sockets', says, advice)];
  } catch (error) {
    return [fault('sockets', errorMessage(error), 'set TIDEMARK_HTTP_SERVER=auto, which takes ws where it has to')];
  }
}

/** Whether the embedded engine's library loads here. Not asked while one runs: it takes a second, and that one did. */
export async function checkEngineLoads(config: Config, collector: RunningCollector): Promise<Finding[]> {
  if (config.clickhouse.url !== null || collector.status === 'answers') return [];
  const problem = await engineLoadProblem();
  if (problem === null) return [ok('engine', 'the library of the embedded engine loads')];
  return [
    problem.isCertain ? fault('engine', problem.what, problem.advice) : warn('engine', problem.what, problem.advice),
  ];
}
