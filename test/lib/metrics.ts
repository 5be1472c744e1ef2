import { readFileSync } from 'node:fs';
import { get } from 'node:https';

/** @returns the server's metrics by name and labels, as Prometheus' text format has them */
export async function scrape(conversationUrl: string, caFile: string): Promise<ReadonlyMap<string, number>> {
  const url = new URL('/metrics', conversationUrl.replace(/^ws/, 'http'));
  const text = await new Promise<string>((resolve, reject) => {
    get(url, { ca: readFileSync(caFile) }, (response) => {
      let body = '';
      response
        .setEncoding('utf8')
        .on('data', (chunk: string) => {
          body += chunk;
        })
        .on('end', () => resolve(body));
    }).on('error', reject);
  });
  const samples = text
    .split('\n')
    .map((line) => /^([^#\s]+(?:\{[^}]*\})?) (\S+)$/.exec(line))
    .filter((match) => match !== null);
  return new Map(samples.map((match) => [match[1]!, Number(match[2])]));
}
