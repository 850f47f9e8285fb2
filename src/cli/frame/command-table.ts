import type { CommandSection } from './command-entry.js';

/** Every command, in the order in which help tells them. */
export const commandSections: readonly CommandSection[] = [
  {
    title: 'run a collector:',
    entries: [
      {
        name: 'serve',
        summary: 'start a collector (what tidemark without a command does)',
        load: async () => (await import('../commands/serve.js')).serveCommand,
      },
      {
        name: 'demo',
        summary: 'stream a fleet of agents, then compare what was sent with what is answered',
        load: async () => (await import('../commands/demo.js')).demoCommand,
      },
    ],
  },
  {
    title: 'administer it:',
    entries: [
      {
        name: 'keys',
        summary: 'create, list and revoke API keys',
        commands: [
          {
            name: 'create',
            alias: 'add',
            summary: 'make a key and print it',
            load: async () => (await import('../commands/keys.js')).keysCreateCommand,
          },
          {
            name: 'list',
            summary: 'list the keys there are',
            load: async () => (await import('../commands/keys.js')).keysListCommand,
          },
          {
            name: 'revoke',
            summary: 'take a key back',
            load: async () => (await import('../commands/keys.js')).keysRevokeCommand,
          },
        ],
      },
      {
        name: 'migrate',
        summary: 'bring the schema of the store up to date, or take it back',
        load: async () => (await import('../commands/migrate.js')).migrateCommand,
      },
      {
        name: 'spool',
        summary: 'look after segments that were set aside',
        commands: [
          {
            name: 'ls',
            alias: 'list',
            summary: 'list what lies in quarantine',
            load: async () => (await import('../commands/spool.js')).spoolListCommand,
          },
          {
            name: 'replay',
            alias: 'restore',
            summary: 'put a segment back into the queue',
            load: async () => (await import('../commands/spool.js')).spoolReplayCommand,
          },
        ],
      },
      {
        name: 'doctor',
        summary: 'look at an installation, running or not, and say what is wrong and what to do',
        load: async () => (await import('../commands/doctor.js')).doctorCommand,
      },
      {
        name: 'completion',
        summary: 'print the script that completes commands and options in a shell',
        load: async () => (await import('../commands/completion.js')).completionCommand,
      },
    ],
  },
];
