// Pages stay true by themselves: asking again while somebody is here, times that move on, failures said in words.

// Every 3 s while someone is here, every 60 s otherwise, never while hidden or while something is unfolded.
const ACTIVE_BEATS = 20;
let beats = ACTIVE_BEATS;
let timer = 0;
const beat = () => {
  clearTimeout(timer);
  if (!document.hidden && !document.querySelector("details[open]:not(.unfold)")) {
    document.body.dispatchEvent(new CustomEvent("poll"));
  }
  beats = Math.max(0, beats - 1);
  timer = setTimeout(beat, beats ? 3000 : 60000);
};
const wake = () => {
  const asleep = beats === 0;
  beats = ACTIVE_BEATS;
  if (asleep) beat();
};
for (const name of ["pointermove", "keydown", "visibilitychange"]) {
  document.addEventListener(name, wake, { passive: true });
}
timer = setTimeout(beat, 3000);

// <time data-ago>: the same words as the template tags `ago`, `age` and `due`.
const STEPS = [[60, 1, "s"], [3600, 60, "min"], [172800, 3600, "h"], [Infinity, 86400, "d"]];
const distance = (seconds) => {
  const [, unit, name] = STEPS.find(([limit]) => seconds < limit);
  return `${Math.floor(seconds / unit)} ${name}`;
};
const tellTimes = () => {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
    const past = { age: distance(Math.abs(seconds)), due: "due" }[time.dataset.ago] ?? `${distance(Math.abs(seconds))} ago`;
    const words = seconds < 0 ? `in ${distance(-seconds)}` : past;
    if (time.textContent !== words) time.textContent = words;
  }
};
tellTimes();
setInterval(tellTimes, 5000);
document.addEventListener("htmx:afterSwap", tellTimes);

// What could not be loaded says so and offers another try; what could not be done says why.
const polled = (event) => event.detail.requestConfig?.triggeringEvent?.type === "poll";
const stale = (is) => { document.getElementById("stale").hidden = !is; };
const reason = (request) => {
  const plain = request?.getResponseHeader("Content-Type")?.startsWith("text/plain");
  return plain && request.responseText ? request.responseText : "That did not work: the server could not be asked.";
};
const failed = (event) => {
  const { requestConfig, pathInfo, target, xhr } = event.detail;
  if (polled(event)) return stale(true);
  if (requestConfig.verb !== "get") {
    if (target.querySelector("[data-loading]")) target.closest("dialog").close();
    return document.dispatchEvent(new CustomEvent("toast", { detail: { text: reason(xhr), bad: true } }));
  }
  const words = document.getElementById("could-not-load").content.cloneNode(true);
  words.querySelector("button").addEventListener("click", () => {
    htmx.ajax("GET", pathInfo.finalRequestPath, { target, swap: "innerHTML" });
  });
  target.replaceChildren(words);
};
for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, failed);
}
document.addEventListener("htmx:afterOnLoad", (event) => { if (event.detail.successful !== false) stale(false); });
