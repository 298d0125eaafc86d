// Names the value under the pointer. The page is complete without it.
(function () {
  var tip = document.createElement('div');
  tip.className = 'tip';
  tip.hidden = true;
  document.body.appendChild(tip);

  function nums(s) { return s.split(',').map(Number); }
  function value(axis, p) {
    var t = (p - axis[2]) / (axis[3] - axis[2]);
    return axis[4] ? axis[0] * Math.pow(axis[1] / axis[0], t) : axis[0] + t * (axis[1] - axis[0]);
  }
  function text(v) {
    var a = Math.abs(v);
    if (a >= 1e12) return (v / 1e12).toPrecision(4) + ' T';
    if (a >= 1e9) return (v / 1e9).toPrecision(4) + ' G';
    if (a >= 1e6) return (v / 1e6).toPrecision(4) + ' M';
    if (a >= 1e4) return Math.round(v).toLocaleString('en');
    return a && a < 1e-3 ? v.toExponential(2) : String(+v.toPrecision(4));
  }
  function local(svg, e) {
    var p = svg.createSVGPoint();
    p.x = e.clientX; p.y = e.clientY;
    return p.matrixTransform(svg.getScreenCTM().inverse());
  }
  function show(e, s) {
    tip.textContent = s;
    tip.hidden = false;
    var x = e.pageX + 14, w = tip.offsetWidth;
    if (x + w > document.documentElement.clientWidth - 4) x = Math.max(4, e.pageX - w - 14);
    tip.style.left = x + 'px';
    tip.style.top = (e.pageY + 14) + 'px';
  }
  // points undoes the relative moves of a path.
  function points(path) {
    if (path.pts) return path.pts;
    var out = [], x = 0, y = 0, re = /([Mlh])|(-?[\d.]+)/g, m, cmd = '', args = [];
    while ((m = re.exec(path.getAttribute('d')))) {
      if (m[1]) { cmd = m[1]; args = []; continue; }
      args.push(+m[2]);
      if (cmd === 'h') { args = []; continue; }
      if (args.length < 2) continue;
      if (cmd === 'M') { x = args[0]; y = args[1]; cmd = 'l'; } else { x += args[0]; y += args[1]; }
      out.push([x, y]);
      args = [];
    }
    return (path.pts = out);
  }

  document.querySelectorAll('svg.chart').forEach(function (svg) {
    var ax = nums(svg.dataset.x), ay = nums(svg.dataset.y);
    var cross = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    cross.setAttribute('class', 'cross');
    svg.appendChild(cross);
    function move(e) {
      var p = local(svg, e);
      if (p.x < ax[2] - 6 || p.x > ax[3] + 6) return leave();
      var lines = [];
      svg.querySelectorAll('path[data-n]').forEach(function (path) {
        var best = null;
        points(path).forEach(function (q) {
          if (!best || Math.abs(q[0] - p.x) < Math.abs(best[0] - p.x)) best = q;
        });
        if (best && Math.abs(best[0] - p.x) < 40) lines.push(path.dataset.n + '  ' + text(value(ay, best[1])));
      });
      cross.setAttribute('d', 'M' + p.x + ' ' + ay[3] + 'V' + ay[2]);
      show(e, (svg.dataset.unit || 'step') + ' ' + Math.round(value(ax, p.x)).toLocaleString('en') + '\n' + lines.join('\n'));
    }
    function leave() { tip.hidden = true; cross.setAttribute('d', ''); }
    svg.addEventListener('pointermove', move);
    svg.addEventListener('pointerdown', move);
    svg.addEventListener('pointerleave', leave);
  });

  document.querySelectorAll('svg.map').forEach(function (svg) {
    var ax = nums(svg.dataset.x), av = nums(svg.dataset.v), g = nums(svg.dataset.geo), names = svg.dataset.names.split(',');
    var top = g[0], cell = g[1], gap = g[2], groups = g[3], rows = g[4], cols = g[5], per = g[6], first = g[7];
    var cells = atob(svg.dataset.cells);
    function move(e) {
      var p = local(svg, e), y = p.y - top, block = rows * cell + gap;
      var group = Math.floor(y / block), row = Math.floor((y - group * block) / cell);
      var col = Math.floor((p.x - ax[2]) / (ax[3] - ax[2]) * cols);
      if (group < 0 || group >= groups || row < 0 || row >= rows || col < 0 || col >= cols) return leave();
      var q = cells.charCodeAt((group * rows + row) * cols + col);
      var where = names[0] + ' ' + (group + first);
      if (names[1]) where += ', ' + names[1] + ' ' + row * per + (per > 1 ? '–' + (row * per + per - 1) : '');
      var from = ax[0] + (ax[1] - ax[0]) * col / cols, to = ax[0] + (ax[1] - ax[0]) * (col + 1) / cols - 1;
      var at = names[2] === 'step' ? 'step ' + Math.round(from) + (to > from ? '–' + Math.round(to) : '') : names[2] + ' ' + col;
      show(e, where + '\n' + at + '\n' + (q === 255 ? 'no value' : '≈ ' + text(value(av, q / 254))));
    }
    function leave() { tip.hidden = true; }
    svg.addEventListener('pointermove', move);
    svg.addEventListener('pointerdown', move);
    svg.addEventListener('pointerleave', leave);
  });
})();
