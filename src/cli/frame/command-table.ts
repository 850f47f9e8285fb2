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
      {
        name: 'send',
        summary: 'send events from a file or from stdin',
        load: async () => (await import('../commands/send.js')).sendCommand,
      },
    ],
  },
  {
    title: 'look at what ran:',
    entries: [
      {
        name: 'tail',
        summary: 'follow events as they come, with filters',
        load: async () => (await import('../commands/tail.js')).tailCommand,
      },
      {
        name: 'top',
        summary: 'watch the agents: rate, percentiles, success, errors, cost',
        load: async () => (await import('../commands/top.js')).topCommand,
      },
      {
        name: 'agents',
        summary: 'list the agents and how they do',
        load: async () => (await import('../commands/agents.js')).agentsCommand,
      },
      {
        name: 'metrics',
        summary: 'tell the metrics of an agent, with a small chart',
        load: async () => (await import('../commands/metrics.js')).metricsCommand,
      },
      {
        name: 'runs',
        summary: 'list runs',
        load: async () => (await import('../commands/runs.js')).runsCommand,
      },
      {
        name: 'run',
        summary: 'draw the timeline of a run, with attempts and the critical path',
        load: async () => (await import('../commands/run.js')).runCommand,
      },
      {
        name: 'tasks',
        summary: 'list tasks',
        load: async () => (await import('../commands/tasks.js')).tasksCommand,
      },
      {
        name: 'task',
        summary: 'tell a task in full, with its steps',
        load: async () => (await import('../commands/task.js')).taskCommand,
      },
      {
        name: 'failures',
        summary: 'list what failed, and what became of it',
        load: async () => (await import('../commands/failures.js')).failuresCommand,
      },
      {
        name: 'export',
        summary: 'write daily metrics into a file or a pipe',
        load: async () => (await import('../commands/export.js')).exportCommand,
      },
    ],
  },
  {
    title: 'administer it:',
    entries: [
      {
        name: 'keys',
        summary: 'create, list, limit, rotate and revoke API keys',
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
            name: 'limit',
            summary: 'bound what a key may send and ask',
            load: async () => (await import('../commands/keys.js')).keysLimitCommand,
          },
          {
            name: 'rotate',
            summary: 'give a key a new secret',
            load: async () => (await import('../commands/keys.js')).keysRotateCommand,
          },
          {
            name: 'revoke',
            summary: 'take a key back',
            load: async () => (await import('../commands/keys.js')).keysRevokeCommand,
          },
        ],
      },
      {
        name: 'audit',
        summary: 'what administrators did',
        load: async () => (await import('../commands/audit.js')).auditCommand,
      },
      {
        name: 'executions',
        summary: 'count executions, and remove old ones',
        commands: [
          {
            name: 'stats',
            summary: 'count runs, success and cost, of all or of a user',
            load: async () => (await import('../commands/executions.js')).executionsStatsCommand,
          },
          {
            name: 'metrics',
            summary: 'tell the performance of a flow or an agent',
            load: async () => (await import('../commands/executions.js')).executionsMetricsCommand,
          },
          {
            name: 'cleanup',
            summary: 'erase old runs now',
            load: async () => (await import('../commands/executions.js')).executionsCleanupCommand,
          },
          {
            name: 'schedule-cleanup',
            summary: 'tell or set after how many days old ones go by themselves',
            load: async () => (await import('../commands/executions.js')).executionsScheduleCleanupCommand,
          },
        ],
      },
      {
        name: 'aggregate',
        summary: 'recompute a finished day',
        load: async () => (await import('../commands/aggregate.js')).aggregateCommand,
      },
      {
        name: 'migrate',
        summary: 'bring the schema of the store up to date, or take it back',
        load: async () => (await import('../commands/migrate.js')).migrateCommand,
      },
      {
        name: 'spool',
        summary: 'look after the segments that wait for the store, or were set aside',
        commands: [
          {
            name: 'ls',
            summary: 'list the segments on the disk',
            load: async () => (await import('../commands/spool.js')).spoolListCommand,
          },
          {
            name: 'verify',
            summary: 'read all of it and compare the checksums',
            load: async () => (await import('../commands/spool.js')).spoolVerifyCommand,
          },
          {
            name: 'quarantine',
            alias: 'list',
            summary: 'tell what was set aside, and why, or set a segment aside',
            load: async () => (await import('../commands/spool.js')).spoolQuarantineCommand,
          },
          {
            name: 'replay',
            alias: 'restore',
            summary: 'put a segment of the quarantine back into the queue',
            load: async () => (await import('../commands/spool.js')).spoolReplayCommand,
          },
        ],
      },
      {
        name: 'backup',
        summary: 'write everything a collector keeps into a file or a directory, while it runs or not',
        load: async () => (await import('../commands/backup.js')).backupCommand,
      },
      {
        name: 'restore',
        summary: 'put a backup into an empty data directory',
        load: async () => (await import('../commands/backup.js')).restoreCommand,
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
