// The one page: rendered here, styled here, with nothing loaded from anywhere else.

import type { Note } from './database.ts';
import type { Session } from './memory.ts';
import type { Release } from './release.ts';

export interface PageInput {
  readonly notes: readonly Note[];
  readonly session: Session;
  readonly release: Release;
  readonly words: string;
  readonly nonce: string;
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2530; --soft: #68727f; --line: #d9dee4; --card: #fff; --ground: #f3f5f7; --accent: #1f6f5c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf0; --soft: #9aa5b1; --line: #333c46; --card: #1d242c; --ground: #14191f; --accent: #5cc0a5; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 44rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
header { display: flex; align-items: baseline; justify-content: space-between; gap: 1rem; }
h1 { margin: 0; font-size: 1.8rem; }
h2 { margin: 0; font-size: 1.1rem; }
.soft { color: var(--soft); font-size: .875rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem 1.2rem; margin-top: 1rem; }
form { display: grid; gap: .7rem; }
label { display: grid; gap: .25rem; font-size: .875rem; color: var(--soft); }
input, textarea { font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .6rem; width: 100%; }
button { font: inherit; border: 0; border-radius: .4rem; padding: .55rem 1rem; background: var(--accent); color: #fff; cursor: pointer; justify-self: start; }
button.plain { background: none; color: var(--soft); padding: 0; font-size: .875rem; }
p.body { white-space: pre-wrap; overflow-wrap: anywhere; margin: .4rem 0; }
.tag { border: 1px solid var(--accent); color: var(--accent); border-radius: 1rem; padding: 0 .6rem; font-size: .8rem; }
ul { margin: .4rem 0; padding-left: 1.1rem; }
a { color: var(--accent); }
.row { display: flex; gap: .7rem; align-items: center; justify-content: space-between; }
#problem { color: #c0392b; min-height: 1.5em; margin: 0; }
`;

const SCRIPT = `
const form = document.querySelector('#new');
const problem = document.querySelector('#problem');
async function must(answer) {
  if (answer.ok) return answer.status === 204 ? undefined : answer.json();
  throw new Error((await answer.json().catch(() => ({}))).error || 'The server answered ' + answer.status + '.');
}
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  problem.textContent = '';
  const data = new FormData(form);
  const file = data.get('file');
  try {
    const note = await must(await fetch('/api/notes', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ title: data.get('title'), body: data.get('body'), label: data.get('label') || undefined }),
    }));
    if (file && file.size > 0) {
      await must(await fetch('/api/notes/' + note.id + '/attachments?name=' + encodeURIComponent(file.name), {
        method: 'PUT',
        headers: { 'content-type': file.type || 'application/octet-stream' },
        body: file,
      }));
    }
    location.reload();
  } catch (error) { problem.textContent = error.message; }
});
document.addEventListener('click', async (event) => {
  const id = event.target.dataset && event.target.dataset.remove;
  if (!id) return;
  try { await must(await fetch('/api/notes/' + id, { method: 'DELETE' })); location.reload(); }
  catch (error) { problem.textContent = error.message; }
});
`;

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function sizeText(bytes: number): string {
  return bytes < 1024
    ? `${bytes} B`
    : bytes < 1024 ** 2
      ? `${Math.round(bytes / 1024)} KB`
      : `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}

function noteCard(note: Note): string {
  const files = note.attachments.map(
    (file) =>
      `<li><a href="/api/notes/${note.id}/attachments/${escape(file.id)}">${escape(file.name)}</a>
       <span class="soft">${sizeText(file.sizeBytes)}</span></li>`,
  );
  return `<article class="card" id="note-${note.id}">
  <div class="row"><h2>${escape(note.title)}</h2>${note.label ? `<span class="tag">${escape(note.label)}</span>` : ''}</div>
  <p class="body">${escape(note.body)}</p>
  ${files.length > 0 ? `<ul>${files.join('')}</ul>` : ''}
  <div class="row"><time class="soft" datetime="${note.createdAt}">${note.createdAt.slice(0, 16).replace('T', ' ')}</time>
  <button class="plain" data-remove="${note.id}">Delete</button></div>
</article>`;
}

function newNoteForm(schema: number): string {
  const label = `<label>Label <input name="label" maxlength="40"></label>`;
  return `<form id="new" class="card">
  <label>Title <input name="title" required maxlength="200"></label>
  <label>Text <textarea name="body" rows="3"></textarea></label>
  ${schema >= 2 ? label : ''}
  <label>Attachment <input name="file" type="file"></label>
  <p id="problem" role="alert"></p>
  <button>Add note</button>
</form>`;
}

function searchForm(words: string): string {
  return `<form class="card" method="get" action="/">
  <label>Search <input name="q" type="search" value="${escape(words)}"></label>
</form>`;
}

export function renderPage({ notes, session, release, words, nonce }: PageInput): string {
  const added = session.added === undefined ? '' : `You added ${session.added} of them. `;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Notes</title>
<link rel="icon" href="data:,">
<style nonce="${nonce}">${STYLE}</style>
</head>
<body><main>
<header><h1>Notes</h1><span class="soft">version ${escape(release.version)}</span></header>
${newNoteForm(release.schema)}
${release.schema >= 3 ? searchForm(words) : ''}
<p class="soft" id="count">${notes.length} notes. ${added}</p>
${notes.map(noteCard).join('\n')}
</main>
<script nonce="${nonce}">${SCRIPT}</script>
</body></html>
`;
}
