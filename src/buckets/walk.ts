import { ObjectRow } from '../types';
import { IStorage } from './tokens';

/** All objects below a folder, the markers of folders too, as they are listed. */
export async function* below(
  storage: Pick<IStorage, 'page'>,
  cluster: string,
  bucket: string,
  folder: string
): AsyncGenerator<ObjectRow> {
  const left = [folder];
  for (let prefix = left.pop(); prefix !== undefined; prefix = left.pop()) {
    let cursor: string | undefined;
    do {
      const options = { cursor, size: 1000 };
      const page = await storage.page(cluster, bucket, prefix, options);
      left.push(...page.folders);
      for (const row of page.objects) {
        yield row;
      }
      cursor = page.cursor ?? undefined;
    } while (cursor !== undefined);
  }
}
