import type { Random } from '../../src/core/clock.js';
import {
  alphanumeric,
  base64,
  body,
  characters,
  digits,
  hex,
  type SecretExample,
  type SecretShape,
  shape,
  tokenShapes,
  upper,
  uuid,
  word,
} from './secret-shapes.js';

/** Secrets that are told by what stands around them: a name, a scheme, a URL, dashes. */
function named(name: string, around: string, make: (random: Random) => string): SecretShape {
  return shape(name, (random): SecretExample => {
    const secret = make(random);
    return { text: around.replace('%%', () => secret), secret };
  });
}

const key = (random: Random) => body(random, alphanumeric, 32);
const password = (random: Random) => `Tr0ub4${body(random, alphanumeric, 3)}&3_x`;
const phrase = (random: Random) => `${body(random, alphanumeric, 5)} battery ${body(random, alphanumeric, 5)}`;

const assignments: readonly SecretShape[] = [
  named('AWS secret key by its name', 'aws_secret_access_key = %%', (random) => body(random, base64, 40)),
  named('AWS session token by its name', 'AWS_SESSION_TOKEN=%%', (random) => body(random, base64, 180)),
  named(
    'Azure storage key',
    'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=%%;EndpointSuffix=x',
    (random) => {
      return `${body(random, base64, 86)}==`;
    },
  ),
  named('Azure shared access signature', 'https://a.blob.core.windows.net/c?sv=2024-01-01&sig=%%&se=2026', (random) => {
    return `${body(random, alphanumeric, 42)}%3D`;
  }),
  named('Azure service bus key', 'Endpoint=sb://x;SharedAccessKeyName=Root;SharedAccessKey=%%', (random) => {
    return `${body(random, base64, 43)}=`;
  }),
  named('Datadog key by its name', 'DD_API_KEY=%%', (random) => characters(random, hex, 32)),
  named('Datadog application key by its name', 'dd_app_key: %%', (random) => characters(random, hex, 40)),
  named('Snyk token by its name', 'SNYK_TOKEN=%%', uuid),
  named('Cohere key by its name', 'COHERE_API_KEY=%%', key),
  named('Mistral key by its name', 'mistral_api_key="%%"', key),
  named('LinkedIn secret by its name', 'linkedin_client_secret=%%', (random) => body(random, alphanumeric, 16)),
  named('Twitter secret by its name', 'TWITTER_ACCESS_TOKEN_SECRET=%%', (random) => body(random, alphanumeric, 45)),
  named('Plaid secret by its name', 'PLAID_SECRET=%%', (random) => characters(random, hex, 30)),
  named('PayPal secret by its name', 'paypal.client.secret=%%', (random) => body(random, word, 80)),
  named('Heroku key by its name', 'HEROKU_API_KEY=%%', uuid),
  named('password=', 'login with user=bob password=%% refused', password),
  named('passwd:', 'passwd: %%', password),
  named('pwd in a connection string', 'Server=db;Uid=sa;Pwd=%%;Database=x', password),
  named('password in a query', 'GET /login?user=a&password=%%&next=%2F', (random) => body(random, alphanumeric, 12)),
  named('password in JSON', '{"user":"bob","password":"%%","n":1}', phrase),
  named('password in JSON within JSON', '{\\"user\\":\\"bob\\",\\"password\\":\\"%%\\"}', phrase),
  named('password in a Python dictionary', "{'user': 'bob', 'password': '%%'}", phrase),
  named('password in Ruby', ':password => "%%"', phrase),
  named('password in XML', '<user>bob</user><password>%%</password>', phrase),
  named('password cut within its quotes', '{"db_password": "%%', phrase),
  named('password in camel case', 'dbPassword: %%', password),
  named('secret:', 'webhook secret: %%', password),
  named('token=', 'callback?token=%%', key),
  named('access token in JSON', '{"access_token": "%%", "token_type": "x", "expires_in": 3600}', key),
  named('refresh token', 'refreshToken=%%', key),
  named('api_key=', 'api_key=%%', key),
  named('apikey:', 'apikey: %%', key),
  named('API key in prose', 'the API key: %%, was refused', key),
  named('api key header', 'X-Api-Key: %%', key),
  named('access_key', 'access_key="%%"', key),
  named('client_secret', "client_secret='%%'", key),
  named('private_key', 'private_key=%%', key),
  named('signing key', 'JWT_SIGNING_KEY=%%', key),
  named('encryption key', 'encryption_key: %%', key),
  named('auth token of a registry', '//registry.example.org/:_authToken=%%', uuid),
  named('auth of a registry', '_auth=%%', (random) => `${body(random, base64, 30)}==`),
  named('credentials', 'credentials="%%"', key),
  named('passphrase', 'ssh_key_passphrase=%%', password),
  named('numbered name', 'API_KEY_2=%%', key),
  named('name with an addition', 'DB_PASSWORD_PROD=%%', password),
];

