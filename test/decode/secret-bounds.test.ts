import { expect, test } from 'vitest';
import { maskText } from './mask-text.js';

const letters = 'ghijklmnopqrstuvwxyz'.repeat(6);
const mixed = 'a1b2c3d4e5f6071829'.repeat(8);
/** `words`: its beginning is one of words, too, so that only what looks like chance is a key. */
type Kind = 'letters' | 'hex' | 'capitals' | 'words';

const bodies: Readonly<Record<Kind, string>> = {
  letters,
  hex: mixed,
  capitals: letters.toUpperCase(),
  words: mixed,
};

/** How many characters behind each beginning make a key; `|`: the beginning counts only where a word begins. */
const shortest: readonly (readonly [length: number, kind: Kind, prefixes: string])[] = [
  [24, 'hex', 'tdm_'],
  [4, 'letters', 'tidemark.key.'],
  [20, 'letters', '|sk-proj- |sk-svcacct- |sk-admin- |sk-ant- |sk-or- |sk-lf- |sk-helicone- |ya29. |GOCSPX-'],
  [20, 'letters', '|hvs. |hvb. |hvr. |sb_secret_ |hf_ |api_org_ |gsk_ |r8_ |fw_ |cfk_ |cfut_ |cfat_ |vcp_ |vci_'],
  [20, 'letters', '|vca_ |vcr_ |vck_ |whsec_ lsv2_pt_ lsv2_sk_ dckr_pat_ dckr_oat_ sq0atp- sq0csp- sq0idp-'],
  [20, 'words', '|sk- |sk_ |pplx- |xai- |nvapi- |tvly- |tgp_v1_ |pcsk_ |jina_ |apify_api_ |e2b_ |tskey-'],
  [20, 'words', '|ATATT3 |ATCTT3 |ATBB'],
  [20, 'letters', 'hooks.slack.com/ webhook.office.com/ /api/webhooks/'],
  [16, 'capitals', '|AKIA |ASIA |ABIA |ACCA'],
  [60, 'letters', '|ABSK |fm1a_ |fm1r_ |fm2_ |eyJrIjoi ops_eyJ'],
  [40, 'letters', 'bedrock-api-key- pypi-AgE xkeysib- xsmtpsib- CLOJARS_ |AKCp |secret_ |dt0c01. |PMAK- sntrys_'],
  [30, 'letters', '|AIza |HRKU- |fo1_ |sgp_ |figd_ |figo_ npm_ |rdme_ |pnu_'],
  [32, 'hex', 'dop_v1_ doo_v1_ dor_v1_ rubygems_ shippo_live_ shippo_test_ sntryu_ |dapi |key- |pul-'],
  [32, 'hex', 'access-sandbox- access-development- access-production-'],
  [32, 'letters', '|glsa_ |glc_ |sbp_'],
  [16, 'words', '|LTAI'],
  [16, 'letters', 'ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ |NRAK- |NRII- |NRJS- |NRRA-'],
  [16, 'letters', 'glpat- gldt- glft- glrt- glptt- glimt- gloas- glsoat- glffct- glcbt- glagent-'],
  [8, 'letters', 'xoxb- xoxp- xoxa- xoxo- xoxr- xoxs- xoxe- xoxc- xoxd- xapp-'],
  [40, 'words', '|SG. |dp.'],
  [10, 'letters', '|sk_live_ |sk_test_ |rk_live_ |rk_test_ |pk_live_ |pk_test_'],
  [56, 'words', '|EAAA'],
  [24, 'letters', 'access_token$ shpat_ shpca_ shppa_ shpss_ shptka_ pscale_tkn_ pscale_pw_ pscale_oauth_'],
  [24, 'letters', '|lin_api_ |lin_oauth_'],
  [12, 'letters', 'FLWSECK_TEST- FLWSECK-'],
  [36, 'letters', '|ntn_'],
  [60, 'words', '|sl.'],
  [40, 'capitals', 'AGE-SECRET-KEY-1'],
];
const isMasked = (text: string): boolean => maskText(text) !== text;

