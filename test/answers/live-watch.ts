import WebSocket from 'ws';

type Message = Readonly<Record<string, unknown>> & { readonly op: string };

interface Watched {
  /** What a subscriber is told first. */
  readonly begin: readonly Message[];
  readonly events: readonly unknown[];
  /** The last that was told of each run. */
  readonly runs: readonly unknown[];
}

/** What subscribers of the live view are told of `act`, which sends `events` events of one run that ends. */
export async function watched(url: string, key: string, act: () => Promise<void>, events: number) {
  const socket = new Subscriber(events);
  const webSocket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/live?agent_id=watched`, [
    'tidemark.v1',
    `tidemark.key.${key}`,
  ]);
  webSocket.on('message', (data: Buffer) => socket.take(JSON.parse(data.toString()) as Message));
  const stream = new Subscriber(events);
  const abort = new AbortController();
  const reading = readStream(`${url}/api/v1/live/events?run_id=watched-run`, key, abort.signal, stream);
  try {
    await Promise.race([Promise.all([socket.begun, stream.begun]), reading]);
    await act();
    await Promise.race([Promise.all([socket.ended, stream.ended]), reading]);
  } finally {
    abort.abort();
    webSocket.terminate();
    await reading.catch(() => undefined);
  }
  return { webSocket: socket.watched(), eventStream: stream.watched() };
}

class Subscriber {
  readonly #events: number;
  readonly #messages: Message[] = [];
  readonly begun: Promise<void>;
  readonly ended: Promise<void>;
  #begin: () => void = () => {};
  #end: () => void = () => {};

  constructor(events: number) {
    this.#events = events;
    this.begun = new Promise((resolve) => {
      this.#begin = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  take(message: Message): void {
    this.#messages.push(message);
    if (message.op === 'snapshot') this.#begin();
    const { events, runs } = this.watched();
    const isEnded = (runs as readonly { readonly status?: string }[]).some(({ status }) => status === 'completed');
    if (events.length >= this.#events && isEnded) this.#end();
  }

  watched(): Watched {
    const of = (op: string) => this.#messages.filter((message) => message.op === op);
    const items = (messages: readonly Message[], list: string) =>
      messages.flatMap((message) => (message[list] as readonly unknown[] | undefined) ?? []);
    const runs = items(of('progress'), 'runs') as readonly { readonly run_id: string }[];
    return {
      begin: [...of('hello'), ...of('snapshot')],
      events: items(of('events'), 'events'),
      runs: [...new Map(runs.map((run) => [run.run_id, run])).values()],
    };
  }
}

async function readStream(url: string, key: string, signal: AbortSignal, subscriber: Subscriber): Promise<void> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${key}` }, signal });
  if (!response.ok || response.body === null) throw new Error(`cannot watch ${url}: ${response.status}`);
  let rest = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + chunk).split('\n\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (data !== undefined) subscriber.take(JSON.parse(data) as Message);
    }
  }
  throw new Error(`${url} ended by itself`);
}
