import type { Random } from '../../src/core/clock.js';
import { randomInteger } from '../support/seeded-random.js';

/**
 * Shapes of real secrets. Prefixes, lengths and alphabets are facts from the issuers' pages and from the rule sets of
 * gitleaks, secretlint and detect-secrets. Examples are made of parts and chance, so that no scanner of this repository
 * takes them for real ones: a `|` divides a beginning and is left out.
 */
export interface SecretExample {
  /** As it stands in a text. */
  readonly text: string;
  /** What must not be left of it. */
  readonly secret: string;
}

export interface SecretShape {
  readonly name: string;
  /** Masked, wherever it stands. The others are told as not promised in `docs/privacy.md`. */
  readonly promised: boolean;
  readonly make: (random: Random) => SecretExample;
}

const lower = 'abcdefghijklmnopqrstuvwxyz';
const upper = lower.toUpperCase();
const digits = '0123456789';
const hex = '0123456789abcdef';
const alphanumeric = lower + upper + digits;
const word = `${alphanumeric}_-`;
const base64 = `${alphanumeric}+/`;
const base32 = `${upper}234567`;
const capitals = upper + digits;

export function characters(random: Random, alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet[randomInteger(random, { min: 0, max: alphabet.length - 1 })]).join('');
}

/** Letters and digits for certain, as a key of some length has them. */
function body(random: Random, alphabet: string, length: number): string {
  for (;;) {
    const made = characters(random, alphabet, length);
    if (/[0-9A-Z]/.test(made) && /^[a-zA-Z0-9]/.test(made) && /[a-zA-Z0-9]$/.test(made)) return made;
  }
}

function uuid(random: Random): string {
  return [8, 4, 4, 4, 12].map((length) => characters(random, hex, length)).join('-');
}

function unbroken(beginning: string): string {
  return beginning.replaceAll('|', '');
}

type Make = (random: Random) => string | SecretExample;

function shape(name: string, make: Make, promised = true): SecretShape {
  return {
    name,
    promised,
    make: (random) => {
      const made = make(random);
      return typeof made === 'string' ? { text: made, secret: made } : made;
    },
  };
}

type Row = readonly [name: string, beginning: string, alphabet: string, length: number];

