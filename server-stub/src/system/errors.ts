export type ServerFault =
  'bad-option' | 'unusable-directory' | 'bad-file' | 'cannot-listen' | 'unknown-device' | 'locked';

/** What keeps a server from starting, or a command from doing its work; the text says what to do. */
export class ServerError extends Error {
  override readonly name = 'ServerError';
  readonly fault: ServerFault;

  constructor(fault: ServerFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }

  /** 2: the command was given wrongly; 1: it failed. */
  get exitCode(): number {
    return this.fault === 'bad-option' ? 2 : 1;
  }
}

export function errorCode(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? (error instanceof Error ? error.message : 'unknown');
}
