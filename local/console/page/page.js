'use strict';
// The page only shows what the API answers, and asks it to do things. All text goes in as text, never as markup.

const $ = id => document.getElementById(id);
const names = {
  received: '已接单', quoted: '已询价', dispatching: '派单中', assigned: '已接', arrived: '到店', picked_up: '已取货', delivered: '已送达',
  cancelling: '取消中', cancelled: '已取消', failed: '无人接单', returning: '退回中', returned: '已退回',
  pushed: '推送', accepted: '接受', refused: '拒绝', open: '未结',
};
const tones = { delivered: 'good', failed: 'bad', cancelled: 'warn', returned: 'warn', cancelling: 'warn', rejected: 'warn', unknown: 'bad', refused: 'bad' };
const label = s => names[s] ? `${names[s]} ${s}` : s;
const yuan = fen => fen == null ? '' : (fen / 100).toLocaleString('zh-CN', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const clockTime = t => t ? new Date(t).toLocaleTimeString('zh-CN', { hour12: false, timeZone: 'Asia/Shanghai' }) : '';

function el(tag, attrs = {}, ...children) {
  const node = document.createElementNS(['svg', 'circle', 'title'].includes(tag) ? 'http://www.w3.org/2000/svg' : 'http://www.w3.org/1999/xhtml', tag);
  for (const [k, v] of Object.entries(attrs)) k.startsWith('on') ? node.addEventListener(k.slice(2), v) : v != null && node.setAttribute(k, v);
  node.append(...children.flat().filter(c => c != null && c !== ''));
  return node;
}

// table shows rows; a column is [heading, row => cell, class].
function table(rows, columns, attrs = () => ({})) {
  if (!rows || !rows.length) return el('p', { class: 'muted' }, '没有 none');
  const head = el('tr', {}, columns.map(([h, , c]) => el('th', { class: c }, h)));
  return el('table', {}, el('thead', {}, head), el('tbody', {}, rows.map(r =>
    el('tr', attrs(r), columns.map(([, cell, c]) => el('td', { class: c }, [cell(r)].flat().map(v => v instanceof Node ? v : String(v ?? ''))))))));
}
const tone = state => el('span', { class: tones[state] || '' }, label(state));
const show = (id, ...nodes) => $(id).replaceChildren(...nodes);

// ids are beyond 2^53: they stay text, whether they travel quoted or not.
const parse = text => JSON.parse(text.replace(/"(id|order|order_id)":\s*(\d{15,})/g, '"$1":"$2"'));

async function api(path, method = 'GET', body) {
  const answer = await fetch(path, { method, body: body && JSON.stringify(body), headers: body && { 'Content-Type': 'application/json' } });
  const value = parse(await answer.text());
  if (!answer.ok) throw new Error(value.hint ? `${value.error}; ${value.hint}` : value.error);
  return value;
}

let noticed;
function notice(text) {
  $('notice').textContent = text;
  clearTimeout(noticed);
  noticed = setTimeout(() => $('notice').textContent = '', 6000);
}
const act = f => async event => {
  try { await f(event); await refresh(); } catch (error) { notice(error.message); }
};

// The chosen order is the page's fragment, so that it can be linked to.
let picked = location.hash.slice(1), frozen;
function pick(id) {
  picked = id;
  history.replaceState(null, '', '#' + id);
}

function showStatus(s) {
  show('counts', ...['pushed', 'accepted', 'open', 'delivered', 'cancelled', 'failed', 'returned', 'refused'].filter(k => k in s.orders)
    .map(k => el('span', {}, el('b', {}, String(s.orders[k])), ' ', names[k] || k)),
    el('span', {}, el('b', {}, yuan(s.ledger && s.ledger.margin_fen)), ' 毛利 margin 元'));
  const violated = (s.invariants && s.invariants.violated) || [], badge = $('invariants');
  badge.className = 'badge ' + (violated.length ? 'bad' : 'good');
  badge.textContent = violated.length ? `不变式 ${violated.length} violated` : `不变式 ${s.invariants ? s.invariants.checked : 0} ✓`;
  badge.title = violated.map(v => typeof v === 'string' ? v : JSON.stringify(v)).join('\n') || 'invariants hold';
  showClock(s.clock);
  show('functions', table(s.functions, [
    ['函数', f => f.name], ['调用', f => f.invocations, 'num'],
    ['实例', f => Object.entries(Object.groupBy(f.instances, i => i.state)).map(([state, list]) => `${list.length} ${state}`).join(', ')]]));
}

function showClock(c) {
  frozen = c.frozen;
  $('now').textContent = new Date(c.virtual).toLocaleString('zh-CN', { hour12: false, timeZone: 'Asia/Shanghai' });
  $('pace').textContent = frozen ? '冻结 frozen' : `×${c.speed} / ×${c.ceiling}`;
  $('freeze').textContent = frozen ? '继续 run' : '冻结 freeze';
  if (document.activeElement !== $('speed') && !$('speed').value) $('speed').value = c.ceiling;
  const next = c.next ? `下一个 next ${clockTime(c.next)}` : '没有定时器 no timer';
  $('busy').textContent = next + Object.entries(c.busy || {}).map(([k, n]) => ` · ${k} ${n}`).join('');
}

function showOrders(list) {
  if (!picked && list.length) pick(list[0].id);
  show('orders', table(list, [
    ['时间', o => clockTime(o.received_at), 'tight'], ['平台', o => o.platform, 'tight'], ['单号', o => o.no], ['状态', o => tone(o.state)], ['运力', o => o.carrier],
    ['', o => o.attention ? el('span', { class: 'bad', title: o.attention }, '⚠ ' + o.attention) : '']],
    o => ({ class: 'pick' + (o.id === picked ? ' picked' : ''), onclick: act(() => pick(o.id)) })));
}

function showOrder(v) {
  const o = v.order;
  const d = v.delivery, stop = s => [s.name, s.phone, s.address].filter(Boolean).join(' ');
  const fact = pairs => el('dl', {}, pairs.filter(([, x]) => x != null && x !== '').flatMap(([k, x]) => [el('dt', {}, k), el('dd', {}, x)]));
  show('order',
    fact([['我方单号 id', o.id], ['平台 platform', `${o.platform} ${o.no}`], ['状态 state', el('span', {}, tone(o.state), o.goal_cause ? ` ${o.goal_cause}` : '')],
      ['配送费 fee', yuan(o.fee_fen) + ' 元' + (o.penalty_fen ? `，违约金 penalty ${yuan(o.penalty_fen)} 元` : '')],
      ['取 from', `${d.city_name} ${o.shop_code} ${stop(d.from)}`], ['送 to', stop(d.to)], ['预约 expected', clockTime(d.expected_at)],
      ['策略 strategy', `${o.strategy} · ${v.strategy.mode} · ${v.why.level}`], ['到期 due', clockTime([o.act_at, o.tell_at, o.post_at].filter(Boolean).sort()[0])],
      ['需人工 attention', o.attention && el('span', { class: 'bad' }, o.attention)]]),
    el('div', { class: 'row' },
      el('button', { onclick: act(() => api(`/api/platforms/${o.platform}/orders/${o.no}/cancel`, 'POST', {})) }, '顾客取消 cancel'),
      el('button', { onclick: act(async () => notice(`重放 replayed: ${(await api('/api/replay', 'POST', { order: o.id })).messages} messages`)) }, '重放 replay')),
    el('h3', {}, '配送单 attempts'), table(v.attempts, [
      ['#', a => a.n], ['运力', a => a.carrier], ['状态', a => tone(a.state)], ['原因', a => a.cause], ['报价', a => yuan(a.price_fen), 'num'],
      ['入账', a => yuan(a.booked_fen), 'num'], ['违约金', a => yuan(a.penalty_fen), 'num'], ['运力单号', a => a.carrier_no]]),
    el('h3', {}, '报价 quotes'), table(v.quotes, [
      ['轮', q => q.round], ['运力', q => q.carrier], ['距离 m', q => q.refused ? '' : q.distance_m, 'num'], ['价', q => q.refused ? '' : yuan(q.price_fen), 'num'], ['', q => q.refused]]),
    el('h3', {}, '时间线 timeline'), table(v.history, [
      ['时间', h => clockTime(h.at), 'tight'], ['版本', h => h.version || ''], ['', h => h.n ? `#${h.n} ${h.kind}` : h.kind, 'tight'],
      ['变化', h => h.from || h.to ? `${h.from || '·'} → ${h.to || '·'}` : '', 'tight'], ['决定', h => el('span', { class: h.decision === 'applied' ? '' : 'muted' }, h.decision), 'tight'],
      ['', h => el('small', { class: 'muted' }, brief(h.detail))]]),
    el('h3', {}, '指令 commands'), table(v.commands, [['', c => c.kind], ['来自', c => c.by], ['原因', c => c.reason], ['结果', c => c.decision]]),
    el('h3', {}, '分录 entries'), table(v.entries, [
      ['账户', e => e.account, 'wrap'], ['借', e => e.direction === 'debit' ? yuan(e.amount_fen) : '', 'num'], ['贷', e => e.direction === 'credit' ? yuan(e.amount_fen) : '', 'num'],
      ['', e => e.reason]]));
}

// brief is the detail of a line of the timeline in a few words.
const brief = detail => Object.entries(detail || {}).filter(([, v]) => v !== '' && v != null && v !== false)
  .map(([k, v]) => k.endsWith('_fen') ? `${k.slice(0, -4)} ${yuan(v)}` : k === 'at' ? clockTime(v) : `${k} ${typeof v === 'object' ? JSON.stringify(v) : v}`).join(' · ');

function showFaults(f) {
  if ($('faults').contains(document.activeElement)) return;
  show('faults', table(Object.keys(f.probabilities).sort(), [
    ['故障', k => k],
    ['概率', k => [el('input', { type: 'range', min: 0, max: 1, step: 0.01, value: f.probabilities[k], 'aria-label': k,
      onchange: act(e => { e.target.blur(); return api('/api/faults', 'POST', { probabilities: { [k]: Number(e.target.value) } }); }) }), ' ' + f.probabilities[k]]],
    ['次数', k => f.counters[k] || 0, 'num']]));
}

function showTopics(t) {
  show('topics', table(t.topics, [
    ['主题', x => x.name], ['类型', x => el('small', {}, x.type)], ['待收', x => sum(x.groups, 'ready'), 'num'], ['在途', x => sum(x.groups, 'in_flight'), 'num'],
    ['延时', x => x.delayed, 'num'], ['死信', x => sum(x.groups, 'dead'), 'num']]));
}
// runway is how long a prepaid account lasts at its present pace.
const runway = m => m == null ? '' : m < 60 ? `${m} 分钟` : m < 2880 ? `${Math.floor(m / 60)} 小时` : `${Math.floor(m / 1440)} 天`;
// businessDay is the date in Shanghai of an instant, a millisecond earlier for the end of a span.
const businessDay = (t, ms = 0) => new Date(Date.parse(t) + ms).toLocaleDateString('sv-SE', { timeZone: 'Asia/Shanghai' });
const settledTones = { paid: 'good', part_paid: 'warn', credit: 'warn' };
const sum = (list, key) => list.reduce((n, g) => n + g[key], 0);

let cities = [];
function showMap(riders) {
  const city = cities.find(c => c.code === $('city').value);
  if (!city) return;
  const shops = city.shops, mid = k => shops.reduce((n, s) => n + s[k], 0) / shops.length, x0 = mid('lng'), y0 = mid('lat');
  const at = p => ({ cx: 50 + (p.lng - x0) * 400, cy: 35 - (p.lat - y0) * 450 });
  const inside = p => Math.abs(p.lng - x0) < 0.2 && Math.abs(p.lat - y0) < 0.15;
  show('map', ...shops.map(s => el('circle', { class: 'shop', r: 0.8, ...at(s) }, el('title', {}, s.name))),
    ...riders.filter(inside).map(r => el('circle', { class: `rider ${r.state}`, r: 1.3, ...at(r) }, el('title', {}, `${r.carrier} ${r.state} ${r.client_no}`))));
}

// Each part is asked for by itself: one that fails leaves the others.
const parts = [
  ['/api/status', showStatus],
  [() => '/api/orders?limit=60&' + new URLSearchParams([...new FormData($('filter'))].filter(([, v]) => v)), r => showOrders(r.orders)],
  [() => picked && '/api/orders/' + picked, showOrder],
  ['/api/faults', showFaults],
  ['/api/topics', showTopics],
  ['/api/riders', r => showMap(r.riders)],
  ['/api/accounts', r => show('accounts', table(r.prepaid, [['运力', p => p.carrier], ['账户', p => p.account], ['可用 元', p => yuan(p.free_fen), 'num'],
    ['底线', p => p.floor_fen ? yuan(p.floor_fen) : '', 'num'], ['可用多久', p => p.used_up ? '用尽' : runway(p.runway_minutes), 'num'], ['告警', p => p.alarm && el('span', { class: 'bad' }, p.alarm), 'wrap']]))],
  ['/api/statements?limit=50', r => show('statements', table(r.statements, [['单号', s => el('a', { href: `/api/statements/${s.id}.html`, target: '_blank' }, s.number), 'wrap'],
    ['账期', s => `${businessDay(s.from)} – ${businessDay(s.until, -1)}`], ['笔数', s => s.lines, 'num'], ['金额 元', s => yuan(s.total_fen), 'num'], ['未结 元', s => yuan(s.open_fen), 'num'],
    ['状态', s => el('span', { class: settledTones[s.state] || '' }, s.state)], ['', s => el('a', { href: `/api/statements/${s.id}.csv` }, 'CSV')]]))],
  ['/api/ledger/balances', r => show('balances', table(r.balances, [['科目', b => b.account, 'wrap'], ['余额 元', b => yuan(b.balance_fen), 'num']]))],
  ['/api/refused?limit=50', r => show('refused', table(r.refused, [['时间', x => clockTime(x.at), 'tight'], ['来自', x => x.party], ['单号', x => x.no], ['原因', x => x.detail || x.reason]]))],
  ['/api/dlq', r => show('dlq', table(r.dead_letters, [['#', x => x.id], ['主题', x => x.topic], ['状态', x => x.state], ['时间', x => clockTime(x.at)]]))],
];

async function refresh() {
  await Promise.all(parts.map(async ([path, draw]) => {
    const url = typeof path === 'function' ? path() : path;
    if (url) try { draw(await api(url)); } catch (error) { notice(error.message); }
  }));
}

async function start() {
  for (const state of Object.keys(names).slice(0, 12)) $('filter').state.append(el('option', { value: state }, label(state)));
  for (const p of ['jd', 'meituan', 'taobao', 'canonical']) $('filter').platform.append(el('option', { value: p }, p));
  cities = (await api('/api/cities')).cities;
  for (const c of cities) $('city').append(el('option', { value: c.code }, c.name));
  const moves = {
    speed: () => ({ speed: Number($('speed').value) }), frozen: () => ({ frozen: !frozen }),
    advance: () => ({ advance: $('by').value }), next: () => ({ run_to: 'next-timer' }),
  };
  for (const b of document.querySelectorAll('[data-clock]')) b.addEventListener('click', act(() => api('/api/clock', 'POST', moves[b.dataset.clock]())));
  for (const b of document.querySelectorAll('[data-fault]')) b.addEventListener('click', act(() => b.dataset.fault === 'none' ? api('/api/faults', 'DELETE') : api('/api/faults', 'POST', { preset: b.dataset.fault })));
  $('order-new').addEventListener('click', act(async () => notice('下单 ordered ' + (await api(`/api/platforms/${$('filter').platform.value || 'meituan'}/orders`, 'POST', {})).no)));
  $('redrive').addEventListener('click', act(async () => notice('重投 redriven ' + (await api('/api/dlq/redrive', 'POST', {})).redriven)));
  $('filter').addEventListener('change', act(() => {}));
  $('filter').addEventListener('submit', e => { e.preventDefault(); refresh(); });
  for (;;) {
    const began = performance.now();
    if (!document.hidden) await refresh();
    await new Promise(done => setTimeout(done, Math.max(1500, 4 * (performance.now() - began)))); // a busy system is asked less often
  }
}

start().catch(error => notice(error.message));
