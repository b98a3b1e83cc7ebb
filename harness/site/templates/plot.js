// The explorer's curves as a Vega-Lite description.
(function () {
  "use strict";

  const { AXES, decade, number, interval } = curves;
  const HEIGHT = 380; // pixels
  const LEGEND_COLUMN = 240;
  const TICKS = 9; // upwards, at most
  const MEASURED = "measured";
  const DOUBTED = "not to be trusted";
  const EXACT = "exact";
  const DASHES = { [MEASURED]: [1, 0], [DOUBTED]: [7, 4], [EXACT]: [1.5, 4] };

  // expressions of Vega
  const NUMBER = "datum.value >= 1e-3 && datum.value < 1e6 ? format(datum.value, ',~g') : format(datum.value, '~e')";
  const SECONDS = "replace(format(datum.value, '~s'), regexp('(\\\\D?)$'), ' $1s')"; // 10 µs

  const nominal = (field, more) => ({ field: field, type: "nominal", ...more });
  const decades = (first, last) => Array.from({ length: last - first + 1 }, (_, n) => decade(first + n));
  const thinned = (values, most) => values.filter((_, n) => n % Math.ceil(values.length / most) === 0);

  // The ends of the vertical axis: an interval may reach down to 0, the axis may not.
  function heights(lines) {
    const points = lines.flatMap((line) => line.points);
    const positive = points.flatMap(({ value, exact }) => [value, exact]).filter((height) => height > 0);
    const high = points.map((point) => point.high).filter((height) => height > 0);
    return [Math.min(...positive) / 1.5, Math.max(...positive, ...high) * 1.5];
  }

  // A row for each point, and another where the exact value is known.
  function plotted({ lines, axis }, floor) {
    return lines.flatMap(({ row, points }) =>
      points.flatMap((point) => {
        const measured = {
          estimator: row.estimator,
          how: row.trusted === false ? DOUBTED : MEASURED,
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

  // Every estimator of a place keeps its colour and its shape, whichever are chosen.
  function looks({ lines, names }, { colours, shapes }) {
    const drawn = lines.map(({ row }) => row.estimator);
    const positions = drawn.map((name) => names.indexOf(name));
    const rounds = positions.map((position) => Math.floor(position / colours.length));
    return {
      colours: { domain: drawn, range: positions.map((position) => colours[position % colours.length]) },
      shapes: { domain: drawn, range: positions.map((position, n) => shapes[(position + rounds[n]) % shapes.length]) },
    };
  }

  function across({ axis, ends }) {
    const ticks = decades(...ends);
    return {
      field: "x",
      type: "quantitative",
      title: axis.title,
      scale: { type: "log", domain: [ticks[0], ticks.at(-1)], nice: false },
      axis: { values: ticks, labelExpr: axis === AXES.seconds ? SECONDS : NUMBER },
    };
  }

  function up(field, { measure }, [floor, ceiling]) {
    const ticks = decades(Math.ceil(Math.log10(floor)), Math.floor(Math.log10(ceiling)));
    return {
      field: field,
      type: "quantitative",
      title: measure.name,
      scale: { type: "log", domain: [floor, ceiling], nice: false },
      axis: { labelExpr: NUMBER, ...(ticks.length > 2 ? { values: thinned(ticks, TICKS) } : { tickCount: TICKS }) },
    };
  }

  function tooltip({ measure, axis }) {
    return [
      nominal("estimator"),
      nominal("at", { title: axis.name }),
      nominal("n", { title: "averaged gradients" }),
      nominal("value", { title: measure.name }),
      nominal("interval"),
      nominal("exact"),
    ];
  }

  // Bands, measured lines, their marks, exact lines.
  function layers(what, look, values, ends, legend) {
    const kinds = Object.keys(DASHES).filter((kind) => values.some((row) => row.how === kind));
    const x = across(what);
    const y = up("y", what, ends);
    const color = nominal("estimator", {
      scale: look.colours,
      legend: { ...legend, symbolOpacity: 1, symbolSize: 90 },
    });
    const shape = nominal("estimator", { scale: look.shapes });
    const strokeDash = nominal("how", {
      scale: { domain: kinds, range: kinds.map((kind) => DASHES[kind]) },
      legend: { ...legend, symbolType: "stroke", symbolSize: 500, symbolStrokeWidth: 2 },
    });
    const only = (condition) => [{ filter: condition }];
    const marks = (how, filled) => ({
      transform: only(`datum.marked && datum.how === "${how}"`),
      mark: { type: "point", filled: filled, size: 55, opacity: 1 },
      encoding: { x, y, color, shape, tooltip: tooltip(what) },
    });
    return [
      {
        transform: only("isValid(datum.low)"),
        mark: { type: "area", opacity: 0.2, clip: true },
        encoding: { x, y: up("low", what, ends), y2: { field: "high" }, color },
      },
      {
        transform: only(`datum.how !== "${EXACT}"`),
        mark: { type: "line", strokeWidth: 2.5, clip: true },
        encoding: { x, y, color, strokeDash },
      },
      marks(MEASURED, true),
      marks(DOUBTED, false),
      {
        transform: only(`datum.how === "${EXACT}"`),
        mark: { type: "line", style: "exact", strokeWidth: 1.2, clip: true },
        encoding: { x, y, detail: nominal("estimator"), strokeDash },
      },
    ];
  }

  // The description of what is shown, so many pixels wide, in the colours and shapes of the site.
  function describe(what, palette, width) {
    const ends = heights(what.lines);
    const values = plotted(what, ends[0]);
    const columns = Math.max(1, Math.floor(width / LEGEND_COLUMN));
    const legend = { title: null, orient: "bottom", columns: columns, labelLimit: width / columns - 40 };
    return {
      config: {
        axis: { labelFontSize: 11, titleFontSize: 12 },
        legend: { labelFontSize: 12, layout: { bottom: { anchor: "start", direction: "vertical" } } },
      },
      width: width,
      height: HEIGHT,
      autosize: { type: "fit-x", contains: "padding" },
      data: { values: values },
      layer: layers(what, looks(what, palette), values, ends, legend),
    };
  }

  window.plot = { describe };
})();
