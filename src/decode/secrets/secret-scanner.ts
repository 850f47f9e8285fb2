import { findAssigned } from './assigned-value.js';
import {
  findAirtableToken,
  findAzureSecret,
  findDiscordToken,
  findMailchimpKey,
  findMailgunKey,
  findScheme,
  findTelegramToken,
  findTwilioKey,
  findWebToken,
} from './formed-tokens.js';
import { findPrivateKey } from './private-key-block.js';
import type { SearchedText } from './searched-text.js';
import { nextTrigger, triggerOf, triggers } from './secret-trigger.js';
import { findToken } from './token-finder.js';
import { findMailAddress, findUrlCredentials } from './url-credentials.js';

/**
 * Finds the next secret of a text whose trigger lies from `start` and before `stop`; the text tells where it is. It may
 * begin up to `lookBackBytesMax` before its trigger, though not before `text.from`.
 *
 * One pass over the bytes, and at each trigger a look at those around it. A look that fails costs a bounded number of
 * bytes; what a look has found is not looked at again. So the work is linear in the text, whatever it holds.
 */
export function findSecret(text: SearchedText, start: number, stop: number): boolean {
  const { bytes, end } = text;
  let at = nextTrigger(bytes, text.from, start, stop, end);
  for (; at < stop; at = nextTrigger(bytes, text.from, at + 1, stop, end)) {
    if (isSecret(text, at)) return true;
  }
  return false;
}

/** No shape begins farther before its trigger. */
export const lookBackBytesMax = 260;

function isSecret(text: SearchedText, at: number): boolean {
  switch (triggerOf[text.bytes[at]!]) {
    case triggers.token:
      return findToken(text, at);
    case triggers.dash:
      return findToken(text, at) || findPrivateKey(text, at) || findMailchimpKey(text, at) || findMailgunKey(text, at);
    case triggers.dot:
      return findToken(text, at) || findDiscordToken(text, at) || findAirtableToken(text, at);
    case triggers.assignment:
      return findAssigned(text, at);
    case triggers.colon:
      return findTelegramToken(text, at) || findAssigned(text, at);
    case triggers.at:
      return findUrlCredentials(text, at) || findMailAddress(text, at);
    case triggers.tilde:
      return findAzureSecret(text, at);
    case triggers.scheme:
      return findToken(text, at) || findScheme(text, at);
    case triggers.twilio:
      return findToken(text, at) || findTwilioKey(text, at);
    default:
      return findToken(text, at) || findWebToken(text, at);
  }
}
