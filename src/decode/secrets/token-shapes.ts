import { classes } from './byte-classes.js';

/**
 * Keys that are told by how they begin. Prefixes, alphabets and lengths are those the issuers document and the rule
 * sets of gitleaks, secretlint and detect-secrets agree on; `lengthMin` is well below the real length, so that a key
 * that was cut is masked too.
 */
export interface TokenShape {
  readonly prefix: string;
  readonly alphabet: number;
  /** Characters of the alphabet behind the prefix. */
  readonly lengthMin: number;
  /** The prefix also ends words: a key begins only where a word does. */
  readonly startsWord?: true;
  /** The alphabet also makes words: a key has a run of letters and digits that no word is. */
  readonly random?: true;
  /** The prefix tells where the secret goes, and stays. */
  readonly keepsPrefix?: true;
  /** Letters and digits before the prefix that belong to the key. */
  readonly lengthBefore?: number;
}

type Flags = Omit<TokenShape, 'prefix' | 'alphabet' | 'lengthMin'>;

function shapes(prefixes: string, alphabet: number, lengthMin: number, flags: Flags = {}): TokenShape[] {
  return prefixes.split(' ').map((prefix) => ({ prefix, alphabet, lengthMin, ...flags }));
}

/** Of prefixes that words have too, in an alphabet that words are written in. */
const wordLike: Flags = { startsWord: true, random: true };

const { alphanumeric, base64, base64Any, capitals, dollared, dotted, hex, hexDashed, path, token, word } = classes;

/** Of shapes with one beginning the narrower comes first. */
export const tokenShapes: readonly TokenShape[] = [
  // Our own: generated keys, and any key as it is sent as a subprotocol.
  ...shapes('tdm_', hex, 24),
  ...shapes('tidemark.key.', token, 4),
  // Models and what agents are built with.
  ...shapes('sk-proj- sk-svcacct- sk-admin- sk-ant- sk-or- sk-lf- sk-helicone-', word, 20, { startsWord: true }),
  ...shapes('sk- sk_', word, 20, wordLike),
  ...shapes('hf_ api_org_ gsk_ r8_ fw_', alphanumeric, 20, { startsWord: true }),
  ...shapes('pplx- xai- nvapi- tvly- tgp_v1_ pcsk_ jina_ apify_api_ e2b_ tskey-', word, 20, wordLike),
  ...shapes('lsv2_pt_ lsv2_sk_', word, 20),
  // Clouds.
  ...shapes('AKIA ASIA ABIA ACCA', capitals, 16, { startsWord: true }),
  ...shapes('ABSK', base64, 60, { startsWord: true }),
  ...shapes('bedrock-api-key-', base64, 40),
  ...shapes('AIza', word, 30, { startsWord: true }),
  ...shapes('ya29. GOCSPX-', word, 20, { startsWord: true }),
  ...shapes('dop_v1_ doo_v1_ dor_v1_', hex, 32),
  ...shapes('LTAI', alphanumeric, 16, wordLike),
  ...shapes('cfk_ cfut_ cfat_ vcp_ vci_ vca_ vcr_ vck_', alphanumeric, 20, { startsWord: true }),
  ...shapes('HRKU- fo1_', word, 30, { startsWord: true }),
  ...shapes('fm1a_ fm1r_ fm2_', base64, 60, { startsWord: true }),
  ...shapes('dapi', hex, 32, { startsWord: true }),
  // Code and packages.
  ...shapes('ghp_ gho_ ghu_ ghs_ ghr_', alphanumeric, 16),
  ...shapes('github_pat_', word, 16),
  ...shapes('glpat- gldt- glft- glrt- glptt- glimt- gloas- glsoat- glffct- glcbt- glagent-', dotted, 16),
  ...shapes('ATATT3 ATCTT3 ATBB', base64Any, 20, wordLike),
  ...shapes('npm_', alphanumeric, 30),
  ...shapes('pypi-AgE', word, 40),
  ...shapes('rubygems_', hex, 32),
  ...shapes('dckr_pat_ dckr_oat_', word, 20),
  ...shapes('CLOJARS_', alphanumeric, 40),
  ...shapes('AKCp', alphanumeric, 40, { startsWord: true }),
  ...shapes('sgp_', word, 30, { startsWord: true }),
  // Messages, mail and payments.
  ...shapes('xoxb- xoxp- xoxa- xoxo- xoxr- xoxs- xoxe- xoxc- xoxd- xapp-', word, 8),
  ...shapes('hooks.slack.com/ webhook.office.com/ /api/webhooks/', path, 20, { keepsPrefix: true }),
  ...shapes('SG.', dotted, 40, wordLike),
  ...shapes('key-', hex, 32, { startsWord: true }),
  ...shapes('xkeysib- xsmtpsib-', word, 40),
  ...shapes('sk_live_ sk_test_ rk_live_ rk_test_ pk_live_ pk_test_', alphanumeric, 10, { startsWord: true }),
  ...shapes('whsec_', base64Any, 20, { startsWord: true }),
  ...shapes('sq0atp- sq0csp- sq0idp-', word, 20),
  ...shapes('EAAA', word, 56, wordLike),
  ...shapes('access_token$', dollared, 24),
  ...shapes('access-sandbox- access-development- access-production-', hexDashed, 32),
  ...shapes('shpat_ shpca_ shppa_ shpss_ shptka_', alphanumeric, 24),
  ...shapes('shippo_live_ shippo_test_', hex, 32),
  ...shapes('FLWSECK_TEST- FLWSECK-', word, 12),
  // Data, operations and offices.
  ...shapes('NRAK- NRII- NRJS- NRRA-', word, 16, { startsWord: true }),
  ...shapes('glsa_', word, 32, { startsWord: true }),
  ...shapes('glc_', base64, 32, { startsWord: true }),
  ...shapes('eyJrIjoi', base64, 60, { startsWord: true }),
  ...shapes('hvs. hvb. hvr.', word, 20, { startsWord: true }),
  ...shapes('.atlasv1.', base64Any, 40, { lengthBefore: 14 }),
  ...shapes('dp.', dotted, 40, wordLike),
  ...shapes('dt0c01.', dotted, 40, { startsWord: true }),
  ...shapes('pul-', hex, 32, { startsWord: true }),
  ...shapes('sntrys_', base64Any, 40),
  ...shapes('sntryu_', hex, 32),
  ...shapes('sbp_', alphanumeric, 32, { startsWord: true }),
  ...shapes('sb_secret_', word, 20, { startsWord: true }),
  ...shapes('pscale_tkn_ pscale_pw_ pscale_oauth_', dotted, 24),
  ...shapes('PMAK-', word, 40, { startsWord: true }),
  ...shapes('lin_api_ lin_oauth_', alphanumeric, 24, { startsWord: true }),
  ...shapes('ntn_', alphanumeric, 36, { startsWord: true }),
  ...shapes('secret_', alphanumeric, 40, { startsWord: true }),
  ...shapes('figd_ figo_', word, 30, { startsWord: true }),
  ...shapes('rdme_ pnu_', alphanumeric, 30, { startsWord: true }),
  ...shapes('sl.', dotted, 60, wordLike),
  ...shapes('EAA', alphanumeric, 80, wordLike),
  ...shapes('ops_eyJ', base64Any, 60),
  ...shapes('AGE-SECRET-KEY-1', capitals, 40),
];
