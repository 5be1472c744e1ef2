declare module '@echogarden/fvad-wasm' {
  const instantiate: (options: {
    readonly wasmBinary: Uint8Array;
  }) => Promise<import('./voice-activity.ts').FvadModule>;
  export default instantiate;
}
