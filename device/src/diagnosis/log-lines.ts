import { cleanFields, cleanText } from '../../../common/src/system/redaction.ts';
import type { LogFields } from '../../../common/src/system/log.ts';

/**
 * Lines of the journal, made safe to leave the phone. A line of our log is parsed and cleaned once more, field by
 * field; of anything else that the program printed only stack frames pass, because it may hold anything.
 */
export function cleanJournal(json: string): string[] {
  return json
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      try {
        return cleanEntry(JSON.parse(line) as Readonly<Record<string, unknown>>);
      } catch {
        return '[an entry that is no JSON]';
      }
    });
}

function cleanEntry(entry: Readonly<Record<string, unknown>>): string {
  const message = typeof entry['MESSAGE'] === 'string' ? entry['MESSAGE'] : '';
  const time = new Date(Number(entry['__REALTIME_TIMESTAMP']) / 1_000).toISOString();
  return `${time} ${entry['SYSLOG_IDENTIFIER'] === 'systemd' ? cleanText(message) : cleanMessage(message)}`;
}

function cleanMessage(message: string): string {
  const fields = ourLine(message);
  if (fields !== undefined) return JSON.stringify(cleanFields(fields));
  return /^\s+at [\w.#<> [\]]* ?\(?(node:|\/)[^\s]*\)?$/.test(message)
    ? cleanText(message)
    : `[${message.length} characters that are no log line]`;
}

function ourLine(message: string): LogFields | undefined {
  try {
    const value = JSON.parse(message.replace(/^<\d>/, '')) as unknown;
    const isOurs = typeof value === 'object' && value !== null && 'event' in value && 'level' in value;
    return isOurs ? (value as LogFields) : undefined;
  } catch {
    return undefined;
  }
}
