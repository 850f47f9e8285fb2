/** What a page has of the client, as a bundle. */
export { createClient } from '@clickhouse/client-web';
