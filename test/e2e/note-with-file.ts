// Makes a note with an attachment through the edge and reads both back: a customer's browser, in a process of its own,
// so that it can run inside another network. The answer is one line of JSON on stdout.

const [base, title, content] = process.argv.slice(2) as [string, string, string];

async function ask(path: string, options: RequestInit = {}): Promise<Response> {
  const answer = await fetch(new URL(path, base), options);
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${await answer.text()}`);
  return answer;
}

interface Note {
  readonly id: number;
  readonly title: string;
  readonly attachments: readonly { readonly id: number }[];
}

const made = (await (
  await ask('/api/notes', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ title }),
  })
).json()) as Note;
await ask(`/api/notes/${made.id}/attachments?name=a.txt`, { method: 'PUT', body: content });
const note = (await (await ask(`/api/notes/${made.id}`)).json()) as Note;
const file = await (await ask(`/api/notes/${made.id}/attachments/${note.attachments[0]!.id}`)).text();
process.stdout.write(JSON.stringify({ title: note.title, file }));
