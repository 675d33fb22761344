"use strict";
const entries = JSON.parse(document.getElementById("entries").textContent);
const box = document.getElementById("search"), hits = document.getElementById("hits"), all = document.getElementById("all");
const texts = entries.map(([name, , text]) => (name + " " + text).toLowerCase());
function show() {
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  const places = words.length ? [...texts.keys()].filter((place) => words.every((word) => texts[place].includes(word))) : [];
  const inName = (place) => words.every((word) => entries[place][0].includes(word));
  places.sort((a, b) => inName(b) - inName(a) || a - b);
  hits.replaceChildren(...places.slice(0, 50).map((place) => {
    const [name, address, text] = entries[place], item = document.createElement("li"), link = document.createElement("a");
    link.href = address;
    link.textContent = name;
    item.append(link, " " + text);
    return item;
  }));
  document.getElementById("count").textContent = words.length ? places.length + " found" : "";
  all.hidden = words.length > 0;
}
box.addEventListener("input", show);
box.hidden = false;
show();
