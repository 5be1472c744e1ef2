/** @returns the server's metrics by name and labels, as Prometheus' text format has them */
export async function scrape(metricsUrl: string): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(metricsUrl)).text();
  const samples = text
    .split('\n')
    .map((line) => /^([^#\s]+(?:\{[^}]*\})?) (\S+)$/.exec(line))
    .filter((match) => match !== null);
  return new Map(samples.map((match) => [match[1]!, Number(match[2])]));
}
