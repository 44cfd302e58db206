// Brings what the tree of steps has left out when somebody opens it, and looks for new steps
// while the call goes on. Without this script the same are links.

const AGAIN = 2000;
// What somebody has opened or closed stays so when the tree is written anew.
const chosen = new Map();

async function ask(address) {
  const answer = await fetch(address, { headers: { accept: 'text/html' } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), 'text/html');
}

function with_fragment(link) {
  const address = new URL(link.href);
  address.searchParams.set('fragment', '1');
  return address;
}

// The steps behind a link, in its place.
async function more(link) {
  const place = link.closest('p');
  const fresh = await ask(with_fragment(link));
  const steps = fresh.querySelector('#trace > .steps');
  const item = place.parentElement;
  if (item.tagName === 'LI') item.replaceWith(...steps.children);
  else place.replaceWith(steps);
}

async function output(link) {
  const place = link.closest('p');
  const fresh = await ask(with_fragment(link));
  place.parentElement.querySelector(':scope > pre.log')?.remove();
  place.replaceWith(...fresh.body.children);
}

function bring(link, how) {
  if (link.dataset.under) return;
  link.dataset.under = 'way';
  // The link still leads there.
  how(link).catch(() => delete link.dataset.under);
}

addEventListener('click', (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const link = event.target.closest('.trace a[data-more], .trace a[data-output]');
  if (link) {
    event.preventDefault();
    bring(link, 'more' in link.dataset ? more : output);
    return;
  }
  const fold = event.target.closest('.trace summary')?.parentElement;
  // It is told before it happens.
  if (fold) chosen.set(fold.id, !fold.open);
});

addEventListener('toggle', (event) => {
  const fold = event.target;
  if (!fold.open || !chosen.get(fold.id)) return;
  for (const link of fold.querySelectorAll(':scope > p > a[data-more]')) bring(link, more);
  if (fold.querySelector(':scope > pre.log')) return;
  for (const link of fold.querySelectorAll(':scope > p > a[data-output]')) bring(link, output);
}, true);

async function renew() {
  const old = document.querySelector('.trace[data-trace]');
  if (!old) return;
  if (!document.hidden) {
    try {
      const fresh = (await ask(old.dataset.trace)).querySelector('#trace');
      if (fresh && fresh.outerHTML !== renew.last) {
        renew.last = fresh.outerHTML;
        const focused = document.activeElement?.closest('.trace details')?.id;
        for (const fold of fresh.querySelectorAll('details')) {
          if (chosen.has(fold.id)) fold.open = chosen.get(fold.id);
        }
        old.replaceWith(document.importNode(fresh, true));
        if (focused) document.getElementById(focused)?.querySelector('summary').focus({ preventScroll: true });
      }
    } catch {
      // The agent is away: it is asked again.
    }
  }
  setTimeout(renew, AGAIN);
}

if (document.querySelector('.trace[data-trace]')) setTimeout(renew, AGAIN);
