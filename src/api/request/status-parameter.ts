import { z } from 'zod';

/** How else people say that work completed. */
const synonyms: Readonly<Record<string, string>> = { success: 'completed' };

/** One of a few statuses in any case, `COMPLETED` as well as `completed`; `success` is what completed. */
export function statusParameter<const Words extends readonly [string, ...string[]]>(words: Words) {
  const lowerCase = [...words, ...Object.keys(synonyms)];
  return z
    .string()
    .transform((text, context): Words[number] => {
      const word = text.toLowerCase();
      const status = words.find((known) => known === (synonyms[word] ?? word));
      if (status !== undefined) return status;
      context.addIssue(`expected one of ${lowerCase.join(', ')}, in any case`);
      return z.NEVER;
    })
    .meta({ type: 'string', enum: [...lowerCase, ...lowerCase.map((word) => word.toUpperCase())] });
}
