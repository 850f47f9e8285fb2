import { textOf } from './open-work.js';

/** `openai.responses` is a way to talk to openai. */
export function vendorOf(provider: unknown): { readonly provider?: string } {
  const vendor = textOf(provider)?.split('.')[0];
  return vendor === undefined ? {} : { provider: vendor };
}
