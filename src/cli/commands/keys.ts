import { argument, defineCommand, requiredText, text } from '../frame/command.js';
import { exitCodes } from '../frame/exit-codes.js';
import { jsonOption, localOptions } from '../frame/shared-options.js';

const place = 'It works on the data directory; a running collector follows within a second.';

export const keysCreateCommand = defineCommand({
  about: `The key is printed on stdout, this once: only its digest is kept. ${place}`,
  arguments: {},
  options: {
    tenant: requiredText('NAME', 'whose data it is for'),
    scope: requiredText('SCOPES', 'what it may do: ingest, read, admin, metrics; some joined by +'),
    user: text('ID', 'bind it to the data of this user'),
    ...jsonOption,
    ...localOptions,
  },
  examples: [
    { command: 'tidemark keys create --tenant acme --scope ingest+read', says: 'for the agents of acme' },
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
