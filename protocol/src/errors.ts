import { CloseCode } from './close-codes.ts';

/** Why a message was refused. Stable names: they stand in `error.code`, in counters and in logs. */
export type ProtocolFault =
  | 'oversized'
  | 'not-json'
  | 'bad-message'
  | 'truncated-packet'
  | 'bad-rtp-header'
  | 'bad-payload-type'
  | 'bad-payload-length'
  | 'binary-before-ready'
  | 'sequence-jump'
  | 'unexpected-message'
  | 'handshake-timeout';

/** Faults that end the connection at their first occurrence; the others are answered, and counted. */
const DANGEROUS: ReadonlySet<ProtocolFault> = new Set<ProtocolFault>([
  'oversized',
  'not-json',
  'binary-before-ready',
  'sequence-jump',
  'handshake-timeout',
]);

/** A message that breaks a rule of the protocol. The text never holds the payload. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly fault: ProtocolFault;

  constructor(fault: ProtocolFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }

  /** True when the connection must be closed at once. */
  get dangerous(): boolean {
    return DANGEROUS.has(this.fault);
  }

  get closeCode(): number {
    // Being late is the network's doing: the peer is asked to come back, where 4400 would end its conversation.
    return this.fault === 'handshake-timeout' ? CloseCode.tryAgainLater : CloseCode.protocolError;
  }
}
