import { keyLimitMax } from '../../core/key-limits.js';
import { overlapMsDefault, overlapMsMax } from '../../core/ports/key-keeper.js';
import { argument, defineCommand, integer, requiredText, text } from '../frame/command.js';
import { exitCodes } from '../frame/exit-codes.js';
import { jsonOption, localOptions } from '../frame/shared-options.js';

const place = 'It works on the data directory; a running collector follows within a second.';

const bound = (says: string) => integer('N', { says, min: 0, max: keyLimitMax, fallback: undefined });
const limitOptions = {
  eventsPerSecond: bound('events a second, over all its connections; 0: no bound'),
  bytesPerSecond: bound('bytes of events a second; 0: no bound'),
  requestsPerSecond: bound('requests a second, but for those that send events; 0: no bound'),
  eventsPerDay: bound('acknowledged events in a UTC day; 0: no bound'),
};

export const keysCreateCommand = defineCommand({
  about: `The key is printed on stdout, this once: only its digest is kept. ${place}`,
  arguments: {},
  options: {
    tenant: requiredText('NAME', 'whose data it is for'),
    scope: requiredText('SCOPES', 'what it may do: ingest, read, admin, metrics; some joined by +'),
    user: text('ID', 'bind it to the data of this user'),
    ...limitOptions,
    ...jsonOption,
    ...localOptions,
  },
  examples: [
    { command: 'tidemark keys create --tenant acme --scope ingest+read', says: 'for the agents of acme' },
    { command: 'tidemark keys create --tenant acme --scope ingest --events-per-second 500', says: 'held to a rate' },
    { command: 'KEY=$(tidemark keys create --tenant acme --scope read)', says: 'the key alone is on stdout' },
  ],
  async run(context, { options }) {
    const { createKey } = await import('../keys.js');
    await createKey(context, options);
    return exitCodes.done;
  },
});

export const keysListCommand = defineCommand({
  about: `Name, time made, tenant, scopes and user of each; keys themselves are not kept. ${place}`,
  arguments: {},
  options: { ...jsonOption, ...localOptions },
  examples: [{ command: 'tidemark keys list', says: 'which keys there are' }],
  async run(context, { options }) {
    const { listKeys } = await import('../keys.js');
    listKeys(context, options);
    return exitCodes.done;
  },
});

export const keysLimitCommand = defineCommand({
  about:
    'Its limits are those that are given, in place of what it has had; one that is not given is the ' +
    `configuration's (keyLimits). ${place}`,
  arguments: { name: argument('NAME', 'as listed') },
  options: { ...limitOptions, ...jsonOption, ...localOptions },
  examples: [
    { command: 'tidemark keys limit 3f9a0c12 --events-per-second 500 --events-per-day 1000000', says: 'both' },
    { command: 'tidemark keys limit 3f9a0c12', says: 'those of the configuration again' },
  ],
  async run(context, { args, options }) {
    const { limitKey } = await import('../keys.js');
    await limitKey(context, { ...options, name: args.name });
    return exitCodes.done;
  },
});

export const keysRotateCommand = defineCommand({
  about:
    'The new secret is printed on stdout, this once; name, rights and limits stay. The old one is good for the ' +
    'overlap, then it is refused (key_rotated) and what it has open ends. Of secrets from before, none is good for ' +
    'longer. ' +
    `Taking all back at once is revoke. ${place}`,
  arguments: { name: argument('NAME', 'as listed') },
  options: {
    overlapMinutes: integer('N', {
      says: 'how long the old secret stays good, 43,200 at most',
      min: 0,
      max: overlapMsMax / 60_000,
      fallback: overlapMsDefault / 60_000,
    }),
    ...jsonOption,
    ...localOptions,
  },
  examples: [
    { command: 'KEY=$(tidemark keys rotate 3f9a0c12)', says: 'the old secret is good for a day' },
    { command: 'tidemark keys rotate 3f9a0c12 --overlap-minutes 0', says: 'the old one is over at once' },
  ],
  async run(context, { args, options }) {
    const { rotateStoredKey } = await import('../keys.js');
    await rotateStoredKey(context, { ...options, name: args.name });
    return exitCodes.done;
  },
});

export const keysRevokeCommand = defineCommand({
  about: place,
  arguments: { name: argument('NAME', 'as listed') },
  options: { ...jsonOption, ...localOptions },
  examples: [{ command: 'tidemark keys revoke 3f9a0c12', says: 'nobody gets in with it any more' }],
  async run(context, { args, options }) {
    const { revokeKey } = await import('../keys.js');
    await revokeKey(context, { ...options, name: args.name });
    return exitCodes.done;
  },
});
