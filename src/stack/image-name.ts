// What an image is called on the appliance. The name carries its digest, so that it means one content for ever, and
// the project, so that two stacks on one engine never take an image from under each other. Its first part is no
// registry: nobody can pull such a name by mistake.

const PREFIX = 'onstead.local';

export function imageNameFor(project: string, image: { readonly contentTag: string }): string {
  const [repository = '', digest = ''] = image.contentTag.split(/:(?=sha256-)/);
  const name = repository.split('/').at(-1) ?? repository;
  return `${PREFIX}/${project}/${name}:${digest}`;
}

/** Matches every image of a project in the engine's list. */
export function imagesOf(project: string): string {
  return `${PREFIX}/${project}/*`;
}
