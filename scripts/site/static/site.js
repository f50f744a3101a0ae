// Search, buttons that copy, and the menu of small windows. Without this all pages can
// still be read and reached.
'use strict';

const menu = document.querySelector('.menu');
const small = window.matchMedia('(max-width: 52rem)');
const fold = () => { menu.open = !small.matches; };
small.addEventListener('change', fold);
fold();

for (const box of document.querySelectorAll('.code')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'button small copy';
  button.textContent = 'Copy';
  button.addEventListener('click', async () => {
    const commands = [...box.querySelectorAll('b')].map((b) => b.textContent);
    await navigator.clipboard.writeText(commands.length ? commands.join('\n') + '\n' : box.querySelector('pre').textContent);
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy'; }, 2000);
  });
  if (navigator.clipboard) box.append(button);
}

const form = document.querySelector('.search');
const field = form.querySelector('input');
const found = form.querySelector('.found');
const status = found.querySelector('p');
const list = found.querySelector('ol');
const most = 12;
form.hidden = false;

let loading;
const load = () => loading ??= new Promise((done, failed) => {
  const script = document.createElement('script');
  script.src = 'index.js';
  script.onload = () => done(window.searchIndex);
  script.onerror = failed;
  document.head.append(script);
});

const words = (text) => text.toLowerCase().split(/[^\p{L}\p{N}_-]+/u).filter(Boolean);

// score is zero unless every word is there; headings count more than text.
function score(section, wanted) {
  const heading = section.h.toLowerCase(), page = section.p.toLowerCase(), text = section.t.toLowerCase();
  let sum = 0;
  for (const word of wanted) {
    const points = (heading.includes(word) ? 10 : 0) + (page.includes(word) ? 4 : 0) + (text.includes(word) ? 1 + Math.min(text.split(word).length - 1, 5) / 5 : 0);
    if (points === 0) return 0;
    sum += points;
  }
  return sum;
}

// around is the text near the first word that is in it.
function around(text, wanted) {
  const lower = text.toLowerCase();
  const at = Math.max(0, Math.min(...wanted.map((w) => lower.indexOf(w)).filter((i) => i >= 0), text.length) - 60);
  return (at > 0 ? '…' : '') + text.slice(at, at + 160).trim() + (text.length > at + 160 ? '…' : '');
}

function show(section, wanted) {
  const link = document.createElement('a'), title = document.createElement('strong'), text = document.createElement('span');
  link.href = section.u;
  title.textContent = section.h === section.p ? section.p : section.p + ' › ' + section.h;
  text.textContent = around(section.t, wanted);
  link.append(title, text);
  link.addEventListener('click', close);
  const item = document.createElement('li');
  item.append(link);
  return item;
}

async function search() {
  const wanted = words(field.value);
  if (wanted.length === 0) return close();
  let index;
  try {
    index = await load();
  } catch {
    loading = undefined;
    status.textContent = 'The search cannot be loaded.';
    found.hidden = false;
    return;
  }
  const hits = index.map((s) => [score(s, wanted), s]).filter(([n]) => n > 0).sort((a, b) => b[0] - a[0]).slice(0, most);
  list.replaceChildren(...hits.map(([, s]) => show(s, wanted)));
  status.textContent = hits.length === 0 ? 'Nothing is found.' : hits.length === most ? 'The best ' + most + ' places' : hits.length + (hits.length === 1 ? ' place' : ' places');
  found.hidden = false;
}

function close() {
  found.hidden = true;
}

field.addEventListener('focus', () => { load().catch(() => { loading = undefined; }); });
field.addEventListener('input', search);
form.addEventListener('submit', (e) => {
  e.preventDefault();
  list.querySelector('a')?.click();
});
document.addEventListener('click', (e) => { if (!form.contains(e.target)) close(); });
document.addEventListener('keydown', (e) => {
  const typing = e.target.closest('input, textarea, select');
  if (e.key === '/' && !typing && !e.ctrlKey && !e.metaKey && !e.altKey) {
    e.preventDefault();
    field.focus();
  } else if (e.key === 'Escape' && form.contains(e.target)) {
    close();
    field.focus();
  } else if ((e.key === 'ArrowDown' || e.key === 'ArrowUp') && form.contains(e.target) && !found.hidden) {
    const stops = [field, ...list.querySelectorAll('a')];
    const next = stops[stops.indexOf(document.activeElement) + (e.key === 'ArrowDown' ? 1 : -1)];
    if (next) { e.preventDefault(); next.focus(); }
  }
});
