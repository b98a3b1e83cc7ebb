// The variance explorer: what is chosen stands in the address, and decides what is drawn, said, listed and saved.
(function () {
  "use strict";

  const { MEASURES, AXES, number } = curves;
  const WORDS = ["estimator", "trusted", "settings"]; // columns without numbers

  const data = JSON.parse(document.getElementById("explorer-data").textContent);
  const ROWS = data.rows.map((cells) => Object.fromEntries(data.columns.map((name, n) => [name, cells[n]])));

  const part = (name) => document.getElementById("explorer-" + name);
  const form = part("form");
  const chart = part("chart");
  const distinct = (values) => [...new Set(values)];

  let view = null; // what is chosen, see settle
  let picture = null; // what is drawn of it
  let drawings = 0;

  // --- what is wanted, from the address and from the form: names -> values, and estimators or null for all of them

  function fromAddress() {
    const given = new URLSearchParams(location.hash.slice(1));
    return {
      ...Object.fromEntries(given),
      estimators: given.has("estimator") ? given.getAll("estimator").filter(Boolean) : null,
    };
  }

  function fromForm() {
    const given = new FormData(form);
    const boxes = [...part("estimators").querySelectorAll("input")];
    return {
      ...Object.fromEntries(given),
      estimators: boxes.every((box) => box.checked) ? null : given.getAll("estimator"),
    };
  }

  function toAddress() {
    const pairs = [...Object.entries(view.choices), ["y", view.y], ["x", view.x]];
    if (view.chosen.length < view.names.length) {
      pairs.push(...(view.chosen.length ? view.chosen : [""]).map((name) => ["estimator", name]));
    }
    const readable = (text) => encodeURIComponent(text).replace(/%20/g, "+").replace(/%3D/g, "=").replace(/%2F/g, "/");
    history.replaceState(null, "", "#" + pairs.map(([name, value]) => `${name}=${readable(value)}`).join("&"));
  }

  // --- from what is wanted to what there is

  // The first option; of problems that with the most estimators.
  function preferred(name, options, rows) {
    if (name !== "problem") {
      return options[0];
    }
    const estimators = (problem) =>
      new Set(rows.filter((row) => row.problem === problem).map((row) => row.estimator)).size;
    return options.reduce((best, option) => (estimators(option) > estimators(best) ? option : best));
  }

  function settle(wanted) {
    const choices = {};
    const options = { y: Object.keys(MEASURES), x: Object.keys(AXES) };
    let rows = ROWS;
    for (const name of data.choices) {
      options[name] = distinct(rows.map((row) => String(row[name])));
      const known = options[name].includes(wanted[name]);
      choices[name] = known ? wanted[name] : preferred(name, options[name], rows);
      rows = rows.filter((row) => String(row[name]) === choices[name]);
    }
    const names = rows.map((row) => row.estimator);
    const kept = names.filter((name) => wanted.estimators?.includes(name));
    return {
      choices: choices,
      options: options,
      y: options.y.includes(wanted.y) ? wanted.y : options.y[0],
      x: options.x.includes(wanted.x) ? wanted.x : options.x[0],
      names: names,
      chosen: kept.length || wanted.estimators?.length === 0 ? kept : names,
      rows: rows,
    };
  }

  // --- the controls

  function wording(name, option) {
    const axis = { y: MEASURES, x: AXES }[name];
    return axis ? axis[option].name : option || "none";
  }

  function fillSelect(name, options, value) {
    const select = part(name);
    if (distinct([...select.options].map((option) => option.value)).join("\n") !== options.join("\n")) {
      select.replaceChildren(...options.map((option) => new Option(wording(name, option), option)));
    }
    select.value = value;
    select.closest("label").hidden = options.length < 2 && (name === "run" || name === "settings");
  }

  function box(name) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = "checkbox";
    input.name = "estimator";
    input.value = name;
    label.append(input, name);
    return label;
  }

  function fillBoxes() {
    const boxes = part("estimators").querySelector(".boxes");
    const present = [...boxes.querySelectorAll("input")].map((input) => input.value);
    if (present.join("\n") !== view.names.join("\n")) {
      boxes.replaceChildren(...view.names.map(box));
    }
    for (const input of boxes.querySelectorAll("input")) {
      input.checked = view.chosen.includes(input.value);
    }
  }

  function fillControls() {
    for (const [name, options] of Object.entries(view.options)) {
      fillSelect(name, options, view.choices[name] ?? view[name]);
    }
    fillBoxes();
  }

  // --- what is drawn

  // What is shown: the measure, the axis and its ends, all estimators of the place, the chosen rows and their curves.
  function shown() {
    const measure = MEASURES[view.y];
    const axis = AXES[view.x];
    const ends = curves.domain(view.rows, axis);
    const rows = view.rows.filter((row) => view.chosen.includes(row.estimator));
    return { measure, axis, ends, names: view.names, rows, lines: curves.curves(rows, measure, axis, ends) };
  }

  const description = (what) => plot.describe(what, data, chart.clientWidth);

  async function draw(what) {
    const drawing = ++drawings;
    const place = document.createElement("div");
    chart.dataset.state = "drawing";
    const result = what.lines.length ? await charts.draw(place, description(what), charts.variable) : null;
    if (drawing !== drawings) {
      result?.finalize(); // another choice was made meanwhile
      return;
    }
    picture?.finalize();
    picture = result;
    chart.replaceChildren(place);
    chart.dataset.state = "ready";
    for (const kind of ["svg", "png"]) {
      part(kind).disabled = picture === null;
    }
  }

  // --- what is said and listed

  function title({ measure, axis }) {
    const { problem, parameter, dimension, backend, dtype } = view.choices;
    return `${measure.name} against ${axis.name}: ${problem}, gradient by ${parameter} (dimension ${dimension}), ${backend} ${dtype}`;
  }

  // What the table and the files hold: the decades of each curve, or one row where n changes nothing.
  function listed({ measure, axis, lines }) {
    return lines.flatMap(({ row, points }) =>
      (measure.flat ? points.slice(0, 1) : points.filter((point) => point.marked)).map((point) => ({
        estimator: row.estimator,
        ...(measure.flat ? {} : { [axis.name]: point.x, "averaged gradients": point.n }),
        [measure.name]: point.value,
        low: point.low,
        high: point.high,
        exact: point.exact,
        trusted: row.trusted,
        settings: row.estimator_settings,
      })),
    );
  }

  function cell(name, value) {
    const element = document.createElement(name === WORDS[0] ? "th" : "td");
    if (name === WORDS[0]) {
      element.scope = "row";
    }
    element.className = WORDS.includes(name) ? "" : "n";
    const told = { true: "yes", false: "no", null: "–" }[value] ?? value;
    element.textContent = typeof value === "number" ? number(value, 4) : told;
    return element;
  }

  function fillTable(rows, caption) {
    const table = part("numbers").querySelector("table");
    const head = Object.keys(rows[0] ?? {}).map((name) => {
      const element = document.createElement("th");
      element.scope = "col";
      element.className = WORDS.includes(name) ? "" : "n";
      element.textContent = name;
      return element;
    });
    const body = rows.map((row) => {
      const line = document.createElement("tr");
      line.append(...Object.entries(row).map(([name, value]) => cell(name, value)));
      return line;
    });
    table.caption.textContent = caption;
    table.tHead.replaceChildren(...head);
    table.tBodies[0].replaceChildren(...body);
    part("numbers").querySelector(".count").textContent = `${rows.length} rows`;
  }

  function strong(text) {
    const element = document.createElement("strong");
    element.textContent = text;
    return element;
  }

  function say(what) {
    const told = curves.summary(what.rows, what.measure, what.axis, what.ends);
    const exact = what.lines.some(({ points }) => points[0].exact > 0) ? ", with exact values" : "";
    part("summary").replaceChildren(strong(told[0]), ` ${told.slice(1).join(" ")}`);
    chart.setAttribute("aria-label", `Chart, both axes logarithmic${exact}. ${title(what)}. ${told.join(" ")}`);
    part("notes").replaceChildren(
      ...curves.notes(what.rows, what.measure, what.axis).map((note) => {
        const item = document.createElement("li");
        item.textContent = note;
        return item;
      }),
    );
    fillTable(listed(what), title(what));
  }

  // --- files

  function save(kind, address) {
    const link = document.createElement("a");
    const name = [view.choices.problem, view.choices.parameter, view.y, view.x].join("-");
    link.href = address;
    link.download = `variance-${name.replace(/[^A-Za-z0-9_-]+/g, "-")}.${kind}`;
    link.click();
  }

  function saveText(kind, type, text) {
    const address = URL.createObjectURL(new Blob([text], { type: type }));
    save(kind, address);
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }

  function csv(rows) {
    const quoted = (value) => (/[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value ?? ""));
    const lines = [Object.keys(rows[0] ?? {}), ...rows.map((row) => Object.values(row))];
    return lines.map((line) => line.map(quoted).join(",") + "\n").join("");
  }

  // What `make` makes of a view in the colours of now, which know no style sheet.
  async function still(make) {
    const spec = { ...description(shown()), background: charts.colour("--card") };
    const result = await charts.draw(document.createElement("div"), spec);
    const made = await make(result.view);
    result.finalize();
    return made;
  }

  const SAVERS = {
    svg: async () => saveText("svg", "image/svg+xml", await still((view) => view.toSVG())),
    png: async () => save("png", await still((view) => view.toImageURL("png", 2))),
    csv: () => saveText("csv", "text/csv", csv(listed(shown()))),
    json: () => saveText("json", "application/json", JSON.stringify(listed(shown()), null, 1)),
  };

  // --- the page

  function show(wanted) {
    view = settle(wanted);
    fillControls();
    const what = shown();
    say(what);
    return draw(what);
  }

  function choose() {
    show(fromForm());
    toAddress();
  }

  function check(all) {
    for (const input of part("estimators").querySelectorAll("input")) {
      input.checked = all;
    }
    choose();
  }

  // An address without a choice is that of a section of the page.
  const chosenInAddress = () => location.hash.includes("=");

  let width = 0;
  const redrawIfWider = new ResizeObserver(() => {
    if (chart.clientWidth !== width) {
      width = chart.clientWidth;
      draw(shown());
    }
  });

  part("tool").hidden = false;
  width = chart.clientWidth;
  form.addEventListener("change", choose);
  part("all").addEventListener("click", () => check(true));
  part("none").addEventListener("click", () => check(false));
  for (const [kind, saver] of Object.entries(SAVERS)) {
    part(kind).addEventListener("click", saver);
  }
  addEventListener("hashchange", () => chosenInAddress() && show(fromAddress()));
  show(fromAddress());
  redrawIfWider.observe(chart);
  if (chosenInAddress()) {
    document.getElementById("explorer").scrollIntoView();
  }
})();
