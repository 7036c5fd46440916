"use strict";

// Tables: a click on a heading sorts by it, the best known value first where it is a number.
function sortable(table) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") !== "descending";
      for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const rows = [...body.rows].map((row) => ({ row, key: keyOf(row.cells[column]) }));
      rows.sort((one, other) => compare(one.key, other.key, descending ? -1 : 1));
      body.append(...rows.map((each) => each.row));
    });
  });
}

function keyOf(cell) {
  const text = (cell.querySelector("span") || cell.firstChild || cell).textContent.trim();
  if (text === "\u2013" || text === "") return null;
  if (text.startsWith("\u221e")) return Infinity;
  const number = text.replaceAll(",", "").match(/^[-+]?\d+(\.\d+)?/);
  return number ? Number(number[0]) : text.toLowerCase();
}

// Missing values come last in both directions.
function compare(one, other, sign) {
  if (one === null || other === null) return (one === null) - (other === null);
  if (typeof one !== typeof other) return typeof one === "number" ? -1 : 1;
  return sign * (one > other ? 1 : one < other ? -1 : 0);
}

document.querySelectorAll("table.sortable").forEach(sortable);

// Models: a check box shows or hides what is drawn of a model, but not the legends.
const boxes = [...document.querySelectorAll(".models input")];

function choose() {
  const chosen = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
  for (const drawn of document.querySelectorAll(".chart [data-model], .strip [data-model], div[data-model]"))
    drawn.classList.toggle("off", !chosen.has(drawn.dataset.model));
}

for (const box of boxes) box.addEventListener("change", choose);
for (const button of document.querySelectorAll(".models button"))
  button.addEventListener("click", () => {
    for (const box of boxes) box.checked = Boolean(button.dataset.all);
    choose();
  });
choose();

// Player: frames with the outline of the truth and the mask of a model.
const TRUTH = "#00e5ff", FOUND = "rgb(255 120 0 / 50%)", STEP_MS = 120;
const byId = (id) => document.getElementById(id);

class Player {
  constructor(root) {
    this.root = root;
    this.stage = byId("stage");
    this.loaded = new Map();
    this.waiting = new Map();
    this.pictures = new Map();
    this.timer = 0;
    this.turn = 0;
    byId("video").addEventListener("change", () => this.show(byId("video").value));
    for (const id of ["mask", "truth"]) byId(id).addEventListener("change", () => this.draw());
    byId("position").addEventListener("input", () => this.go(Number(byId("position").value)));
    byId("previous").addEventListener("click", () => this.go(this.at - 1));
    byId("next").addEventListener("click", () => this.go(this.at + 1));
    byId("play").addEventListener("click", () => this.play(!this.timer));
    this.stage.addEventListener("keydown", (event) => this.press(event));
    for (const strip of document.querySelectorAll(".time")) this.listen(strip);
    for (const pick of document.querySelectorAll(".pick"))
      pick.addEventListener("click", async () => {
        byId("mask").value = pick.dataset.of;
        await this.show(pick.dataset.video, (data) => data.number.indexOf(Number(pick.dataset.number)));
        root.scrollIntoView({ block: "start" });
      });
  }

  listen(strip) {
    const name = strip.dataset.video;
    strip.querySelector(".show").addEventListener("click", async () => {
      await this.show(name);
      this.root.scrollIntoView({ block: "start" });
    });
    strip.querySelector("svg").addEventListener("click", (event) => {
      const box = event.currentTarget.getBoundingClientRect();
      const [begin, end] = [Number(strip.dataset.begin), Number(strip.dataset.end)];
      const time = begin + ((event.clientX - box.left) / box.width) * (end - begin);
      this.show(name, (data) => nearest(data.time_s, time));
    });
  }

  // Data of a video: from the page, or from the file beside it.
  load(name) {
    if (!this.loaded.has(name)) this.loaded.set(name, this.read(name));
    return this.loaded.get(name);
  }

  read(name) {
    for (const text of document.querySelectorAll("script[data-frames]"))
      if (text.dataset.frames === name) return Promise.resolve(JSON.parse(text.textContent));
    return new Promise((take, refuse) => {
      this.waiting.set(name, take);
      const script = document.createElement("script");
      script.src = stripOf(name).dataset.file;
      script.addEventListener("error", () => refuse(new Error(script.src)));
      document.head.append(script);
    });
  }

