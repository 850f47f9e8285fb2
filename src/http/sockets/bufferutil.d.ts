declare module 'bufferutil' {
  const library: { unmask(bytes: Uint8Array, mask: Uint8Array): void };
  export default library;
}
