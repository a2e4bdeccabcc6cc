// `uid:gid` as Compose writes a user. Known only where it stands in numbers; names are known inside the image alone.

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

export function userIdsOf(user: string): UserIds | undefined {
  const match = /^(\d+)(?::(\d+))?$/.exec(user);
  return match === null ? undefined : { uid: Number(match[1]), gid: Number(match[2] ?? match[1]) };
}
