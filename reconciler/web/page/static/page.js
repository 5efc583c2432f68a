// Keeps what is shown fresh, and gives "/" to the search. The page is whole without this.
"use strict";
(() => {
  const EVERY = 10000;
  const isBusy = (live) => live.contains(document.activeElement) && document.activeElement.matches("input, select, textarea, summary, button")
    || live.querySelector("details[open]");
  async function refresh() {
    const live = document.getElementById("live");
    if (document.hidden || !live || !document.querySelector("header.side") || isBusy(live)) return;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "follow" });
      if (answer.redirected) return location.reload();
      if (!answer.ok) return;
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = next.getElementById("live"), nav = next.querySelector("header.side nav");
      if (!fresh || isBusy(live)) return;
      const focused = document.activeElement && document.activeElement.getAttribute("href");
      if (fresh.innerHTML !== live.innerHTML) live.replaceChildren(...fresh.childNodes);
      document.querySelector("header.side nav").replaceWith(nav);
      if (focused && document.activeElement === document.body) document.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
      document.title = next.title;
    } catch { /* the daemon is away for a moment: what is shown stays */ }
  }
  setInterval(refresh, EVERY);
  document.addEventListener("keydown", (event) => {
    const search = document.querySelector('input[type="search"]');
    if (event.key !== "/" || !search || event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    search.focus();
  });
})();
