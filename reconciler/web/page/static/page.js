// Keeps what is shown fresh, and gives "/" to the search. The page is whole without this.
"use strict";
(() => {
  const APART = 5000, WITHOUT = 10000, WITH = 60000;  // milliseconds: between two renewals, and at most without and with news
  const isBusy = (live) => live.contains(document.activeElement) && document.activeElement.matches("input, select, textarea, summary, button")
    || live.querySelector("details[open]");
  const live = () => document.getElementById("live");
  let renewed = Date.now(), told = null, news = null;
  async function refresh() {
    if (document.hidden || !live() || !document.querySelector("header.side") || isBusy(live())) return;
    renewed = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "follow" });
      if (answer.redirected) return location.reload();
      if (!answer.ok) return;
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = next.getElementById("live"), nav = next.querySelector("header.side nav");
      if (!fresh || isBusy(live())) return;
      const focused = document.activeElement && document.activeElement.getAttribute("href");
      told = live().dataset.version = fresh.dataset.version;
      if (fresh.innerHTML !== live().innerHTML) live().replaceChildren(...fresh.childNodes);
      document.querySelector("header.side nav").replaceWith(nav);
      if (focused && document.activeElement === document.body) document.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
      document.title = next.title;
    } catch { /* the daemon is away for a moment: what is shown stays */ }
  }
  function listen() {
    if (document.hidden || news || !document.querySelector("header.side") || !window.EventSource) return;
    news = new EventSource("/live");
    news.addEventListener("progress", (event) => {
      const shown = document.getElementById("progress");
      if (shown && !shown.contains(document.activeElement)) shown.innerHTML = event.data;
    });
    news.addEventListener("version", (event) => { told = event.data; tick(); });
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { news?.close(); news = null; } else { listen(); }
  });
  function tick() {
    const isOld = told !== null && told !== live()?.dataset.version, isTold = news?.readyState === EventSource.OPEN;
    if (Date.now() - renewed >= (isOld ? APART : isTold ? WITH : WITHOUT)) refresh();
  }
  setInterval(tick, 1000);
  setInterval(() => { if (news?.readyState === EventSource.CLOSED) { news = null; listen(); } }, WITH);
  listen();
  for (const here of document.querySelectorAll(".side nav [aria-current], .tabs [aria-current]")) here.scrollIntoView({ block: "nearest", inline: "center" });
  document.addEventListener("keydown", (event) => {
    const search = document.querySelector('input[type="search"]');
    if (event.key !== "/" || !search || event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    search.focus();
  });
})();