const prefixed: readonly Row[] = [
  ['our own key', 'td|m_', hex, 48],
  ['AWS access key id', 'AK|IA', base32, 16],
  ['AWS temporary key id', 'AS|IA', base32, 16],
  ['AWS Bedrock key', 'AB|SK', base64, 116],
  ['GitHub personal token', 'gh|p_', alphanumeric, 36],
  ['GitHub OAuth token', 'gh|o_', alphanumeric, 36],
  ['GitHub user token', 'gh|u_', alphanumeric, 36],
  ['GitHub server token', 'gh|s_', alphanumeric, 36],
  ['GitHub refresh token', 'gh|r_', alphanumeric, 36],
  ['GitLab personal token', 'gl|pat-', word, 20],
  ['GitLab deploy token', 'gl|dt-', word, 20],
  ['GitLab feed token', 'gl|ft-', word, 20],
  ['GitLab runner token', 'gl|rt-', word, 20],
  ['GitLab trigger token', 'gl|ptt-', hex, 40],
  ['GitLab OAuth secret', 'gl|oas-', word, 64],
  ['Slack app token', 'xa|pp-1-A', capitals, 40],
  ['Stripe secret key', 'sk|_live_', alphanumeric, 24],
  ['Stripe test key', 'sk|_test_', alphanumeric, 24],
  ['Stripe restricted key', 'rk|_live_', alphanumeric, 24],
  ['Stripe webhook secret', 'wh|sec_', alphanumeric, 32],
  ['OpenAI key', 'sk|-', alphanumeric, 48],
  ['OpenAI project key', 'sk|-proj-', word, 124],
  ['OpenAI service key', 'sk|-svcacct-', word, 124],
  ['Anthropic key', 'sk|-ant-api03-', word, 95],
  ['OpenRouter key', 'sk|-or-v1-', hex, 64],
  ['DeepSeek key', 'sk|-', hex, 32],
  ['ElevenLabs key', 'sk|_', hex, 48],
  ['Groq key', 'gs|k_', alphanumeric, 52],
  ['Perplexity key', 'pp|lx-', alphanumeric, 48],
  ['xAI key', 'xa|i-', alphanumeric, 80],
  ['Replicate token', 'r8|_', alphanumeric, 37],
  ['Hugging Face token', 'hf|_', lower + upper, 34],
  ['NVIDIA key', 'nv|api-', word, 64],
  ['Tavily key', 'tv|ly-', alphanumeric, 32],
  ['Pinecone key', 'pc|sk_', alphanumeric, 70],
  ['LangSmith key', 'ls|v2_pt_', hex, 32],
  ['Google API key', 'AI|za', word, 35],
  ['Google OAuth token', 'ya|29.', word, 120],
  ['Google client secret', 'GO|CSPX-', word, 28],
  ['npm token', 'np|m_', alphanumeric, 36],
  ['PyPI token', 'py|pi-AgEIcHlwaS5vcmc', word, 150],
  ['RubyGems key', 'ru|bygems_', hex, 48],
  ['Docker token', 'dc|kr_pat_', word, 27],
  ['DigitalOcean token', 'do|p_v1_', hex, 64],
  ['DigitalOcean OAuth token', 'do|o_v1_', hex, 64],
  ['Cloudflare token', 'cf|ut_', alphanumeric, 48],
  ['Vercel token', 'vc|p_', alphanumeric, 48],
  ['Twilio key', 'S|K', hex, 32],
  ['Twilio account', 'A|C', hex, 32],
  ['Mailgun key', 'ke|y-', hex, 32],
  ['Brevo key', 'xk|eysib-', hex, 64],
  ['Databricks token', 'da|pi', hex, 32],
  ['New Relic user key', 'NR|AK-', capitals, 27],
  ['Grafana cloud token', 'gl|c_', alphanumeric, 120],
  ['Vault service token', 'hv|s.', word, 95],
  ['Vault batch token', 'hv|b.', word, 150],
  ['Shopify access token', 'sh|pat_', hex, 32],
  ['Shopify shared secret', 'sh|pss_', hex, 32],
  ['Shopify app token', 'sh|pca_', hex, 32],
  ['Doppler token', 'dp|.pt.', alphanumeric, 43],
  ['Linear key', 'li|n_api_', alphanumeric, 40],
  ['Notion token', 'nt|n_', alphanumeric, 46],
  ['Notion secret', 'se|cret_', alphanumeric, 43],
  ['Figma token', 'fi|gd_', word, 40],
  ['Supabase access token', 'sb|p_', hex, 40],
  ['Supabase secret key', 'sb|_secret_', word, 31],
  ['PlanetScale token', 'ps|cale_tkn_', word, 43],
  ['PlanetScale password', 'ps|cale_pw_', word, 43],
  ['Pulumi token', 'pu|l-', hex, 40],
  ['Sentry user token', 'sn|tryu_', hex, 64],
  ['Square token', 'sq|0atp-', word, 22],
  ['Square OAuth secret', 'sq|0csp-', word, 43],
  ['Square access token', 'EA|AA', word, 60],
  ['Atlassian token', 'AT|ATT3', `${word}=`, 186],
  ['Bitbucket app password', 'AT|BB', alphanumeric, 32],
  ['Dropbox token', 'sl|.', word, 135],
  ['Facebook token', 'EA|AC', alphanumeric, 160],
  ['Tailscale key', 'ts|key-auth-', alphanumeric, 32],
  ['Dynatrace token', 'dt|0c01.', capitals, 64],
  ['Heroku key', 'HR|KU-AA', word, 58],
  ['Fly token', 'fo|1_', word, 43],
  ['Shippo token', 'sh|ippo_live_', hex, 40],
  ['Alibaba key id', 'LT|AI', alphanumeric, 20],
  ['Artifactory key', 'AK|Cp', alphanumeric, 69],
  ['1Password token', 'op|s_eyJ', base64, 250],
  ['age secret key', 'AG|E-SECRET-KEY-1', 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L', 58],
];

/** Shapes that are more than a beginning and a body. */
const formed: readonly SecretShape[] = [
  shape('our own key as a subprotocol', (random) => `tide${'mark'}.key.${body(random, word, 24)}`),
  shape('GitHub fine-grained token', (random) => {
    return `${unbroken('github|_pat_')}${characters(random, alphanumeric, 22)}_${body(random, alphanumeric, 59)}`;
  }),
  shape('Slack bot token', (random) => {
    const number = () => characters(random, digits, 12);
    return `${unbroken('xo|xb-')}${number()}-${number()}-${body(random, alphanumeric, 24)}`;
  }),
  shape('Slack user token', (random) => {
    const number = () => characters(random, digits, 12);
    return `${unbroken('xo|xp-')}${number()}-${number()}-${number()}-${body(random, hex, 32)}`;
  }),
  shape('Slack webhook', (random) => {
    const id = () => characters(random, capitals, 8);
    const secret = `T${id()}/B${id()}/${body(random, alphanumeric, 24)}`;
    return { text: `https://hooks.${'slack'}.com/services/${secret}`, secret };
  }),
  shape('Discord webhook', (random) => {
    const secret = body(random, word, 68);
    return { text: `https://discord.com/api/${'webhooks'}/${characters(random, digits, 18)}/${secret}`, secret };
  }),
  shape('Discord bot token', (random) => {
    return `M${body(random, alphanumeric, 23)}.${characters(random, word, 6)}.${body(random, alphanumeric, 38)}`;
  }),
  shape('Telegram bot token', (random) => {
    return `${characters(random, '123456789', 10)}:A${'A'}${body(random, word, 33)}`;
  }),
  shape('SendGrid key', (random) => {
    return `${unbroken('S|G.')}${body(random, alphanumeric, 22)}.${body(random, alphanumeric, 43)}`;
  }),
  shape('Mailchimp key', (random) => `${characters(random, hex, 32)}-us${randomInteger(random, { min: 1, max: 21 })}`),
  shape('Mailgun signing key', (random) => {
    return [32, 8, 8].map((length) => characters(random, hex, length)).join('-');
  }),
  shape('Airtable token', (random) => `pat${body(random, alphanumeric, 14)}.${characters(random, hex, 64)}`),
  shape('Azure client secret', (random) => {
    return `${characters(random, alphanumeric, 3)}8${'Q'}~${body(random, alphanumeric, 34)}`;
  }),
  shape('Terraform token', (random) => {
    return `${characters(random, alphanumeric, 14)}.atlas${'v1'}.${body(random, alphanumeric, 67)}`;
  }),
  shape('Grafana service token', (random) => {
    return `${unbroken('gl|sa_')}${body(random, alphanumeric, 32)}_${characters(random, hex, 8)}`;
  }),
  shape('Sentry organisation token', (random) => {
    return `${unbroken('sn|trys_')}eyJ${body(random, alphanumeric, 80)}_${body(random, base64, 43)}`;
  }),
  shape('Postman key', (random) => {
    return `${unbroken('PM|AK-')}${characters(random, hex, 24)}-${characters(random, hex, 34)}`;
  }),
  shape('Plaid access token', (random) => `access-${'sandbox'}-${uuid(random)}`),
  shape('Braintree access token', (random) => {
    return `access_token${'$'}production${'$'}${body(random, lower + digits, 16)}${'$'}${characters(random, hex, 32)}`;
  }),
  shape('JSON Web Token', (random) => {
    const part = (length: number) => body(random, word, length);
    return `e${'yJ'}${part(33)}.e${'yJ'}${part(60)}.${part(43)}`;
  }),
  shape('JSON Web Token without signature', (random) => `e${'yJ'}${body(random, word, 24)}.${body(random, word, 60)}`),
];

export const tokenShapes: readonly SecretShape[] = [
  ...prefixed.map(([name, beginning, alphabet, length]) =>
    shape(name, (random) => `${unbroken(beginning)}${body(random, alphabet, length)}`),
  ),
  ...formed,
];

export { alphanumeric, base64, body, digits, hex, shape, upper, uuid, word };
