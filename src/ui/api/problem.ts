/** What a request came to that did not come to an answer. */
export class ApiProblem extends Error {
  /** HTTP status; 0 when no answer came at all. */
  readonly status: number;
  /** Of the collector's table of errors, or `unreachable` and `cancelled`, which are of this page. */
  readonly code: string;
  readonly detail: string | null;
  /** Parameters at fault. */
  readonly errors: readonly { readonly path: string; readonly message: string }[];

  constructor(of: {
    readonly status: number;
    readonly code: string;
    readonly title: string;
    readonly detail?: string | null;
    readonly errors?: ApiProblem['errors'];
  }) {
    super(of.title);
    this.status = of.status;
    this.code = of.code;
    this.detail = of.detail ?? null;
    this.errors = of.errors ?? [];
  }

  /** The same question may be answered later, without anybody changing anything. */
  get passes(): boolean {
    return this.status === 0 ? this.code === 'unreachable' : [429, 502, 503, 504].includes(this.status);
  }
}

/** Problem details (RFC 9457), or whatever a proxy on the way has said instead. */
export function problemOf(status: number, body: unknown): ApiProblem {
  if (typeof body !== 'object' || body === null || !('title' in body)) {
    return new ApiProblem({ status, code: 'unknown', title: `The answer was ${status} without an explanation` });
  }
  const { title, code, detail, errors } = body as Readonly<Record<string, unknown>>;
  return new ApiProblem({
    status,
    code: typeof code === 'string' ? code : 'unknown',
    title: sentence(String(title)),
    detail: typeof detail === 'string' ? sentence(detail) : null,
    errors: Array.isArray(errors) ? errors : [],
  });
}

export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new ApiProblem({ status: 0, code: 'unreachable', title: 'The collector cannot be reached', detail });
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
