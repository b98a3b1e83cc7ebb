// From the explorer's rows to curves: what the mean of n gradients of an estimator gives, and where n stands on an axis.
(function () {
  "use strict";

  const DECADES = 5;
  const STEPS = 8; // points of a curve in a decade

  // arithmetic in which null is a number that is not known
  const times = (value, factor) => (value === null || factor === null ? null : value * factor);
  const plus = (a, b) => (a === null || b === null ? null : a + b);

  // of each measure: its name, whether n changes nothing, its values for the mean of n gradients, and how to read them
  const MEASURES = {
    mse: {
      name: "mean squared error",
      flat: false,
      at: (row, n) => ({
        value: plus(row.squared_bias, times(row.variance, 1 / n)),
        low: plus(row.squared_bias_low, times(row.variance_low, 1 / n)),
        high: plus(row.squared_bias_high, times(row.variance_high, 1 / n)),
        exact: row.biased ? null : times(row.exact_variance, 1 / n),
      }),
      note: "Squared bias + variance / n, averaged over the coordinates. An estimator that is unbiased by its row, and in which no bias is found, counts with bias 0.",
    },
    variance: {
      name: "variance",
      flat: false,
      at: (row, n) => ({
        value: times(row.variance, 1 / n),
        low: times(row.variance_low, 1 / n),
        high: times(row.variance_high, 1 / n),
        exact: times(row.exact_variance, 1 / n),
      }),
      note: "Variance / n, averaged over the coordinates. A small variance can be bought with bias: compare the mean squared error.",
    },
    bias: {
      name: "|bias|",
      flat: true,
      at: (row) => ({ value: row.bias, low: row.bias_low, high: row.bias_high, exact: null }),
      note: "Averaging does not lower it. It is the distance of the mean from the true gradient over all coordinates of the parameter, less what sampling errors add to it. A band down to the bottom of the chart holds 0.",
    },
    work: {
      name: "work-normalized variance",
      flat: true,
      at: (row) => ({
        value: times(row.variance, row.seconds_per_gradient),
        low: times(row.variance_low, row.seconds_per_gradient),
        high: times(row.variance_high, row.seconds_per_gradient),
        exact: times(row.exact_variance, row.seconds_per_gradient),
      }),
      note: "Variance of one gradient times its amortised seconds: what is left after one second of averaging. It says nothing about bias.",
    },
  };

  // of each axis: its name, its title, what one gradient takes of it, and its numbers as text
  const AXES = {
    samples: { name: "samples", title: "samples", cost: (row) => row.samples, text: (x) => number(x), note: "" },
    gradients: {
      name: "averaged gradients",
      title: "averaged gradients, n",
      cost: () => 1,
      text: (x) => number(x),
      note: "",
    },
    seconds: {
      name: "seconds",
      title: "time, amortised",
      cost: (row) => row.seconds_per_gradient,
      text: (x) => seconds(x),
      note: "Seconds are amortised: those of one gradient in a block of up to 4,096, without drawing its noise. A call that computes one gradient alone takes far longer.",
    },
  };

  const decade = (exponent) => Number(`1e${exponent}`);

  function number(value, digits = 3) {
    if (value === null) {
      return "–";
    }
    if (value === 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e6)) {
      return value.toLocaleString("en-US", { maximumSignificantDigits: digits });
    }
    return value.toExponential(digits - 1).replace("e+", "e");
  }

  function seconds(value) {
    const [factor, unit] = [[1e9, "ns"], [1e6, "µs"], [1e3, "ms"]].find(([f]) => value * f < 999.5) || [1, "s"];
    return number(value * factor) + " " + unit;
  }

  function interval(low, high, digits = 3) {
    return low === null || high === null ? "–" : `${number(low, digits)} to ${number(high, digits)}`;
  }

  // "a", "a and b", "a, b and c"
  function listing(names) {
    return names.length > 1 ? names.slice(0, -1).join(", ") + " and " + names.at(-1) : names.join("");
  }

  // Decades that hold the first gradient of every row and some more of each.
  function domain(rows, axis) {
    const costs = rows.map(axis.cost).filter((cost) => cost > 0);
    const first = costs.length ? Math.floor(Math.log10(Math.min(...costs))) : 0;
    const last = costs.length ? Math.ceil(Math.log10(Math.max(...costs))) + 2 : 0;
    return [first, Math.max(first + DECADES, last)];
  }

  const ABSENCES = {
    untimed: "the time of a gradient is not known",
    unknown: "the value is not known",
    zero: "the value is 0, for which a logarithmic axis has no place",
  };

  // Why a row has no curve, a key of ABSENCES, or null where it has one.
  function lacking(row, measure, axis) {
    if (!(axis.cost(row) > 0)) {
      return "untimed";
    }
    const value = measure.at(row, 1).value;
    if (value === 0) {
      return "zero";
    }
    return value > 0 ? null : "unknown";
  }

  // The grid of an axis, exact at its decades.
  function grid([first, last]) {
    return Array.from({ length: (last - first) * STEPS + 1 }, (_, step) => ({
      x: step % STEPS === 0 ? decade(first + step / STEPS) : 10 ** (first + step / STEPS),
      marked: step % STEPS === 0,
    }));
  }

  // A row's first gradient and what follows; marks close behind the first are left out.
  function points(row, measure, axis, ends) {
    const cost = axis.cost(row);
    const later = grid(ends).filter(({ x }) => x > cost);
    return [{ x: cost, marked: true }, ...later].map(({ x, marked }) => ({
      x: x,
      n: x / cost,
      marked: marked && (x === cost || x > 1.3 * cost),
      ...measure.at(row, x / cost),
    }));
  }

  // The rows that can be drawn, each with its points.
  function curves(rows, measure, axis, ends) {
    return rows
      .filter((row) => lacking(row, measure, axis) === null)
      .map((row) => ({ row: row, points: points(row, measure, axis, ends) }));
  }

  // What can be compared at one place of the axis, the smallest first.
  function ranking(rows, measure, axis, x) {
    return rows
      .filter((row) => row.trusted !== false && axis.cost(row) > 0 && axis.cost(row) <= x)
      .map((row) => ({ row: row, ...measure.at(row, x / axis.cost(row)) }))
      .filter(({ value }) => value !== null)
      .sort((a, b) => a.value - b.value);
  }

  function overlapping([best, ...others]) {
    return others.filter(({ low }) => low !== null && best.high !== null && low <= best.high);
  }

  // "Along the axis it is a at first, b from 100 samples on.", where it is not always the same.
  function changes(rows, measure, axis, ends) {
    const leaders = [];
    for (const { x } of grid(ends)) {
      const name = ranking(rows, measure, axis, x)[0]?.row.estimator;
      if (name !== undefined && name !== leaders.at(-1)?.name) {
        leaders.push({ name: name, from: x });
      }
    }
    if (leaders.length < 2) {
      return "";
    }
    const later = leaders.slice(1).map(({ name, from }) => `${name} from ${place(axis, from)} on`);
    return `Along the axis it is ${leaders[0].name} at first, ${listing(later)}.`;
  }

  function place(axis, x) {
    return axis === AXES.seconds ? axis.text(x) : `${axis.text(x)} ${axis.name}`;
  }

  // Sentences on what can be compared in the middle of the axis.
  function smallest(rows, measure, axis, ends) {
    const x = decade(Math.floor((ends[0] + ends[1] + 1) / 2));
    const where = measure.flat ? "" : ` at ${place(axis, x)}`;
    const ranked = ranking(rows, measure, axis, x);
    const zeros = ranked.filter(({ value }) => value === 0).map(({ row }) => row.estimator);
    const others = ranked.slice(zeros.length);
    const none = zeros.length ? `The ${measure.name} of ${listing(zeros)} is 0.` : "";
    if (!others.length) {
      return [none || `None of the chosen estimators can be compared${where}.`];
    }
    const [best] = others;
    const close = overlapping(others).map(({ row }) => row.estimator);
    const percent = `${number(100 * best.row.confidence)} % interval ${interval(best.low, best.high, 4)}`;
    const value = `${number(best.value, 4)}${best.low === null ? "" : ` (${percent})`}`;
    const name = `${zeros.length ? "Of the others, " : ""}${best.row.estimator}`;
    return [
      none,
      others.length > 1
        ? `${name} has the smallest ${measure.name}${where}: ${value}.`
        : `${name} has a ${measure.name} of ${value}${where}.`,
      close.length ? `Its interval overlaps with ${close.length > 1 ? "those" : "that"} of ${listing(close)}.` : "",
      best.row.biased && measure !== MEASURES.mse ? "It is biased." : "",
      measure.flat ? "" : changes(others.map(({ row }) => row), measure, axis, ends),
    ].filter(Boolean);
  }

  // The bias that would have been found in some rows: "0.01", or "0.01 to 0.2".
  function reach(rows) {
    const sizes = rows.map((row) => row.detectable_distance).filter((size) => size !== null);
    const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
    return least === most ? number(least, 2) : `${number(least, 2)} to ${number(most, 2)}`;
  }

  function biases(rows) {
    const known = rows.filter((row) => row.bias_seen !== null);
    const seen = known.filter((row) => row.bias_seen);
    const unseen = known.filter((row) => !row.bias_seen);
    const names = (some) => listing(some.map((row) => row.estimator));
    if (!known.length) {
      return ["No bias of the chosen estimators is known here."];
    }
    return [
      seen.length ? `A bias is found in ${names(seen)}.` : "",
      unseen.length ? `None is found in ${names(unseen)}, where one of ${reach(unseen)} would have been found.` : "",
    ].filter(Boolean);
  }

  // What the chart says, in a few sentences, the first of which says most.
  function summary(rows, measure, axis, ends) {
    if (!rows.length) {
      return ["No estimator is chosen."];
    }
    return measure === MEASURES.bias ? biases(rows) : smallest(rows, measure, axis, ends);
  }

  // How to read the chart, and what it does not show.
  function notes(rows, measure, axis) {
    const heavy = rows.filter((row) => row.trusted === false).map((row) => row.estimator);
    const absences = Object.entries(ABSENCES).map(([kind, why]) => {
      const names = rows.filter((row) => lacking(row, measure, axis) === kind).map((row) => row.estimator);
      return names.length ? `Not drawn, since ${why}: ${listing(names)}.` : "";
    });
    return [
      measure.note,
      axis.note,
      heavy.length
        ? `Not to be trusted, dashed and without a band: ${listing(heavy)}. The tail is too heavy for an interval.`
        : "",
      ...absences,
    ].filter(Boolean);
  }

  window.curves = { MEASURES, AXES, decade, number, interval, domain, curves, summary, notes };
})();
