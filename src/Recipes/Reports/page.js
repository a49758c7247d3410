// Draws the charts of the page. The numbers are in the element "charts", the colours in the style.
(() => {
  'use strict';

  const charts = JSON.parse(document.getElementById('charts').textContent);
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  const drawn = [];

  const short = (value) => Number(value.toPrecision(3)).toString();
  const scaled = (value, prefixes) => {
    let power = 0;
    while (Math.abs(value) >= 999.5 && power < prefixes.length - 1) {
      value /= 1000;
      power++;
    }

    return `${short(value)} ${prefixes[power]}`.trim();
  };
  const writers = {
    number: (value) => (Math.abs(value) < 1000 ? short(value) : scaled(value, ['', 'k', 'M', 'G', 'T'])),
    percent: (value) => `${short(value * 100)} %`,
    bytes: (value) => scaled(value, ['B', 'kB', 'MB', 'GB', 'TB']),
  };

  /** A label of bars: long names are cut, and take two lines where there is little room. */
  const fit = (label, isNarrow) => {
    const cut = label.length > 24 ? `${label.slice(0, 23)}…` : label;
    const space = cut.indexOf(' ');
    return isNarrow && space > 0 ? [cut.slice(0, space), cut.slice(space + 1)] : cut;
  };

  /** The value at the end of each bar: a bar's length alone is hard to read. */
  const barValues = (write, color) => ({
    id: 'barValues',
    afterDatasetsDraw(chart) {
      const { ctx } = chart;
      ctx.save();
      ctx.fillStyle = color;
      ctx.font = `${Chart.defaults.font.size}px ${Chart.defaults.font.family}`;
      ctx.textBaseline = 'middle';
      chart.getDatasetMeta(0).data.forEach((bar, index) => ctx.fillText(write(chart.data.datasets[0].data[index]), bar.x + 6, bar.y));
      ctx.restore();
    },
  });

  const colors = () => {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(name).trim();
    return { result: of('--result'), other: of('--other'), text: of('--text'), quiet: of('--quiet'), line: of('--line') };
  };

  const draw = (canvas, chart) => {
    const color = colors();
    const write = writers[chart.unit];
    const isBars = chart.form === 'bars';
    const isLine = chart.form === 'line';
    const isNarrow = canvas.parentNode.clientWidth < 480;
    const labels = isBars ? chart.labels.map((label) => fit(label, isNarrow)) : chart.labels;
    if (isBars) {
      canvas.parentNode.style.height = `${chart.labels.length * (isNarrow ? 42 : 36) + 12}px`;
    }

    const datasets = chart.series.map((series) => ({
      label: series.name,
      data: series.values,
      backgroundColor: series.result ? color.result : color.other,
      borderColor: series.result ? color.result : color.other,
      ...(isLine
        ? { borderWidth: 2, pointRadius: 0, pointHitRadius: 12, tension: 0.2 }
        : { grouped: false, order: series.result ? 0 : 1, categoryPercentage: 1, barPercentage: isBars ? 0.6 : labels.length > 80 ? 1 : 0.85, borderRadius: isBars ? 3 : 0, minBarLength: isBars ? 2 : 0 }),
    }));
    const values = {
      beginAtZero: !isLine,
      max: isBars ? Math.max(...chart.series[0].values) : undefined,
      grid: { display: !isBars, color: color.line },
      border: { display: false },
      ticks: { display: !isBars, color: color.quiet, maxTicksLimit: 6, callback: (value) => write(value) },
    };
    const names = {
      grid: { display: false },
      border: { color: color.line, display: !isBars },
      ticks: { display: isBars || isLine, color: isBars ? color.text : color.quiet, autoSkip: !isBars, maxTicksLimit: isLine ? 6 : undefined, maxRotation: 0 },
      title: { display: Boolean(chart.axis), text: chart.axis, color: color.quiet },
    };
    drawn.push(new Chart(canvas, {
      type: isLine ? 'line' : 'bar',
      data: { labels, datasets },
      plugins: isBars ? [barValues(write, color.text)] : [],
      options: {
        animation: false,
        maintainAspectRatio: false,
        indexAxis: isBars ? 'y' : 'x',
        layout: { padding: { right: isBars ? 64 : 0 } },
        interaction: { mode: 'index', axis: isBars ? 'y' : 'x', intersect: false },
        scales: isBars ? { x: values, y: names } : { x: names, y: values },
        plugins: {
          legend: { display: false },
          tooltip: {
            callbacks: {
              title: (items) => chart.labels[items[0].dataIndex],
              label: (item) => `${item.dataset.label}: ${write(item.raw)}`,
            },
          },
        },
      },
    }));
  };

  const drawAll = () => {
    drawn.splice(0).forEach((chart) => chart.destroy());
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    Chart.defaults.font.size = 13;
    document.querySelectorAll('canvas[data-chart]').forEach((canvas) => draw(canvas, charts[Number(canvas.dataset.chart)]));
  };

  drawAll();
  scheme.addEventListener('change', drawAll);
})();
