/** The contract between the phone and the server. A leaf: it imports nothing of ours. */
export * from './close-codes.ts';
export * from './errors.ts';
export * from './framing.ts';
export * from './limits.ts';
export * from './messages.ts';
export * from './outgoing-stream.ts';
export * from './packet.ts';
export * from './sequence.ts';
