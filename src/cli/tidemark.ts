#!/usr/bin/env node
import { runProcess } from './process-edge.js';

await runProcess(process.argv.slice(2));
