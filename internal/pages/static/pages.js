// What this adds: times in the viewer's zone, copying, choosing all rows, and
// suggestions. Without it every page does the same work.
(() => {
  'use strict';

  const lang = document.documentElement.lang;
  const format = new Intl.DateTimeFormat(navigator.languages.find((l) => l.startsWith(lang)) || lang, {dateStyle: 'medium', timeStyle: 'short'});
  for (const el of document.querySelectorAll('time[datetime]')) {
    const at = new Date(el.dateTime);
    if (!Number.isNaN(at.valueOf())) el.textContent = format.format(at);
  }

  for (const button of document.querySelectorAll('button[data-copy]')) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    const words = button.firstChild;
    const before = words.data;
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      words.data = button.dataset.copied;
      setTimeout(() => { words.data = before; }, 2000);
    });
  }

  for (const all of document.querySelectorAll('input[data-all]')) {
    all.closest('label').hidden = false;
    const boxes = () => [...all.form.querySelectorAll(`input[name="${all.dataset.all}"]`)];
    all.addEventListener('change', () => boxes().forEach((box) => { box.checked = all.checked; }));
    all.form.addEventListener('change', () => { all.checked = boxes().every((box) => box.checked); });
  }

  for (const input of document.querySelectorAll('input[data-suggest]')) {
    const list = document.getElementById(input.getAttribute('list'));
    let waiting = 0;
    input.addEventListener('input', () => {
      clearTimeout(waiting);
      waiting = setTimeout(async () => {
        const answer = await fetch(`${input.dataset.suggest}?q=${encodeURIComponent(input.value)}`, {headers: {Accept: 'application/json'}});
        if (!answer.ok) return;
        const names = await answer.json();
        list.replaceChildren(...names.map((name) => {
          const option = document.createElement('option');
          option.value = name;
          return option;
        }));
      }, 150);
    });
  }
})();
