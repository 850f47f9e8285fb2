import { z } from 'zod';
import { invariant } from '../../core/invariant.js';

export type Json = Readonly<Record<string, unknown>>;

/**
 * The schemas of an OpenAPI document, from zod. A schema with an id (`.meta({ id })`) is a component of that name and
 * is referred to wherever it occurs; the others are written out in place.
 */
export class OpenApiComponents {
  readonly #schemas = new Map<string, Json>();
  readonly #references = new Map<z.ZodType, Json>();

  /** All components so far, by name. */
  get schemas(): Json {
    return Object.fromEntries([...this.#schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** A reference to the component of an answer, `name` unless it has an id of its own. */
  answer(name: string, schema: z.ZodType): Json {
    const known = this.#references.get(schema);
    if (known !== undefined) return known;
    const written = this.schema(schema, 'output');
    const reference = '$ref' in written ? written : this.add(name, written);
    this.#references.set(schema, reference);
    return reference;
  }

  /** `io`: as a client sends it (`input`) or as it is answered (`output`). */
  schema(schema: z.ZodType, io: 'input' | 'output'): Json {
    const { $schema, $defs, ...root } = z.toJSONSchema(schema, { io, unrepresentable: 'any', override });
    for (const [name, definition] of Object.entries($defs ?? {})) this.add(name, relocated(definition));
    return relocated(root);
  }

  add(name: string, schema: Json): Json {
    const { id, ...content } = schema;
    const known = this.#schemas.get(name);
    invariant(
      known === undefined || JSON.stringify(known) === JSON.stringify(content),
      `two different schemas have the id ${name}`,
    );
    this.#schemas.set(name, content);
    return { $ref: `#/components/schemas/${name}` };
  }
}

type Override = NonNullable<NonNullable<Parameters<typeof z.toJSONSchema>[1]>['override']>;

/** What zod's checks are made of and people and generators need not see, and the defaults it leaves out. */
const override: Override = ({ zodSchema, jsonSchema }) => {
  const { def } = zodSchema._zod;
  // Parameters arrive as text and are described as what the text stands for.
  if (def.type === 'default') jsonSchema.default = def.defaultValue;
  if (jsonSchema.type !== 'string' || jsonSchema.format !== undefined) delete jsonSchema.pattern;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (def.type === 'record') writeRecord(jsonSchema);
};

/** A map with any keys needs no rule for them; one with all of a few keys is an object with these properties. */
function writeRecord(jsonSchema: Parameters<Override>[0]['jsonSchema']): void {
  const { propertyNames: names, additionalProperties: value, required } = jsonSchema;
  if (typeof names === 'object' && Object.keys(names).join() === 'type') delete jsonSchema.propertyNames;
  if (required === undefined || value === undefined) return;
  delete jsonSchema.propertyNames;
  jsonSchema.properties = Object.fromEntries(required.map((name) => [name, value]));
  jsonSchema.additionalProperties = false;
}

/** References into the components of the document, wherever they are in it. */
function relocated(schema: object): Json {
  const text = JSON.stringify(schema).replaceAll('"$ref":"#/$defs/', '"$ref":"#/components/schemas/');
  return JSON.parse(text) as Json;
}
