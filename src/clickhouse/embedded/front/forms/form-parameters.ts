import type { RequestSource } from '../request-parameters.js';
import type { FormBody, FormFile } from './form-body.js';

/** Data that came with a request, for the statement to read as a table of that name. */
export interface ExternalData extends FormFile {
  readonly format: string;
  /** What came as `<name>_structure`: names and types of columns; null when there is none. */
  readonly structure: string | null;
  /** What came as `<name>_types`: types alone, of columns `_1`, `_2`, …; null when there is none. */
  readonly types: string | null;
}

/**
 * The parameters of a request with those of its form, as a server joins them: of the form count `query`, which goes
 * behind that of the URL, and `param_…`, which goes behind too; settings are those of the URL. What describes a file
 * may stand in either.
 */
export function joinForm(source: RequestSource, form: FormBody): RequestSource {
  const url = new URLSearchParams();
  const queries: string[] = [];
  for (const [name, value] of source.url) {
    if (name === 'query') queries.push(value);
    else if (!describes(name, form.files)) url.append(name, value);
  }
  for (const [name, value] of form.fields) {
    if (name === 'query') queries.push(value);
    else if (name.startsWith('param_') && !url.has(name)) url.append(name, value);
  }
  url.append('query', queries.join(''));
  return { url, header: source.header };
}

/** Of a form: the URL without what may describe its files, of which it is not known yet which there are. */
export function withoutDescriptions({ url, header }: RequestSource): RequestSource {
  return { url: new URLSearchParams([...url].filter(([name]) => !suffix.test(name))), header };
}

export function externalDataOf({ url }: RequestSource, { fields, files }: FormBody): ExternalData[] {
  const described = new Map([...fields, ...url]);
  return files.map(({ name, path }) => ({
    name,
    path,
    format: described.get(`${name}_format`) ?? 'TabSeparated',
    structure: described.get(`${name}_structure`) ?? null,
    types: described.get(`${name}_types`) ?? null,
  }));
}

const suffix = /_(?:format|structure|types)$/;

/** `date_time_input_format` is a setting, unless there is a file named `date_time_input`. */
function describes(name: string, files: readonly FormFile[]): boolean {
  return suffix.test(name) && files.some((file) => name.replace(suffix, '') === file.name);
}
