/** Where a key leads in a list of so many lines, of which `page` are in sight; undefined where it does not go through it. */
export function step(
  key: string,
  at: number,
  count: number,
  page?: number
): number | undefined {
  const steps: Record<string, number | undefined> = {
    ArrowDown: at + 1,
    ArrowUp: at < 0 ? 0 : at - 1,
    Home: 0,
    End: count - 1,
    PageDown: page && at + page,
    PageUp: page && at - page
  };
  const to = steps[key];
  return to === undefined ? to : Math.max(0, Math.min(count - 1, to));
}
