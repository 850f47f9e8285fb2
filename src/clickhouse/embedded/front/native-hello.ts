import type { ChdbEngine } from '../chdb-engine.js';

/**
 * The greeting of clickhouse-go (and of Grafana's data source, which is built on it).
 *
 * It decodes this one answer at protocol revision 54460 and everything after it at the revision the answer
 * names. chDB writes Native at revision 0, so the greeting is answered with a block of revision 54460 that
 * says `revision() = 0`:
 *
 *   block info   01 00 (is_overflows = 0) 02 FF FF FF FF (bucket_num = -1) 00
 *   counts       varuint columns = 4, varuint rows = 1
 *   a column     varuint length + name, varuint length + type, 00 (no custom serialization), value
 *   values       String: varuint length + bytes; UInt32: four bytes, little-endian
 *
 * Checked with clickhouse-go 2.50.0 over HTTP: ping, typed rows, empty results, errors, batch inserts.
 */
export function isNativeHello(sql: string): boolean {
  return sql.length <= 256 && helloPattern.test(sql.replaceAll(/\s+/g, ' ').trim());
}

export function encodeNativeHello({ displayName, version, timezone }: HelloNames): Buffer {
  return Buffer.concat([
    Buffer.from([0x01, 0x00, 0x02, 0xff, 0xff, 0xff, 0xff, 0x00, 4, 1]),
    column('displayName()', 'String', text(displayName)),
    column('version()', 'String', text(version)),
    column('revision()', 'UInt32', Buffer.alloc(4)),
    column('timezone()', 'String', text(timezone)),
  ]);
}

type HelloNames = Pick<ChdbEngine, 'displayName' | 'version' | 'timezone'>;

const helloPattern = /^SELECT displayName\(\), ?version\(\), ?revision\(\), ?timezone\(\)(?: FORMAT Native)? ?;?$/i;

function column(name: string, type: string, value: Buffer): Buffer {
  return Buffer.concat([text(name), text(type), Buffer.from([0]), value]);
}

/** Names are far below 128 bytes or cut there, so that the length is one byte. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8').subarray(0, 127);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}
