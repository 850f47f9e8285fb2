import { runProcess } from './cli/process-edge.js';

/** `tidemark serve` by the name that images and service managers know it by. */
await runProcess(['serve', ...process.argv.slice(2)]);
