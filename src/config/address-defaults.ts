/** Where a collector is when nothing says otherwise. Apart, because its clients need these and no configuration. */
export const hostDefault = '127.0.0.1';
export const portDefault = 7077;
export const dataDirDefault = './tidemark-data';
