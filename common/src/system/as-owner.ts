import { statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Root works in another user's folder with that user's rights: what is made there is the user's, and no link that the
 * user put there leads root to a file which the user may not read or write.
 * @param folder need not exist yet: then its nearest parent counts
 * @param work must be done when it returns
 */
export function asOwnerOf<T>(folder: string, work: () => T): T {
  if (process.geteuid?.() !== ROOT) return work();
  const { uid, gid } = ownerOf(folder);
  if (uid === ROOT) return work();
  const [groups, group] = [process.getgroups!(), process.getegid!()];
  process.setgroups!([]);
  process.setegid!(gid);
  process.seteuid!(uid);
  try {
    return work();
  } finally {
    process.seteuid!(ROOT);
    process.setegid!(group);
    process.setgroups!(groups);
  }
}

function ownerOf(folder: string): { readonly uid: number; readonly gid: number } {
  return statSync(folder, { throwIfNoEntry: false }) ?? ownerOf(dirname(folder));
}

const ROOT = 0;
