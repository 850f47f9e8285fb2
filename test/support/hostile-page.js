/**
 * What a page can try on a server it may not ask. Runs in a browser, in whichever page it is put. Each way takes a
 * target and resolves with everything the page could read of the outcome: bodies, headers, names of events, texts of
 * errors, sizes. A way of whose outcome no page hears resolves at once.
 *
 * A target: its `kind`; `url`, where `{way}` stands for the name of the way; `headers` the page wants to send; `key`;
 * `body` and `form` (name and value of a field), which are the same to a server that reads text; `redirector`, an
 * address that redirects any request to `?to=`.
 */

const patienceMs = 20_000;

const ways = {
  read: {
    'fetch of cors': ({ url }) => answerOf(fetch(url)),
    'fetch of cors with headers': ({ url, headers }) => answerOf(fetch(url, { headers })),
    'fetch of cors with credentials': ({ url }) => answerOf(fetch(url, { credentials: 'include' })),
    'fetch of no-cors': ({ url }) => answerOf(fetch(url, { mode: 'no-cors' })),
    'fetch of no-cors that hides the page': ({ url }) =>
      answerOf(fetch(url, { mode: 'no-cors', referrerPolicy: 'no-referrer', credentials: 'include' })),
    'fetch as same-origin': ({ url, headers }) => answerOf(fetch(url, { mode: 'same-origin', headers })),
    'fetch with keepalive': ({ url }) => answerOf(fetch(url, { mode: 'no-cors', keepalive: true })),
    'fetch by a redirect': ({ url, redirector }) => answerOf(fetch(redirected(redirector, url), { mode: 'no-cors' })),
    'fetch of cors by a redirect': ({ url, redirector }) => answerOf(fetch(redirected(redirector, url))),
    'fetch in a worker': ({ url }) => worker(`fetch(${JSON.stringify(url)}).then(async (answer) => answer.text())`),
    'fetch of no origin': ({ url }) => sandboxed(`fetch(${JSON.stringify(url)}).then((answer) => answer.text())`),
    'script of a worker': ({ url }) => worker(`Promise.resolve(importScripts(${JSON.stringify(url)}))`),
    XMLHttpRequest: ({ url }) => xhr('GET', url, {}),
    'XMLHttpRequest with headers': ({ url, headers }) => xhr('GET', url, { headers }),
    EventSource: ({ url }) => eventSource(url),
    'EventSource with credentials': ({ url }) => eventSource(url, { withCredentials: true }),
    img: ({ url }) => loaded('img', { src: url }, (image) => [image.naturalWidth, image.naturalHeight]),
    'img with credentials': ({ url }) => loaded('img', { crossOrigin: 'use-credentials', src: url }, pixelsOf),
    'img by a redirect': ({ url, redirector }) => loaded('img', { src: redirected(redirector, url) }),
    'picture of a style': ({ url }) => picture(url),
    script: ({ url }) => loaded('script', { src: url }),
    'script of cors': ({ url }) => loaded('script', { crossOrigin: 'anonymous', src: url }),
    'script as a module': ({ url }) => answer(async () => ({ ...(await import(url)) })),
    'link to a style': ({ url }) => loaded('link', { rel: 'stylesheet', href: url }, rulesOf),
    'style that imports': ({ url }) => loaded('style', { textContent: `@import url("${url}");` }, rulesOf),
    'link to preload': ({ url }) =>
      loaded('link', { rel: 'preload', as: 'fetch', crossOrigin: 'anonymous', href: url }),
    'link to prefetch': ({ url }) => loaded('link', { rel: 'prefetch', href: url }),
    font: ({ url }) => answer(async () => (await new FontFace('stolen', `url("${url}")`).load()).status),
    video: ({ url }) =>
      loaded('video', { src: url, preload: 'auto' }, (video) => [video.duration, video.error?.message]),
    track: ({ url }) => track(url),
    iframe: ({ url }) => loaded('iframe', { src: url }, documentOf),
    'iframe by a redirect': ({ url, redirector }) => loaded('iframe', { src: redirected(redirector, url) }, documentOf),
    'iframe of no origin': ({ url }) => loaded('iframe', { sandbox: 'allow-scripts', src: url }, documentOf),
    object: ({ url }) => loaded('object', { data: url }, documentOf),
    embed: ({ url }) =>
      loaded('embed', { src: url }, (embed) => documentOf({ contentDocument: embed.getSVGDocument() })),
    'form that gets into a frame': ({ url }) => formInFrame({ method: 'get', action: url }),
    'window that is opened': ({ url }) => opened((name) => open(url, name)),
  },
  write: {
    'fetch of text': ({ url, body }) => answerOf(fetch(url, { method: 'POST', mode: 'no-cors', body })),
    'fetch of a form': ({ url, form }) =>
      answerOf(fetch(url, { method: 'POST', mode: 'no-cors', body: new URLSearchParams([form]) })),
    'fetch of form data': ({ url, form }) =>
      answerOf(fetch(url, { method: 'POST', mode: 'no-cors', body: dataOf(form) })),
    'fetch of bytes without a type': ({ url, body }) =>
      answerOf(fetch(url, { method: 'POST', mode: 'no-cors', body: new TextEncoder().encode(body) })),
    'fetch with credentials': ({ url, body }) => answerOf(fetch(url, { method: 'POST', credentials: 'include', body })),
    'fetch with headers': ({ url, body, headers }) => answerOf(fetch(url, { method: 'POST', headers, body })),
    'fetch that deletes': ({ url, headers }) => answerOf(fetch(url, { method: 'DELETE', headers })),
    'fetch that puts': ({ url, body, headers }) => answerOf(fetch(url, { method: 'PUT', headers, body })),
    'fetch of text with keepalive': ({ url, body }) =>
      answerOf(fetch(url, { method: 'POST', mode: 'no-cors', keepalive: true, body })),
    'fetch of text by a redirect': ({ url, redirector, body }) =>
      answerOf(fetch(redirected(redirector, url), { method: 'POST', mode: 'no-cors', body })),
    'fetch of text of no origin': ({ url, body }) =>
      sandboxed(`fetch(${JSON.stringify(url)}, { method: 'POST', mode: 'no-cors', body: ${JSON.stringify(body)} })`),
    'XMLHttpRequest of text': ({ url, body }) => xhr('POST', url, { body }),
    'XMLHttpRequest of text with headers': ({ url, body, headers }) => xhr('POST', url, { headers, body }),
    sendBeacon: ({ url, body }) => answer(() => navigator.sendBeacon(url, body)),
    'sendBeacon of a form': ({ url, form }) => answer(() => navigator.sendBeacon(url, dataOf(form))),
    'link that pings': ({ url }) => answer(() => element('a', { href: '#', ping: url }).click()),
    'form of text into a frame': ({ url, form }) =>
      formInFrame({ method: 'post', enctype: 'text/plain', action: url }, form),
    'form into a frame': ({ url, form }) => formInFrame({ method: 'post', action: url }, form),
    'form of parts into a frame': ({ url, form }) =>
      formInFrame({ method: 'post', enctype: 'multipart/form-data', action: url }, form),
    'form of text by a redirect': ({ url, redirector, form }) =>
      formInFrame({ method: 'post', enctype: 'text/plain', action: redirected(redirector, url) }, form),
    'window that a form fills': ({ url, form }) =>
      opened((name) => {
        const other = open('about:blank', name);
        submit({ method: 'post', enctype: 'text/plain', action: url, target: name }, form);
        return other;
      }),
  },
  login: {
    'fetch of a URL with a password': ({ url }) => answerOf(fetch(url, { mode: 'no-cors', credentials: 'include' })),
    'img of a URL with a password': ({ url }) => loaded('img', { src: url }),
    'script of a URL with a password': ({ url }) => loaded('script', { src: url }),
    'window that is opened with a password': ({ url }) => opened((name) => open(url, name)),
  },
  socket: {
    WebSocket: ({ url }) => webSocket(url),
    'WebSocket of the protocol': ({ url }) => webSocket(url, ['tidemark.v1']),
    'WebSocket with a key': ({ url, key }) => webSocket(url, ['tidemark.v1', `tidemark.key.${key}`]),
    'WebSocket in a worker': ({ url, key }) =>
      worker(`new Promise((resolve) => {
        const socket = new WebSocket(${JSON.stringify(url)}, ['tidemark.v1', 'tidemark.key.${key}']);
        socket.onmessage = ({ data }) => resolve(data);
        socket.onclose = ({ code, reason }) => resolve([code, reason]);
      })`),
  },
};