const headers: readonly SecretShape[] = [
  named('bearer header', 'Authorization: Bearer %%', key),
  named('bearer header in JSON', '{"headers":{"Authorization":"Bearer %%"}}', key),
  named('bearer without a header', 'sent bearer %% to the tool', key),
  named('token header', 'authorization: token %%', key),
  named('bare header', 'Authorization: %%', key),
  named('basic header', 'Authorization: Basic %%', (random) => Buffer.from(`bob:${key(random)}`).toString('base64')),
  named('basic without a header', 'curl -H Basic %% failed', (random) => {
    return Buffer.from(`bob:${key(random)}`).toString('base64');
  }),
  named('digest header', 'Authorization: Digest username="bob", realm="x", response="%%"\nHost: x', (random) => {
    return characters(random, hex, 32);
  }),
  named('cookie header', 'Cookie: theme=dark; session=%%; lang=de', key),
  named('set-cookie header', 'Set-Cookie: sid=%%; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/; HttpOnly', key),
  named('cookies in JSON', '{"cookie":"a=b; sid=%%"}', key),
];

const urls: readonly SecretShape[] = [
  named('basic auth in a URL', 'GET https://bob:%%@api.example.com/v1 failed', (random) =>
    body(random, alphanumeric, 14),
  ),
  named('PostgreSQL URL', 'postgres://app:%%@db.internal:5432/main', password),
  named('MySQL URL', 'mysql+pymysql://root:%%@10.0.0.1/x', password),
  named('MongoDB URL', 'mongodb+srv://app:%%@a.example.net,b.example.net/x?retryWrites=true', password),
  named('Redis URL without a name', 'redis://:%%@cache:6379/0', password),
  named('AMQP URL', 'amqps://guest:%%@mq/vhost', password),
  named(
    'password with an at sign in a URL',
    'https://bob:%%@host/x',
    (random) => `p@ss@${body(random, alphanumeric, 8)}`,
  ),
  named('password with a slash in a URL', 'https://bob:%%@host', (random) => `pa/ss/${body(random, alphanumeric, 8)}`),
  named('token as the name in a URL', 'https://%%@git.example.com/o/r.git', key),
];

/** A key in armour: `lines` of base64, with `newline` between them. */
function armour(label: string, newline: string, closed = true): (random: Random) => SecretExample {
  return (random) => {
    const lines = Array.from({ length: 3 }, () => body(random, base64, 40));
    const [open, close] = ['BEGIN', 'END'].map((word) => `-----${word} ${label}-----`);
    const text = [open, ...lines, ...(closed ? [close] : [])].join(newline);
    return { text: closed ? `key ${text} end` : `key ${text}`, secret: lines[1]! };
  };
}

const privateKey = ['PRIVATE', 'KEY'].join(' ');

const blocks: readonly SecretShape[] = [
  shape('RSA private key', armour(`RSA ${privateKey}`, '\n')),
  shape('private key', armour(privateKey, '\r\n')),
  shape('encrypted private key', armour(`ENCRYPTED ${privateKey}`, '\n')),
  shape('elliptic curve private key', armour(`EC ${privateKey}`, '\n')),
  shape('OpenSSH private key', armour(`OPENSSH ${privateKey}`, '\n')),
  shape('private key with escaped line breaks', armour(privateKey, '\\n')),
  shape('private key with line breaks escaped twice', armour(privateKey, '\\\\n')),
  shape('private key that was cut', armour(`RSA ${privateKey}`, '\n', false)),
  shape('private key on one line', armour(privateKey, ' ')),
  shape('PGP private key', armour(`PGP ${privateKey} BLOCK`, '\n')),
];

const addresses: readonly SecretShape[] = [
  shape('e-mail address', (random) => `${body(random, alphanumeric, 10)}@mail.example.org`),
  shape('e-mail address with a tag', (random) => `jo.${body(random, alphanumeric, 8)}+tag@example.co.uk`),
];

const notPromised: readonly SecretShape[] = [
  shape('AWS secret key alone', (random) => body(random, base64, 40), false),
  shape('hexadecimal key alone', (random) => characters(random, hex, 32), false),
  shape('UUID as a key', uuid, false),
  shape('card number', (random) => `4${characters(random, digits, 15)}`, false),
  shape('phone number', (random) => `+49 171 ${characters(random, digits, 7)}`, false),
  shape('name of a person', () => 'Ada Lovelace', false),
  shape('password in prose', (random) => `the password is ${characters(random, upper, 9)}`, false),
  shape('password of a command line', (random) => `curl -u bob:${body(random, alphanumeric, 9)} x`, false),
];

export const secretShapes: readonly SecretShape[] = [
  ...tokenShapes,
  ...assignments,
  ...headers,
  ...urls,
  ...blocks,
  ...addresses,
  ...notPromised,
];
