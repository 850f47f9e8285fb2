import { collectorAddress, collectorOptions } from '../frame/collector-address.js';
import { argumentList, choice, defineCommand } from '../frame/command.js';
import { misused } from '../frame/command-error.js';
import { jsonOption } from '../frame/shared-options.js';
import { eventFormats } from '../send/event-source.js';

export const sendCommand = defineCommand({
  about:
    'From a file, or from stdin: NDJSON, which may be of any length, a JSON array, or MessagePack. The format is ' +
    'told by --format, by the ending of the file, or by the first byte. Each event is kept until the collector says ' +
    'that it is on disk; a lost connection is made again. Rejected events are named by index, from 0, and field. To ' +
    'send a file twice counts its events twice, but for those with an event_id. Exit code 0: all are acknowledged; ' +
    '1: some were rejected.',
  arguments: { file: argumentList('FILE', 'the file, or - for stdin (stdin when not given)') },
  options: {
    format: choice(eventFormats, { says: 'how the events are written', fallback: 'auto' }),
    ...jsonOption,
    ...collectorOptions,
  },
  examples: [
    { command: 'tidemark send events.ndjson', says: 'a file of one JSON object a line' },
    { command: "jq -c '.spans[]' trace.json | tidemark send --format ndjson", says: 'what another program makes' },
  ],
  async run(context, { options, args }) {
    const [file = null, ...more] = args.file;
    if (more.length > 0) throw misused('cannot send several files at once: give one, or - and all of them by cat');
    const address = collectorAddress(context.env, options);
    const { runSend } = await import('../send/send.js');
    return runSend(context, { ...options, ...address, file });
  },
});
