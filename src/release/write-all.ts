// One write may take fewer bytes than it was given, most likely on a disk that is nearly full. This one takes all.

import type { FileHandle } from 'node:fs/promises';

export async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += (await file.write(bytes, done)).bytesWritten;
}
