// The page of a run under way: it asks drover for the page anew, takes over what differs, and lets be what its reader holds: an open list,
// a focus, a place scrolled to, a selection, a zoom.
(() => {
  "use strict";
  const reader = Math.random().toString(36).slice(2), every = 1000, patience = 5;
  const note = document.getElementById("live-note");
  let missed = 0, over = document.body.dataset.run === "over";

  const say = text => { if (note.textContent !== text) note.textContent = text; };
  const held = el => {
    const s = getSelection();
    return s && !s.isCollapsed && el.contains(s.anchorNode);
  };
  const focusable = "a, button, input, summary, [tabindex]";

  // Takes over the children of an element that is to become like another one.
  const take = (mine, theirs) => {
    if (mine.innerHTML === theirs.innerHTML || held(mine)) return;
    const open = [...mine.querySelectorAll("details")].map(d => d.open);
    const at = [...mine.querySelectorAll(".scroll")].map(d => [d.scrollLeft, d.scrollTop]);
    const focus = [...mine.querySelectorAll(focusable)].indexOf(document.activeElement);
    mine.className = theirs.className;
    mine.replaceChildren(...document.importNode(theirs, true).childNodes);
    [...mine.querySelectorAll("details")].forEach((d, i) => { d.open = !!open[i]; });
    [...mine.querySelectorAll(".scroll")].forEach((d, i) => { if (at[i]) [d.scrollLeft, d.scrollTop] = at[i]; });
    if (focus >= 0) [...mine.querySelectorAll(focusable)][focus]?.focus({ preventScroll: true });
  };

  const become = next => {
    document.title = next.title;
    document.body.dataset.run = next.body.dataset.run;
    take(document.querySelector("header"), next.querySelector("header"));
    let before = null;
    for (const theirs of next.querySelectorAll("main > section")) {
      const key = theirs.getAttribute("aria-labelledby");
      let mine = document.querySelector(`main > section[aria-labelledby="${key}"]`);
      if (!mine) {
        mine = document.importNode(theirs, true);
        if (before) before.after(mine); else document.getElementById("main").prepend(mine);
      } else if (key === "h-charts") { // the charts themselves stay
        for (const f of theirs.querySelectorAll("figure")) {
          const id = f.querySelector(".chart").id, chart = document.getElementById(id);
          chart.setAttribute("aria-label", f.querySelector(".chart").getAttribute("aria-label"));
        }
        take(document.getElementById("charts-data"), next.getElementById("charts-data"));
      } else if (key !== "h-devices") { // the fleet does not change
        take(mine, theirs);
      }
      before = mine;
    }
    figures(JSON.parse(next.getElementById("data").textContent));
  };

  const ask = async () => {
    try {
      const answer = await fetch("?reader=" + reader, { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.status);
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      become(next);
      missed = 0;
      over = next.body.dataset.run === "over";
      say(over ? "The run is over. This is its final report." : "");
    } catch {
      if (++missed === patience) say("drover does not answer any more. These are the last figures it showed.");
    }
    if (!over) setTimeout(ask, missed ? Math.min(10, missed) * every : every);
  };
  if (!over) setTimeout(ask, every);

  // One device's story.
  const form = document.getElementById("device-form"), story = document.getElementById("story");
  const show = async device => {
    let text;
    try {
      const answer = await fetch("device/" + encodeURIComponent(device), { cache: "no-store" });
      text = await answer.text();
      if (answer.ok) {
        story.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
        return;
      }
    } catch {
      text = "drover does not answer any more; drover events prints the story of a device, too.";
    }
    const p = document.createElement("p");
    p.className = "warn"; p.textContent = text;
    story.replaceChildren(p);
  };
  form?.addEventListener("submit", e => { e.preventDefault(); show(form.elements.device.value.trim()); });
  for (const b of document.querySelectorAll("[data-device]")) {
    b.addEventListener("click", () => { form.elements.device.value = b.dataset.device; show(b.dataset.device); });
  }
})();