test.each(
  shortest.flatMap(([length, kind, prefixes]) => prefixes.split(' ').map((each) => [each, length, kind] as const)),
)('%s and %i characters are a key, one less is none', (marked, length, kind) => {
  const prefix = marked.replace('|', '');
  const key = prefix + bodies[kind].slice(0, length);
  expect([isMasked(key), isMasked(key.slice(0, -1))]).toEqual([true, false]);
  expect(isMasked(`x${key}`), 'within a word').toBe(prefix === marked);
  if (kind === 'words') expect(isMasked(prefix + letters.slice(0, length)), 'a word').toBe(false);
});

const body = (length: number): string => mixed.slice(0, length);
const dotted = (...lengths: readonly number[]): string => lengths.map(body).join('.');
const dashed = (...lengths: readonly number[]): string => lengths.map(body).join('-');

/** Keys that are told by their form: what is one, just, and what is just none. */
const forms: readonly (readonly [issuer: string, keys: readonly string[], others: readonly string[]])[] = [
  ['JSON Web Tokens', ['eyJhbGci.abcdefg'], ['eyJhbGc.abcdefg', 'eyJhbGci.abcdef', 'xeyJhbGci.abcdefg']],
  [
    'Telegram',
    [`12345678:A${body(33)}`, `1234567890:A${body(33)}`],
    [`1234567:A${body(33)}`, `12345678901:A${body(33)}`, `12345678:A${body(32)}`, `12345678:B${body(33)}`],
  ],
  [
    'Discord',
    [`M${dotted(22, 6, 27)}`, `N${dotted(22, 6, 27)}`, `O${dotted(27, 6, 27)}`],
    [
      ...[dotted(21, 6, 27), dotted(28, 6, 27), dotted(22, 6, 26), dotted(22, 5, 27), dotted(22, 7, 27)].map(
        (rest) => `M${rest}`,
      ),
      `L${dotted(22, 6, 27)}`,
      `P${dotted(22, 6, 27)}`,
    ],
  ],
  ['Airtable', [`pat${dotted(14, 32)}`], [`pat${dotted(14, 31)}`, `pat${dotted(13, 32)}`, `xpat${dotted(14, 32)}`]],
  ['Azure', [`abc1Q~${body(30)}`], [`abc1Q~${body(29)}`, `bc1Q~${body(30)}`, `abcdQ~${body(30)}`, `abc1P~${body(30)}`]],
  ['Mailchimp', [`${body(32)}-us1`], [`${body(31)}-us1`, `${body(32)}-ux1`, `${body(32)}-usa`]],
  [
    'Mailgun',
    [dashed(32, 8, 8)],
    [dashed(31, 8, 8), dashed(33, 8, 8), dashed(32, 7, 8), dashed(32, 8, 7), dashed(32, 8, 9)],
  ],
  [
    'Twilio',
    ['SK', 'AC'].map((first) => first + body(32)),
    ['SK', 'AC'].flatMap((first) => [first + body(31), first + body(33)]),
  ],
  ['Twilio, letters exchanged', [], [`AK${body(32)}`, `SC${body(32)}`, `xSK${body(32)}`]],
  ['a scheme', ['Bearer abc12x', `bearer ${letters.slice(0, 20)}`, 'bearer        abc12x', 'bearer aBcdefg'], []],
  [
    'no scheme',
    [],
    ['Bearer abc12', `bearer ${letters.slice(0, 19)}`, 'bearer         abc12x', 'bearer abcdefg', 'bearerabc12x'],
  ],
];

test.each(forms)('%s: a key just long enough is masked, another form is not', (_issuer, keys, others) => {
  expect(keys.filter((text) => !isMasked(text))).toEqual([]);
  expect(others.filter(isMasked)).toEqual([]);
});
