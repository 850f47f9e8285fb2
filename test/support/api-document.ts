import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

type Method = 'get' | 'post' | 'delete';

export interface DocumentParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: {
    readonly type?: string;
    readonly format?: string;
    readonly anyOf?: readonly { readonly format?: string }[];
    readonly enum?: readonly string[];
    readonly minimum?: number;
    readonly maximum?: number;
    readonly maxItems?: number;
    readonly items?: { readonly enum?: readonly string[] };
  };
}

interface DocumentResponse {
  readonly $ref?: string;
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

interface DocumentOperation {
  readonly operationId: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly DocumentParameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly example?: unknown }>> };
  readonly responses: Readonly<Record<string, DocumentResponse>>;
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Partial<Record<Method, DocumentOperation>>>>>;
  readonly components: { readonly responses: Readonly<Record<string, DocumentResponse>> };
  readonly 'x-websockets': readonly { readonly path: string }[];
}

/** An operation with its place. */
export interface ApiCallable extends DocumentOperation {
  readonly path: string;
  readonly method: Method;
  /** `GET /api/v1/agents`. */
  readonly name: string;
}

/** What was answered: the body parsed when it is JSON, null when it is not. */
export interface GivenAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: unknown;
}

/** Judges answers by the document alone, with a JSON Schema validator that knows nothing of the program. */
export class ApiDocument {
  readonly operations: readonly ApiCallable[];
  readonly #document: OpenApi;
  readonly #validators = new Map<string, ValidateFunction>();
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });

  constructor(document: OpenApi) {
    this.#document = document;
    formats.default(this.#ajv);
    this.#ajv.addSchema(document, 'document');
    this.operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      (Object.entries(methods) as [Method, DocumentOperation][]).map(([method, operation]) => ({
        ...operation,
        path,
        method,
        name: `${method.toUpperCase()} ${path}`,
      })),
    );
  }

  /** The statuses that mean success. */
  successes({ responses }: ApiCallable): number[] {
    return Object.keys(responses)
      .map(Number)
      .filter((status) => status < 300);
  }

  /** What is wrong with an answer, one sentence each; nothing when it is as described. */
  faults(operation: ApiCallable, answer: GivenAnswer): string[] {
    const pointer = this.#responsePointer(operation, answer.status);
    if (pointer === null) return [`status ${answer.status} is not described: ${JSON.stringify(answer.body)}`];
    const response = this.#at(pointer) as DocumentResponse;
    const type = answer.contentType.split(';')[0] ?? '';
    if (response.content?.[type] === undefined) return [`content type ${type} of ${answer.status} is not described`];
    if (!/[/+]json$/.test(type)) return [];
    const validate = this.#validator([...pointer, 'content', type, 'schema']);
    if (validate(answer.body)) return [];
    return (validate.errors ?? []).map(({ instancePath, message, params }) =>
      [`${answer.status}: ${instancePath || 'the body'} ${message}`, JSON.stringify(params)].join(' '),
    );
  }

  #responsePointer({ path, method, responses }: ApiCallable, status: number): string[] | null {
    const response = responses[String(status)];
    if (response === undefined) return null;
    if (response.$ref !== undefined) return response.$ref.replace('#/', '').split('/');
    return ['paths', path, method, 'responses', String(status)];
  }

  #at(pointer: readonly string[]): unknown {
    return pointer.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], this.#document);
  }

  #validator(pointer: readonly string[]): ValidateFunction {
    const keys = pointer.map((key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1')));
    const reference = `document#/${keys.join('/')}`;
    const known = this.#validators.get(reference) ?? this.#ajv.compile({ $ref: reference });
    this.#validators.set(reference, known);
    return known;
  }
}
