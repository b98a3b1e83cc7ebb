// The variance explorer: what is chosen stands in the address, and decides what is drawn, said, listed and saved.
(function () {
  "use strict";

  const { MEASURES, AXES, decade, number, interval } = curves;
  const HEIGHT = 380;
  const TICKS = 9; // upwards, at most
  const LEGEND_COLUMN = 240; // pixels
  const NUMBER = "datum.value >= 1e-3 && datum.value < 1e6 ? format(datum.value, ',~g') : format(datum.value, '~e')";
  const SECONDS = "replace(format(datum.value, '~s'), regexp('(\\\\D?)$'), ' $1s')"; // 10 µs
  const MEASURED = "measured";
  const DOUBTED = "not to be trusted";
  const EXACT = "exact";
  const WORDS = ["estimator", "trusted", "settings"]; // columns without numbers
  const DASHES = { [MEASURED]: [1, 0], [DOUBTED]: [7, 4], [EXACT]: [1.5, 4] };

  const data = JSON.parse(document.getElementById("explorer-data").textContent);
  const ROWS = data.rows.map((cells) => Object.fromEntries(data.columns.map((name, n) => [name, cells[n]])));

  const part = (name) => document.getElementById("explorer-" + name);
  const form = part("form");
  const chart = part("chart");
  const distinct = (values) => [...new Set(values)];

  let view = null; // what is chosen, see settle
  let picture = null; // Vega's view of it
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

  const doubted = (row) => row.trusted === false;

  // What is shown: the chosen rows, what they are measured by, and their curves.
  function shown() {
    const measure = MEASURES[view.y];
    const axis = AXES[view.x];
    const ends = curves.domain(view.rows, axis);
    const rows = view.rows.filter((row) => view.chosen.includes(row.estimator));
    return { measure, axis, ends, rows, lines: curves.curves(rows, measure, axis, ends) };
  }

  function heights(lines) {
    const points = lines.flatMap((line) => line.points);
    const positive = points.flatMap(({ value, exact }) => [value, exact]).filter((height) => height > 0);
    const high = points.map((point) => point.high).filter((height) => height > 0);
    return [Math.min(...positive) / 1.5, Math.max(...positive, ...high) * 1.5];
  }

  // One row for each point, and another where the exact value is known.
  function plotted({ lines, axis }, floor) {
    return lines.flatMap(({ row, points }) =>
      points.flatMap((point) => {
        const measured = {
          estimator: row.estimator,
          how: doubted(row) ? DOUBTED : MEASURED,
          x: point.x,
          y: point.value,
          low: point.low === null || point.high === null ? null : Math.max(point.low, floor),
          high: point.high,
          marked: point.marked,
          at: axis.text(point.x),
          n: number(point.n),
          value: number(point.value, 4),
          interval: interval(point.low, point.high, 4),
          exact: number(point.exact, 4),
        };
        return point.exact > 0 ? [measured, { ...measured, how: EXACT, y: point.exact, marked: false }] : [measured];
      }),
    );
  }

  // Every estimator of the place keeps its colour and its shape, whichever are chosen.
  function looks(names) {
    const position = (name) => view.names.indexOf(name);
    const { colours, shapes } = data;
    return {
      colours: names.map((name) => colours[position(name) % colours.length]),
      shapes: names.map((name) => {
        const round = Math.floor(position(name) / colours.length);
        return shapes[(position(name) + round) % shapes.length];
      }),
    };
  }

  const decades = (first, last) => Array.from({ length: last - first + 1 }, (_, n) => decade(first + n));
  const thinned = (values, most) => values.filter((_, n) => n % Math.ceil(values.length / most) === 0);

  // The Vega-Lite description of what is shown, so many pixels wide.
  function description(what, width) {
    const names = what.lines.map(({ row }) => row.estimator);
    const { colours, shapes } = looks(names);
    const [floor, ceiling] = heights(what.lines);
    const values = plotted(what, floor);
    const kinds = Object.keys(DASHES).filter((kind) => values.some((row) => row.how === kind));
    const across = decades(...what.ends);
    const up = decades(Math.ceil(Math.log10(floor)), Math.floor(Math.log10(ceiling)));
    const columns = Math.max(1, Math.floor(width / LEGEND_COLUMN));
    const legend = { title: null, orient: "bottom", columns: columns, labelLimit: width / columns - 40 };
    const color = {
      field: "estimator",
      type: "nominal",
      scale: { domain: names, range: colours },
      legend: { ...legend, symbolOpacity: 1, symbolSize: 90 },
    };
    const x = {
      field: "x",
      type: "quantitative",
      title: what.axis.title,
      scale: { type: "log", domain: [across[0], across.at(-1)], nice: false },
      axis: { values: across, labelExpr: what.axis === AXES.seconds ? SECONDS : NUMBER },
    };
    const y = (field) => ({
      field: field,
      type: "quantitative",
      title: what.measure.name,
      scale: { type: "log", domain: [floor, ceiling], nice: false },
      axis: { labelExpr: NUMBER, ...(up.length > 2 ? { values: thinned(up, TICKS) } : { tickCount: TICKS }) },
    });
    const dash = {
      field: "how",
      type: "nominal",
      scale: { domain: kinds, range: kinds.map((kind) => DASHES[kind]) },
      legend: { ...legend, symbolType: "stroke", symbolSize: 500, symbolStrokeWidth: 2 },
    };
    const tooltip = [
      ["estimator", "estimator"],
      ["at", what.axis.name],
      ["n", "averaged gradients"],
      ["value", what.measure.name],
      ["interval", "interval"],
      ["exact", "exact"],
    ].map(([field, title]) => ({ field: field, type: "nominal", title: title }));
    const where = (condition) => [{ filter: condition }];
    const marks = (condition, filled) => ({
      transform: where(condition),
      mark: { type: "point", filled: filled, size: 55, opacity: 1 },
      encoding: {
        x: x,
        y: y("y"),
        color: color,
        shape: { field: "estimator", type: "nominal", scale: { domain: names, range: shapes } },
        tooltip: tooltip,
      },
    });
    return {
      background: charts.colour("--card"),
      config: {
        axis: { labelFontSize: 11, titleFontSize: 12 },
        legend: { labelFontSize: 12, layout: { bottom: { anchor: "start", direction: "vertical" } } },
      },
      width: width,
      height: HEIGHT,
      autosize: { type: "fit-x", contains: "padding" },
      data: { values: values },
      layer: [
        {
          transform: where("isValid(datum.low)"),
          mark: { type: "area", opacity: 0.2, clip: true },
          encoding: { x: x, y: y("low"), y2: { field: "high" }, color: color },
        },
        {
          transform: where(`datum.how !== "${EXACT}"`),
          mark: { type: "line", strokeWidth: 2.5, clip: true },
          encoding: { x: x, y: y("y"), color: color, strokeDash: dash },
        },
        marks(`datum.marked && datum.how === "${MEASURED}"`, true),
        marks(`datum.marked && datum.how === "${DOUBTED}"`, false),
        {
          transform: where(`datum.how === "${EXACT}"`),
          mark: { type: "line", style: "exact", strokeWidth: 1.2, clip: true },
          encoding: { x: x, y: y("y"), detail: { field: "estimator", type: "nominal" }, strokeDash: dash },
        },
      ],
    };
  }

  async function draw(what) {
    const drawing = ++drawings;
    const place = document.createElement("div");
    chart.dataset.state = "drawing";
    const result = what.lines.length ? await charts.draw(place, description(what, chart.clientWidth)) : null;
    if (drawing !== drawings) {
      result?.finalize(); // another choice was made meanwhile
      return;
    }
    picture?.finalize();
    picture = result?.view ?? null;
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

  const SAVERS = {
    svg: async () => saveText("svg", "image/svg+xml", await picture.toSVG()),
    png: async () => save("png", await picture.toImageURL("png", 2)),
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
  charts.onThemeChange(() => draw(shown()));
  show(fromAddress());
  redrawIfWider.observe(chart);
  if (chosenInAddress()) {
    document.getElementById("explorer").scrollIntoView();
  }
})();
