// A model that follows anywidget's interface, over functions that Playwright lends to the page.
const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const encode = (buffer) => { const bytes = new Uint8Array(buffer); let text = ""; for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768)); return btoa(text); };
const revived = (_, value) => value && value.$bytes !== undefined ? new DataView(decode(value.$bytes).buffer) : value;
const traits = JSON.parse(document.getElementById("traits").textContent, revived);
const listeners = new Map();
const fire = (name, ...given) => { for (const callback of [...(listeners.get(name) ?? [])]) callback(...given); };
let changed = {};
window.pending = 0; window.sent = [];
const model = {
  get: (name) => traits[name],
  set: (name, value) => { traits[name] = value; changed[name] = value; fire("change:" + name); fire("change"); },
  save_changes: async () => { const values = changed; changed = {}; window.pending++; try { deliver(await window.toPython(JSON.stringify({ traits: values }), [])); } finally { window.pending--; } },
  on: (name, callback) => { if (!listeners.has(name)) listeners.set(name, new Set()); listeners.get(name).add(callback); },
  off: (name, callback) => { if (callback) listeners.get(name)?.delete(callback); else listeners.delete(name); },
  send: async (content, callbacks, buffers = []) => {
    if (window.frames_dropped) return;
    window.pending++; window.sent.push(content.kind);
    try { deliver(await window.toPython(JSON.stringify(content), buffers.map(encode))); } finally { window.pending--; }
  },
};
window.deliver = (messages) => { for (const { trait, value, content, buffers } of messages) {
  if (trait) { traits[trait] = JSON.parse(JSON.stringify(value), revived); fire("change:" + trait); fire("change"); }
  else fire("msg:custom", content, buffers.map((text) => new DataView(decode(text).buffer)));
} };
const widget = (await import("/bundle.js")).default;
window.views = [];
window.renderView = async (el) => { views.push(await widget.render({ model, el })); };
window.modelListeners = () => [...listeners.values()].reduce((n, set) => n + set.size, 0);
await renderView(document.getElementById("view"));
window.ready = true;
