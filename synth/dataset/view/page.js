// Shows the dialogues of this page. Their text reaches the page as text nodes only.
(function () {
  'use strict';
  var data = JSON.parse(document.getElementById('data').textContent);
  var rows = data.rows, tools = data.tools;
  var $ = function (id) { return document.getElementById(id); };
  var shown = [], at = -1;

  // visible spells out characters that hide, or that turn the direction of the text.
  function visible(s) {
    return String(s).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u0600-\u0605\u061c\u180e\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffc]/g, function (c) {
      return '\u27e8U+' + ('000' + c.charCodeAt(0).toString(16).toUpperCase()).slice(-4) + '\u27e9';
    });
  }
  function el(tag, cls, text) {
    var e = document.createElement(tag);
    if (cls) e.className = cls;
    if (text !== undefined) e.appendChild(marked(visible(text)));
    return e;
  }
  function add(parent) {
    for (var i = 1; i < arguments.length; i++) if (arguments[i]) parent.appendChild(arguments[i]);
    return parent;
  }
  // marked marks what is searched for.
  function marked(s) {
    var q = $('q').value.trim().toLowerCase(), out = document.createDocumentFragment();
    if (q.length < 2) { out.appendChild(document.createTextNode(s)); return out; }
    var low = s.toLowerCase(), from = 0, hit;
    if (low.length !== s.length) { out.appendChild(document.createTextNode(s)); return out; }
    while ((hit = low.indexOf(q, from)) >= 0) {
      out.appendChild(document.createTextNode(s.slice(from, hit)));
      var m = document.createElement('mark');
      m.textContent = s.slice(hit, hit + q.length);
      out.appendChild(m);
      from = hit + q.length;
    }
    out.appendChild(document.createTextNode(s.slice(from)));
    return out;
  }
  function pretty(s) {
    try { return JSON.stringify(JSON.parse(s), null, 2); } catch (e) { return s; }
  }
  // spaced writes short JSON on one line.
  function block(s) {
    var p = pretty(s);
    try { var one = JSON.stringify(JSON.parse(s)); if (one.length < 72) p = s; } catch (e) { /* no JSON: as it is */ }
    return el('pre', '', p);
  }
  function words(s) { return s.replace(/_/g, ' '); }
  function count(n, one, many) { return n + ' ' + (n === 1 ? one : many); }

  rows.forEach(function (r) {
    r.faults = (r.calls || []).filter(function (c) { return c.fault; }).length;
    r.changes = (r.calls || []).reduce(function (n, c) { return n + (c.changes || []).length; }, 0);
    r.ncalls = r.messages.reduce(function (n, m) { return n + (m.tool_calls || []).length; }, 0);
    var first = r.messages.filter(function (m) { return m.role === 'user'; })[0];
    r.first = first ? first.content : '';
    r.text = (r.domain + ' ' + r.category + ' ' + r.kinds.join(' ') + ' ' + r.persona + ' ' + r.id + ' ' + r.key + ' ' + r.messages.map(function (m) {
      return m.content + ' ' + (m.tool_calls || []).map(function (c) { return c.function.name + ' ' + c.function.arguments; }).join(' ');
    }).join(' ') + ' ' + r.tools.map(function (t) { return tools[t].function.name; }).join(' ')).toLowerCase();
  });

  function options(select, all, of) {
    var n = {};
    rows.forEach(function (r) { of(r).forEach(function (k) { n[k] = (n[k] || 0) + 1; }); });
    select.appendChild(new Option(all, ''));
    Object.keys(n).sort().forEach(function (k) { select.appendChild(new Option(words(visible(k)) + ' (' + n[k] + ')', k)); });
  }
  options($('kind'), 'all kinds', function (r) { return r.kinds; });
  options($('domain'), 'all domains', function (r) { return [r.domain]; });

  function filter() {
    var q = $('q').value.trim().toLowerCase(), kind = $('kind').value, domain = $('domain').value;
    shown = rows.filter(function (r) {
      return (!kind || r.kinds.indexOf(kind) >= 0) && (!domain || r.domain === domain) && (!$('faulty').checked || r.faults) &&
        (!$('writing').checked || r.changes) && (!q || r.text.indexOf(q) >= 0);
    });
    var list = $('list');
    list.textContent = '';
    shown.forEach(function (r) {
      var b = el('button');
      b.type = 'button';
      add(b, add(el('b'), el('span', '', words(r.domain)), el('i', '', count(r.ncalls, 'call', 'calls'))), el('small', '', r.first));
      b.addEventListener('click', function () { location.hash = r.id; });
      r.button = b;
      add(list, add(el('li'), b));
    });
    $('count').textContent = shown.length === rows.length ? count(rows.length, 'dialogue', 'dialogues') : shown.length + ' of ' + count(rows.length, 'dialogue', 'dialogues');
    mark();
  }
  function mark() {
    shown.forEach(function (r) { r.button.removeAttribute('aria-current'); });
    if (at >= 0 && rows[at].button) rows[at].button.setAttribute('aria-current', 'true');
  }

  function value(v) { return v === undefined || v === null ? 'nothing' : typeof v === 'string' ? v : JSON.stringify(v); }
  function changes(list) {
    var ul = el('ul', 'changes');
    list.forEach(function (c) {
      var li = add(el('li'), el('span', 'k', c.kind), document.createTextNode(' '), el('code', '', c.entity + ' ' + c.id));
      if (c.field) {
        add(li, document.createTextNode(' '), el('span', '', c.field), document.createTextNode(': '), el('del', '', value(c.before)), document.createTextNode(' \u2192 '), el('ins', '', value(c.after)));
      } else {
        add(li, add(el('details'), el('summary', '', 'record'), el('pre', '', JSON.stringify(c.kind === 'removed' ? c.before : c.after, null, 2))));
      }
      add(ul, li);
    });
    return ul;
  }
  function call(c, result, record) {
    var box = el('section', 'call' + (record.fault ? ' faulty' : record.error ? ' failed' : ''));
    add(box, add(el('header'), el('code', 'name', c.function.name), record.fault ? el('span', 'tag fault', 'fault: ' + words(record.fault)) : null,
      record.error ? el('span', 'tag error', words(record.error)) : null,
      (record.changes || []).length ? el('span', 'tag change', count(record.changes.length, 'change', 'changes')) : null, el('span', 'id', c.id || '')));
    var body = add(el('div', 'body'), el('p', 'label', 'arguments'), block(c.function.arguments));
    if (result) add(body, el('p', 'label', 'result'), block(result.content));
    if ((record.changes || []).length) add(body, changes(record.changes));
    return add(box, body);
  }
  function conversation(r) {
    var box = el('div'), records = {}, results = {};
    (r.calls || []).forEach(function (c) { records[c.id] = c; });
    r.messages.forEach(function (m) { if (m.role === 'tool') (results[m.tool_call_id] = results[m.tool_call_id] || []).push(m); });
    r.messages.forEach(function (m) {
      if (m.role === 'tool' && m.used !== undefined) return;
      var part = el('div', 'msg ' + m.role + (m.weight === 0 ? ' noloss' : ''));
      if (m.role === 'system') {
        add(part, add(el('details'), el('summary', '', 'system prompt'), el('div', 'text', m.content)));
      } else if (m.content) {
        add(part, el('p', 'who', m.role + (m.name && m.role !== 'tool' ? ' ' + m.name : '') + (m.weight === 0 ? ', not learned' : '')), el('div', 'text', m.content));
      }
      (m.tool_calls || []).forEach(function (c) {
        var queue = results[c.id] || [], result = queue.shift();
        if (result) result.used = true;
        add(part, call(c, result, records[c.id] || {}));
      });
      add(box, part);
    });
    r.messages.forEach(function (m) { delete m.used; });
    return box;
  }
  function checks(r) {
    var ul = el('ul', 'checks');
    (r.checks || []).forEach(function (c) {
      add(ul, add(el('li'), el('span', c.pass ? 'ok' : 'no', c.pass ? '\u2713 ' : '\u2717 '), el('span', '', words(c.name)), c.detail ? el('small', '', ' ' + c.detail) : null));
    });
    return ul;
  }
  // rubric shows the criteria as a list and what else there is as JSON.
  function rubric(v) {
    var box = el('div');
    if (v && Array.isArray(v.criteria)) {
      var ul = el('ul');
      v.criteria.forEach(function (c) { add(ul, el('li', '', typeof c === 'string' ? c : JSON.stringify(c))); });
      add(box, ul);
      var rest = {}, any = false;
      Object.keys(v).forEach(function (k) { if (k !== 'criteria') { rest[k] = v[k]; any = true; } });
      if (any) add(box, add(el('details'), el('summary', '', 'expected calls and checkpoints'), el('pre', '', JSON.stringify(rest, null, 2))));
      return box;
    }
    return add(box, el('pre', '', JSON.stringify(v, null, 2)));
  }
  function toolList(r) {
    var box = add(el('details'), el('summary', '', count(r.tools.length, 'tool', 'tools') + ' on offer')), used = {};
    r.messages.forEach(function (m) { (m.tool_calls || []).forEach(function (c) { used[c.function.name] = true; }); });
    r.tools.forEach(function (t) {
      var f = tools[t].function;
      add(box, add(el('div', 'tool' + (used[f.name] ? ' used' : '')), add(el('details'), add(el('summary'), el('code', '', f.name), used[f.name] ? el('span', '', ' called') : null),
        el('pre', '', JSON.stringify(f.parameters, null, 2))), el('p', '', f.description)));
    });
    return box;
  }

  function show() {
    var id = decodeURIComponent(location.hash.slice(1)), main = $('main');
    at = rows.findIndex(function (r) { return r.id === id; });
    document.body.classList.toggle('reading', at >= 0);
    main.textContent = '';
    if (at < 0) {
      add(main, el('p', 'empty', rows.length ? 'Choose a dialogue.' : 'There are no dialogues.'));
      mark();
      return;
    }
    var r = rows[at], bar = el('div', 'bar'), group = el('div');
    var step = function (label, by) {
      var i = shown.indexOf(r) + by, b = el('button', '', label);
      b.type = 'button';
      b.disabled = shown.indexOf(r) < 0 || !shown[i];
      b.addEventListener('click', function () { location.hash = shown[i].id; });
      return b;
    };
    var back = el('button', 'back', 'All dialogues');
    back.type = 'button';
    back.addEventListener('click', function () { location.hash = ''; });
    add(bar, back, add(group, step('\u2190 Previous', -1), document.createTextNode(' '), step('Next \u2192', 1)));
    add(main, bar, el('h2', '', words(r.domain)));
    var tags = el('div', 'tags');
    r.kinds.forEach(function (k) { add(tags, el('span', 'tag kind', words(k))); });
    add(tags, el('span', 'tag', 'difficulty ' + r.difficulty), el('span', 'tag', count(r.ncalls, 'call', 'calls')));
    if (r.persona) add(tags, el('span', 'tag', 'user: ' + words(r.persona)));
    if (r.faults) add(tags, el('span', 'tag fault', count(r.faults, 'fault', 'faults')));
    if (r.changes) add(tags, el('span', 'tag change', count(r.changes, 'state change', 'state changes')));
    var passed = (r.checks || []).filter(function (c) { return c.pass; }).length;
    if ((r.checks || []).length) add(tags, el('span', passed === r.checks.length ? 'tag good' : 'tag error', passed + ' of ' + count(r.checks.length, 'check', 'checks') + ' passed'));
    add(main, tags, toolList(r), conversation(r));
    if ((r.checks || []).length) add(main, el('h3', '', 'Checks'), checks(r));
    if (r.rubric) add(main, el('h3', '', 'Rubric'), rubric(r.rubric));
    add(main, el('p', 'meta', (r.plan ? 'plan ' + r.plan + ' \u00b7 ' : '') + (r.today ? 'today is ' + r.today + ' \u00b7 ' : '') + 'candidate ' + r.index + ' \u00b7 key ' + r.key + ' \u00b7 ' + r.id));
    mark();
    reveal(r.button);
    if (matchMedia('(max-width:760px)').matches) scrollTo(0, 0);
    else if (main.getBoundingClientRect().top < 0) main.scrollIntoView();
  }
  // reveal scrolls the list, and not the page, to a button.
  function reveal(b) {
    var list = $('list');
    if (!b || !b.isConnected) return;
    var top = b.getBoundingClientRect().top - list.getBoundingClientRect().top;
    if (top < 0 || top + b.offsetHeight > list.clientHeight) list.scrollTop += top - list.clientHeight / 3;
  }

  var wait;
  $('q').addEventListener('input', function () { clearTimeout(wait); wait = setTimeout(function () { filter(); if (at >= 0) show(); }, 150); });
  ['kind', 'domain', 'faulty', 'writing'].forEach(function (id) { $(id).addEventListener('change', filter); });
  $('filters').addEventListener('submit', function (e) { e.preventDefault(); });
  addEventListener('hashchange', show);
  filter();
  if (!location.hash && rows.length && !matchMedia('(max-width:760px)').matches) history.replaceState(null, '', '#' + rows[0].id);
  show();
})();
