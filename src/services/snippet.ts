import { ServiceRow } from '../types';

/** Python that calls a service through the public interface; it holds no secret and runs twice without harm. */
export function snippet(
  cluster: string,
  service: Pick<ServiceRow, 'name' | 'kind'>
): string {
  // A string of JSON is one of Python, too.
  const name = JSON.stringify(service.name);
  const head = [
    'import jupyter_oscar as oscar',
    '',
    `cluster = oscar.connect(${JSON.stringify(cluster)})`
  ];
  switch (service.kind) {
    case 'async':
      return [
        ...head,
        `job = cluster.submit(${name}, "input.txt")  # a file here, or text="…"`,
        'job.result()'
      ].join('\n');
    case 'exposed':
      return [...head, `cluster.services[${name}]`].join('\n');
    default:
      return [...head, `cluster.run(${name}, "hello")`].join('\n');
  }
}