/** Tries every way on every target and returns what was read by each, and what they left in the page. */
globalThis.attack = async (targets) => {
  const before = new Set(Object.getOwnPropertyNames(globalThis));
  const noticed = [];
  const notice = ({ type, message, reason }) => noticed.push([type, message, String(reason)]);
  const noticeable = ['error', 'unhandledrejection', 'securitypolicyviolation'];
  for (const type of noticeable) addEventListener(type, notice, true);
  const attempts = targets.flatMap((target) =>
    Object.entries(ways[target.kind]).map(([way, attempt]) => ({ name: `${target.kind} ${way}`, attempt, target })),
  );
  const run = ({ name, attempt, target }) =>
    patiently(attempt(targetOf(target, name))).then((read) => ({ way: name, url: target.url, read }));
  // Behind a window that opens, frames of the page may not go on loading.
  const isWindow = ({ name }) => name.includes(' window ');
  const outcomes = await Promise.all(attempts.filter((each) => !isWindow(each)).map(run));
  outcomes.push(...(await Promise.all(attempts.filter(isWindow).map(run))));
  for (const type of noticeable) removeEventListener(type, notice, true);
  const left = Object.getOwnPropertyNames(globalThis).filter((name) => !before.has(name));
  // Frames are globals too, which may not be looked at.
  const globals = left.filter((name) => typeof globalThis[name] !== 'object').map((name) => [name, globalThis[name]]);
  const entries = performance.getEntriesByType('resource').map((entry) => entry.toJSON());
  return [
    ...outcomes,
    { way: '(left in the page)', url: location.href, read: JSON.stringify({ noticed, globals, entries }) },
  ];
};