  async show(name, choose = () => 0) {
    const turn = (this.turn += 1);
    try {
      const data = await this.load(name);
      if (turn !== this.turn) return;
      if (this.data !== data) this.pictures.clear();
      this.data = data;
    } catch (error) {
      this.loaded.delete(name);
      byId("told").textContent = `The frames of ${name} lie in ${error.message}, which cannot be read.`;
      return;
    }
    byId("video").value = name;
    byId("position").max = this.data.frames.length - 1;
    for (const strip of document.querySelectorAll(".time")) strip.classList.toggle("now", strip.dataset.video === name);
    await this.go(Math.max(0, choose(this.data)));
  }

  async go(place) {
    if (!this.data) return;
    this.at = Math.min(Math.max(place, 0), this.data.frames.length - 1);
    byId("position").value = this.at;
    await this.draw();
  }

  play(on) {
    clearInterval(this.timer);
    this.timer = on
      ? setInterval(() => this.go(this.at + 1 < this.data.frames.length ? this.at + 1 : 0), STEP_MS)
      : 0;
    byId("play").textContent = on ? "Pause" : "Play";
    byId("play").setAttribute("aria-pressed", String(on));
  }

  press(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) this.go(this.at + step);
    else if (event.key === " ") this.play(!this.timer);
    else return;
    event.preventDefault();
  }

  picture(url) {
    if (!url) return Promise.resolve(null);
    if (!this.pictures.has(url)) {
      const image = new Image();
      image.src = url;
      this.pictures.set(url, image.decode().then(() => image));
    }
    return this.pictures.get(url);
  }

  async draw() {
    const { data, at } = this;
    if (!data) return;
    const model = byId("mask").value;
    const urls = [data.frames[at], data.truth[at], model && data.masks[model][at]];
    const [frame, truth, found] = await Promise.all(urls.map((url) => this.picture(url)));
    if (data !== this.data || at !== this.at) return;
    this.stage.width = frame.naturalWidth;
    this.stage.height = frame.naturalHeight;
    const context = this.stage.getContext("2d");
    context.drawImage(frame, 0, 0);
    if (found) context.drawImage(coloured(found, FOUND, false), 0, 0);
    if (truth && byId("truth").checked) context.drawImage(coloured(truth, TRUTH, true), 0, 0);
    this.tell(model);
  }

  tell(model) {
    const { data, at } = this;
    const truth = data.truth[at] === null ? "no mask" : data.truth[at] ? "gas" : "no gas";
    const score = model ? data.scores[model][at] : null;
    const told = [`frame ${data.number[at]} at ${data.time_s[at].toFixed(2)} s`, `truth: ${truth}`];
    if (model) told.push(score === null || score === undefined ? "not predicted" : `frame score ${score.toFixed(2)}`);
    byId("told").textContent = told.join(", ");
    byId("position").setAttribute("aria-valuetext", told.join(", "));
    const strip = document.querySelector(".time.now");
    const [begin, end] = [Number(strip.dataset.begin), Number(strip.dataset.end)];
    const right = (1000 * (data.time_s[at] - begin)) / (end - begin);
    strip.querySelector(".cursor").setAttribute("transform", `translate(${right} 0)`);
  }
}

function stripOf(name) {
  return [...document.querySelectorAll(".time")].find((strip) => strip.dataset.video === name);
}

function nearest(times, time) {
  return times.reduce((best, each, place) => (Math.abs(each - time) < Math.abs(times[best] - time) ? place : best), 0);
}

// A mask in a colour, or its outline.
function coloured(mask, colour, outlined) {
  const canvas = document.createElement("canvas");
  canvas.width = mask.naturalWidth;
  canvas.height = mask.naturalHeight;
  const context = canvas.getContext("2d");
  const shifts = outlined ? [-1, 0, 1] : [0];
  for (const x of shifts) for (const y of shifts) context.drawImage(mask, x, y);
  if (outlined) {
    context.globalCompositeOperation = "destination-out";
    context.drawImage(mask, 0, 0);
  }
  context.globalCompositeOperation = "source-in";
  context.fillStyle = colour;
  context.fillRect(0, 0, canvas.width, canvas.height);
  return canvas;
}

if (byId("player")) {
  const player = new Player(byId("player"));
  window.fgstpVideo = (name, data) => player.waiting.get(name)(data);
  player.show(byId("video").value);
}
