/** Programs that send a first run, as they are shown and copied. */
export interface FirstEvents {
  readonly name: 'curl' | 'JavaScript' | 'Python';
  /** How it is run. */
  readonly how: string;
  /** `key` may be what stands for the key. */
  readonly text: (key: string) => string;
}

interface Sending {
  /** Origin of the collector. */
  readonly address: string;
  /** Tells the runs of this page from others, and from those of the next visit: what is sent twice counts once. */
  readonly visit: string;
}

/** The run that a program sends. */
function runIdOf(visit: string, name: FirstEvents['name']): string {
  return `try-${visit}-${name.toLowerCase()}`;
}

export function firstEvents({ address, visit }: Sending): readonly FirstEvents[] {
  const url = `${address}/v1/events`;
  const run = (name: FirstEvents['name']) => ({ agent_id: 'my-agent', run_id: runIdOf(visit, name) });
  const task = { task_id: 'task-1', duration_ms: 1_234, tokens_in: 900, tokens_out: 120 };
  return [
    {
      name: 'curl',
      how: 'In a terminal.',
      text: (key) => {
        const { agent_id, run_id } = run('curl');
        const events = [
          { type: 'run.started', agent_id, run_id, name: 'hello from curl' },
          { type: 'task.completed', agent_id, run_id, ...task },
          { type: 'run.completed', agent_id, run_id },
        ];
        const body = events.map((event) => `  ${JSON.stringify(event)}`).join(',\n');
        return [
          `curl ${quoted(url)} \\`,
          `  -H ${quoted(`Authorization: Bearer ${key}`)} \\`,
          `  -H 'Content-Type: application/json' \\`,
          `  -d '[\n${body}\n]'`,
        ].join('\n');
      },
    },
    {
      name: 'JavaScript',
      how: 'Save it as first.mjs and run node first.mjs; no package is needed.',
      text: (key) => `const run = ${inJavaScript(run('JavaScript'))};
const events = [
  { ...run, type: 'run.started', name: 'hello from JavaScript' },
  { ...run, type: 'task.completed', ${inside(task)} },
  { ...run, type: 'run.completed' },
];
const answer = await fetch(${JSON.stringify(url)}, {
  method: 'POST',
  headers: { authorization: ${JSON.stringify(`Bearer ${key}`)}, 'content-type': 'application/json' },
  body: JSON.stringify(events),
});
console.log(answer.status, await answer.text());`,
    },
    {
      name: 'Python',
      how: 'Save it as first.py and run python3 first.py; no package is needed.',
      text: (key) => `import json, urllib.request

run = {${inPython(run('Python'))}}
events = [
    {**run, "type": "run.started", "name": "hello from Python"},
    {**run, "type": "task.completed", ${inPython(task)}},
    {**run, "type": "run.completed"},
]
request = urllib.request.Request(
    ${JSON.stringify(url)},
    data=json.dumps(events).encode(),
    headers={"Authorization": ${JSON.stringify(`Bearer ${key}`)}, "Content-Type": "application/json"},
)
with urllib.request.urlopen(request) as answer:
    print(answer.status, answer.read().decode())`,
    },
  ];
}

/** A word of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function inJavaScript(of: Readonly<Record<string, unknown>>): string {
  return `{ ${inside(of)} }`;
}

function inside(of: Readonly<Record<string, unknown>>): string {
  return Object.entries(of)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? `'${value}'` : value}`)
    .join(', ');
}

function inPython(of: Readonly<Record<string, unknown>>): string {
  return Object.entries(of)
    .map(([name, value]) => `"${name}": ${JSON.stringify(value)}`)
    .join(', ');
}