let named = 0;

function targetOf({ url, ...target }, way) {
  return { ...target, url: url.replaceAll('{way}', encodeURIComponent(way)) };
}

/** As text, whatever came of it. */
function patiently(outcome) {
  const late = new Promise((resolve) => setTimeout(resolve, patienceMs, '(nothing happened)'));
  return Promise.race([outcome, late]).then(
    (read) => JSON.stringify(read) ?? 'undefined',
    (error) => `${error?.name}: ${error?.message}`,
  );
}

/** Also of an attempt that throws at once. */
async function answer(attempt) {
  return await attempt();
}

async function answerOf(asked) {
  const response = await asked;
  const { type, status, statusText, url, headers } = response;
  return [type, status, statusText, url, [...headers], await response.text()];
}

function redirected(redirector, url) {
  return `${redirector}?to=${encodeURIComponent(url)}`;
}

function dataOf([name, value]) {
  const data = new FormData();
  data.append(name, value);
  return data;
}

function element(name, properties) {
  const made = document.createElement(name);
  Object.assign(made, properties);
  document.body.append(made);
  return made;
}

/** Resolves when the element has loaded or failed, with what `read` finds in it. */
function loaded(name, properties, read = () => '') {
  return new Promise((resolve) => {
    const made = document.createElement(name);
    const done = ({ type }) => {
      let seen;
      try {
        seen = read(made);
      } catch (error) {
        seen = `${error.name}: ${error.message}`;
      }
      resolve([type, seen]);
    };
    for (const type of ['load', 'error', 'loadedmetadata']) made.addEventListener(type, done);
    Object.assign(made, properties);
    document.body.append(made);
  });
}

function documentOf({ contentDocument, contentWindow }) {
  const found = contentDocument?.documentElement?.outerHTML;
  return found ?? contentWindow?.document.documentElement.outerHTML ?? 'no document';
}

function rulesOf({ sheet }) {
  const shown = getComputedStyle(document.documentElement).getPropertyValue('--shown');
  const rules = [...sheet.cssRules].map((rule) => rule.cssText + (rule.styleSheet?.cssRules[0]?.cssText ?? ''));
  return [shown, rules];
}

function pixelsOf(image) {
  const context = document.createElement('canvas').getContext('2d');
  context.drawImage(image, 0, 0);
  return [image.naturalWidth, image.naturalHeight, context.getImageData(0, 0, 1, 1).data.length];
}

