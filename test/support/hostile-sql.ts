import { pick } from '../../src/cli/seeded-random.js';
import type { Random } from '../../src/core/clock.js';

/**
 * Statements from a grammar, written as nobody would: between any two tokens stands white space or a comment of one of
 * the kinds that some lexer knows, names are quoted in some way, text in another. A hostile one has `payload` in a
 * place where an expression or a table may stand; a harmless one says what it answers.
 */
export interface GeneratedSql {
  readonly sql: string;
  /** The answer of a harmless one, as TabSeparated. */
  readonly answer: string | null;
}

export interface HostileOptions {
  readonly random: Random;
  /** A file that must not be read. */
  readonly file: string;
  /** A table that is not open. */
  readonly hidden: string;
}

export function hostileSql({ random, file, hidden }: HostileOptions): GeneratedSql {
  const isTable = random() < 0.35;
  const shape = pick(random, isTable ? tableShapes : expressionShapes);
  const payload = isTable ? tablePayload({ random, file, hidden }) : expressionPayload({ random, file, hidden });
  return {
    sql: written(
      shape.replaceAll('PAYLOAD', () => payload),
      random,
    ),
    answer: null,
  };
}

export function harmlessSql(random: Random): GeneratedSql {
  const [shape, answer] = pick(random, harmlessShapes);
  return { sql: written(shape, random), answer };
}

type NonEmpty<T> = readonly [T, ...T[]];

/** Tokens are parted by blanks here, so that anything can be put between them. */
const expressionShapes: NonEmpty<string> = [
  'SELECT PAYLOAD',
  'SELECT 1 , PAYLOAD',
  "SELECT 'x' , PAYLOAD , 'y'",
  'SELECT 1 WHERE PAYLOAD',
  'SELECT 1 ORDER BY PAYLOAD',
  'SELECT 1 GROUP BY PAYLOAD',
  'SELECT ( SELECT PAYLOAD )',
  'SELECT [ PAYLOAD ]',
  'SELECT ( PAYLOAD , 1 ) . 1',
  'SELECT if ( 1 , PAYLOAD , 2 )',
  'SELECT arrayMap ( x -> PAYLOAD , [ 1 ] )',
  'SELECT CASE WHEN 1 THEN PAYLOAD END',
  'SELECT CAST ( PAYLOAD AS String )',
  'SELECT * FROM ( SELECT PAYLOAD )',
  'WITH PAYLOAD AS a SELECT a',
  'WITH a AS ( SELECT PAYLOAD ) SELECT * FROM a',
  'SELECT 1 UNION ALL SELECT PAYLOAD',
  'SELECT sum ( 1 ) OVER ( PARTITION BY PAYLOAD )',
  'SELECT number FROM numbers ( 3 ) LIMIT 1 BY PAYLOAD',
  'SELECT * REPLACE ( PAYLOAD AS number ) FROM numbers ( 1 )',
  'EXPLAIN SYNTAX SELECT PAYLOAD',
  'DESCRIBE TABLE ( SELECT PAYLOAD )',
  'SELECT 1 IN ( SELECT PAYLOAD )',
  'SELECT 1 FROM numbers ( 1 ) AS a JOIN numbers ( 1 ) AS b ON PAYLOAD',
];

const tableShapes: NonEmpty<string> = [
  'SELECT * FROM PAYLOAD',
  'SELECT count ( ) FROM PAYLOAD AS x',
  'SELECT * FROM ( SELECT * FROM PAYLOAD )',
  'WITH a AS ( SELECT * FROM PAYLOAD ) SELECT * FROM a',
  'SELECT 1 UNION ALL SELECT 1 FROM PAYLOAD',
  'SELECT 1 FROM numbers ( 1 ) AS a , PAYLOAD AS b',
  'SELECT 1 FROM numbers ( 1 ) AS a LEFT JOIN PAYLOAD AS b ON 1',
  'DESCRIBE TABLE PAYLOAD',
  'EXPLAIN SELECT * FROM PAYLOAD',
  'SELECT 1 IN ( SELECT 1 FROM PAYLOAD )',
  'SELECT exists ( SELECT 1 FROM PAYLOAD )',
  'FROM PAYLOAD SELECT *',
];

