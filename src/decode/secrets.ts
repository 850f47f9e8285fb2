/**
 * Secrets in free text: what is masked, and a search on bytes that lets clean text pass cheaply.
 *
 * Masked are bearer tokens, JSON Web Tokens, private key blocks, keys of well-known forms (OpenAI and
 * Stripe `sk-`/`sk_`, GitHub `ghp_`…, GitLab `glpat-`, AWS `AKIA`…, Google `AIza`, Slack `xox?-`,
 * Hugging Face `hf_`), the value of `name=value` or `name: value` with a telling name, passwords in URLs,
 * and e-mail addresses. Better one word too many than one secret on the disk.
 *
 * Every pattern is linear: it begins with a literal or an alternation of literals, and what may fail after
 * a repetition starts only at the beginning of a run.
 */
export const mask = '[redacted]';

const secretName =
  '(?:api[_-]?key|access[_-]?key(?:[_-]?id)?|secret(?:[_-]?key)?|token|passwords?|passwd|passphrase|pwd' +
  '|authorization|credentials?|private[_-]?key)';
/** An = or : with quotes, escaped or not, before it, and the scheme of an Authorization header behind it. */
const assignment = String.raw`["'\\]{0,2}\s{0,8}[:=]\s{0,8}(?:(?:bearer|basic|token)\s{1,8})?`;
/** To the end of the quotes, or of the word. */
const secretValue = String.raw`(?:\\{0,2}"[^"]*"?|\\{0,2}'[^']*'?|[^\s,;&"')}\]]+)`;

const patterns: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?/g, mask],
  [/(:\/\/)[^\s/@:]{0,256}:[^\s/@]{1,256}@/g, `$1${mask}@`],
  [new RegExp(`(${secretName}${assignment})${secretValue}`, 'gi'), `$1${mask}`],
  [/\b(bearer\s{1,8})[A-Za-z0-9._~+/=-]{6,}/gi, `$1${mask}`],
  [/(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?/g, mask],
  [/\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{12,}/g, mask],
  [/\b(?:gh[opsur]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|glpat-[A-Za-z0-9_-]{16,})/g, mask],
  [/\b(?:A[KS]IA[A-Z0-9]{12,}|AIza[A-Za-z0-9_-]{24,}|hf_[A-Za-z0-9]{16,})/g, mask],
  [/\bxox[a-z]-[A-Za-z0-9-]{8,}/g, mask],
];

/** The text with every secret replaced by `[redacted]`; the same string when there is none. */
export function maskSecrets(text: string): string {
  let masked = text;
  for (const [pattern, replacement] of patterns) masked = masked.replace(pattern, replacement);
  return maskAddresses(masked);
}

const localPartMax = 64;
const domainMax = 255;

/** Masks e-mail addresses from their @ outwards: a pattern for them would try every character of a long word. */
function maskAddresses(text: string): string {
  let at = text.indexOf('@');
  if (at < 0) return text;
  let out = '';
  let kept = 0;
  for (; at >= 0; at = text.indexOf('@', at + 1)) {
    let start = at;
    while (start > kept && at - start < localPartMax && isLocalPart(text.charCodeAt(start - 1))) start--;
    let end = at + 1;
    let dots = 0;
    for (; end < text.length && end - at <= domainMax && isDomain(text.charCodeAt(end)); end++) {
      if (text.charCodeAt(end) === 0x2e && isDomain(text.charCodeAt(end + 1))) dots++;
    }
    if (start === at || dots === 0) continue;
    while (text.charCodeAt(end - 1) === 0x2e) end--;
    out += text.slice(kept, start) + mask;
    kept = end;
  }
  return out + text.slice(kept);
}

function isAlphanumeric(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a) || code > 0x7f;
}

/** Letters, digits, and . _ % + - */
function isLocalPart(code: number): boolean {
  return isAlphanumeric(code) || code === 0x2e || code === 0x5f || code === 0x25 || code === 0x2b || code === 0x2d;
}

function isDomain(code: number): boolean {
  return isAlphanumeric(code) || code === 0x2e || code === 0x2d;
}

/**
 * Whether a secret may be in these bytes: false only when `maskSecrets` would change nothing. Looks for a
 * rare character of each form, then at the few bytes around it.
 */
export function mayHoldSecret(bytes: Uint8Array, offset: number, length: number): boolean {
  const end = offset + length;
  for (let at = offset; at < end; at++) {
    const code = hints[bytes[at]!]!;
    if (code !== 0 && confirms(code, bytes, offset, at, end)) return true;
  }
  return false;
}

const hint = { address: 1, value: 2, dash: 3, underscore: 4, webToken: 5, amazon: 6, google: 7, bearer: 8 } as const;

/** Rare characters are looked at, so that clean text costs a table lookup a byte. */
const hints = (() => {
  const table = new Uint8Array(256);
  const set = (characters: string, code: number) => {
    for (const character of characters) table[character.charCodeAt(0)] = code;
  };
  set('@', hint.address);
  set('=:', hint.value);
  set('-', hint.dash);
  set('_', hint.underscore);
  set('J', hint.webToken);
  set('I', hint.amazon);
  set('z', hint.google);
  set('bB', hint.bearer);
  return table;
})();

function confirms(code: number, bytes: Uint8Array, offset: number, at: number, end: number): boolean {
  switch (code) {
    case hint.address:
      return true;
    case hint.value:
      return followsSecretName(bytes, offset, at);
    case hint.dash:
      return ['?k', 'xox?', 'glpat', '----'].some((tail) => endsWith(bytes, offset, at, tail));
    case hint.underscore:
      return ['?k', 'gh?', 'pat', 'hf'].some((tail) => endsWith(bytes, offset, at, tail));
    case hint.webToken:
      return endsWith(bytes, offset, at, 'ey');
    case hint.amazon:
      return endsWith(bytes, offset, at, 'A?');
    case hint.google:
      return endsWith(bytes, offset, at, 'AI');
    default:
      return at + 6 < end && endsWithFolded(bytes, at, at + 6, 'bearer');
  }
}

/** Whether the bytes before `at` are `tail`; a `?` stands for any. */
function endsWith(bytes: Uint8Array, offset: number, at: number, tail: string): boolean {
  const start = at - tail.length;
  if (start < offset) return false;
  for (let index = 0; index < tail.length; index++) {
    const code = tail.charCodeAt(index);
    if (code !== 0x3f && bytes[start + index] !== code) return false;
  }
  return true;
}

function endsWithFolded(bytes: Uint8Array, offset: number, at: number, tail: string): boolean {
  const start = at - tail.length;
  if (start < offset) return false;
  for (let index = 0; index < tail.length; index++) {
    if ((bytes[start + index]! | 0x20) !== tail.charCodeAt(index)) return false;
  }
  return true;
}

/** The last two letters of the names in the pattern above; `id`: access_key_id. */
const nameEndings = ['ey', 'id', 'et', 'en', 'rd', 'ds', 'wd', 'se', 'on', 'al', 'ls'];

/** Whether a name that tells of a secret may stand before the = or : at `at`. */
function followsSecretName(bytes: Uint8Array, offset: number, at: number): boolean {
  let end = at;
  while (end > offset && at - end < 16 && isSeparator(bytes[end - 1]!)) end--;
  for (const ending of nameEndings) {
    if (endsWithFolded(bytes, offset, end, ending)) return true;
  }
  return false;
}

/** White space, quotes and backslashes. */
function isSeparator(byte: number): boolean {
  return byte <= 0x20 || byte === 0x22 || byte === 0x27 || byte === 0x5c;
}