/** Of pictures in styles no page hears; the size of the box is that of the page's own making. */
function picture(url) {
  element('div', { style: `width:9px;height:9px;background-image:url("${url}")` });
  return Promise.resolve('');
}

async function track(url) {
  const video = element('video', { crossOrigin: 'anonymous' });
  const made = document.createElement('track');
  const done = new Promise((resolve) => {
    for (const type of ['load', 'error']) made.addEventListener(type, () => resolve(type));
  });
  Object.assign(made, { kind: 'metadata', default: true, src: url });
  video.append(made);
  made.track.mode = 'hidden';
  return [await done, [...(made.track.cues ?? [])].map(({ text }) => text)];
}

function xhr(method, url, { headers = {}, body }) {
  return new Promise((resolve) => {
    const asked = new XMLHttpRequest();
    asked.open(method, url);
    for (const [name, value] of Object.entries(headers)) asked.setRequestHeader(name, value);
    asked.onloadend = () => resolve([asked.status, asked.getAllResponseHeaders(), asked.responseText]);
    asked.send(body);
  });
}

function eventSource(url, init) {
  return new Promise((resolve) => {
    const source = new EventSource(url, init);
    const done = (event) => {
      source.close();
      resolve([event.type, event.data]);
    };
    for (const type of ['message', 'snapshot', 'events', 'error']) source.addEventListener(type, done);
  });
}

function webSocket(url, protocols = []) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, protocols);
    const seen = [];
    socket.onopen = () => seen.push(`open ${socket.protocol}`);
    socket.onmessage = ({ data }) => {
      seen.push(String(data));
      socket.close();
    };
    socket.onclose = ({ code, reason }) => resolve([...seen, code, reason]);
  });
}

/** What the expression becomes in a worker. */
function worker(expression) {
  const code = `(async () => await ${expression})().then(
    (value) => postMessage([String(value), Object.keys(self).filter((name) => name === 'shown').map((name) => self[name])]),
    (error) => postMessage(String(error)));`;
  const made = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
  return new Promise((resolve) => {
    made.onmessage = ({ data }) => resolve(data);
    made.onerror = ({ message }) => resolve(message);
  });
}

/** What the expression becomes in a frame whose origin is nobody's. */
function sandboxed(expression) {
  const token = `frame ${++named}`;
  const told = `parent.postMessage([${JSON.stringify(token)}, String(value)], '*')`;
  const code = `(async () => await ${expression})().catch(String).then((value) => ${told})`;
  return new Promise((resolve) => {
    addEventListener('message', ({ data }) => {
      if (Array.isArray(data) && data[0] === token) resolve(data[1]);
    });
    element('iframe', { sandbox: 'allow-scripts', srcdoc: `<script>${code.replaceAll('</', '<\\/')}</script>` });
  });
}

function formInFrame(properties, field) {
  const name = `frame ${++named}`;
  return new Promise((resolve) => {
    const frame = element('iframe', { name });
    frame.addEventListener('load', () => {
      let seen;
      try {
        seen = documentOf(frame);
      } catch (error) {
        seen = `${error.name}: ${error.message}`;
      }
      resolve(seen);
    });
    submit({ ...properties, target: name }, field);
  });
}

function submit(properties, [name, value] = ['', '']) {
  const form = document.createElement('form');
  // A form that gets replaces the query of its action by its fields, so the fields say it again.
  const fields = properties.method === 'get' ? [...new URL(properties.action).searchParams] : [[name, value]];
  for (const [fieldName, fieldValue] of fields) {
    form.append(Object.assign(document.createElement('input'), { type: 'hidden', name: fieldName, value: fieldValue }));
  }
  Object.assign(form, properties);
  document.body.append(form);
  form.submit();
}

/** A window beside this one: what can be read of it once it has left the blank page it began with. */
async function opened(begin) {
  const other = begin(`window ${++named}`);
  if (other === null) return 'no window';
  try {
    for (let waited = 0; waited < patienceMs - 1_000; waited += 20) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const { href } = other.location;
      if (href !== 'about:blank' && other.document.readyState === 'complete') break;
    }
    return [other.location.href, other.document.documentElement.outerHTML];
  } catch (error) {
    return `${error.name}: ${error.message}`;
  } finally {
    other.close();
  }
}