const harmlessShapes: NonEmpty<readonly [string, string]> = [
  ['SELECT 1 + 2', '3\n'],
  ["SELECT 'a' , 'b'", 'a\tb\n'],
  ['SELECT sum ( number ) FROM numbers ( 4 )', '6\n'],
  ['SELECT arrayMap ( x -> x + 1 , [ 1 , 2 ] )', '[2,3]\n'],
  ['WITH 5 AS a SELECT a * 2', '10\n'],
  ['SELECT * FROM ( SELECT 7 AS x ) WHERE x = 7', '7\n'],
  ['SELECT number FROM numbers ( 3 ) ORDER BY number DESC LIMIT 1', '2\n'],
  ["SELECT if ( 1 , 'yes' , 'no' )", 'yes\n'],
  ['SELECT count ( ) FROM t', '0\n'],
];

function expressionPayload({ random, file, hidden }: HostileOptions): string {
  const name = pick(random, ['file', '`file`', '"file"', 'file', 'file']);
  const path = quoted(file, random);
  return pick(random, [
    `${name} ( ${path} )`,
    `length ( ${name} ( ${path} ) )`,
    `arrayMap ( ${name} , [ ${path} ] )`,
    `arrayMap ( y -> ${name} ( y ) , [ ${path} ] )`,
    `( SELECT ${name} ( ${path} ) )`,
    `1 IN ( ${hidden} )`,
    `1 IN ${hidden}`,
    `( SELECT count ( ) FROM ${hidden} )`,
    `catboostEvaluate ( ${path} , 1 )`,
    'sleep ( 1 )',
    "getServerSetting ( 'user_files_path' )",
  ]);
}

function tablePayload({ random, file, hidden }: HostileOptions): string {
  const path = quoted(file, random);
  return pick(random, [
    `file ( ${path} , 'LineAsString' )`,
    `\`file\` ( ${path} , 'LineAsString' )`,
    `url ( 'file://${file}' , 'LineAsString' )`,
    hidden,
    `tidemark . ${hidden}`,
    `\`tidemark\` . "${hidden}"`,
    `merge ( 'tidemark' , '${hidden}' )`,
    `remote ( '127.0.0.1:1' , 'tidemark' , '${hidden}' )`,
    `loop ( ${hidden} )`,
    `view ( SELECT file ( ${path} ) )`,
    'system . merges',
    'system . parts',
    `default . \`${file}\``,
  ]);
}

function quoted(text: string, random: Random): string {
  return pick(random, [
    `'${text}'`,
    `$$${text}$$`,
    `$t1$${text}$t1$`,
    `concat ( '${text.slice(0, 3)}' , '${text.slice(3)}' )`,
    `unhex ( '${Buffer.from(text).toString('hex')}' )`,
    `'${text.replaceAll('/', '\\x2f')}'`,
  ]);
}

function written(shape: string, random: Random): string {
  const tokens = shape.split(' ');
  let sql = random() < 0.2 ? pick(random, blanks) : '';
  for (const [at, token] of tokens.entries()) {
    if (at > 0) sql += random() < 0.5 ? ' ' : pick(random, blanks);
    sql += /^[A-Z]{2,}$/.test(token) && random() < 0.3 ? token.toLowerCase() : token;
  }
  return random() < 0.2 ? sql + pick(random, endings) : sql;
}

/** White space for the engine, and for some other lexer something else. */
const blanks: NonEmpty<string> = [
  '\n',
  '\t',
  ' \r\n ',
  '\f',
  '/**/',
  '/* x */',
  "/* ' */",
  '/* " ` */',
  '/* -- */',
  '/* /* nested */ */',
  "/* /* ' */ ' */",
  '/* // */',
  ' -- x\n',
  " -- '\n",
  ' --\n',
  ' // x\n',
  " // '\n",
  ' // "\n',
  ' # x\n',
  " # '\n",
  ' #! x\n',
  " #! ' */\n",
  ' /* $$ */ ',
  ' -- $$\n',
  ' /* ; */ ',
  ' -- ;\n',
];
/** What may stand behind a whole statement. */
export const endings: NonEmpty<string> = [';', ' ;\n', ' -- end', ' /* end */', ' // end', ' # end', ';-- end\n'];
