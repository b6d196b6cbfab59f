// The gateway's own stream, followed by the page: its WebSocket, server-sent events where
// that is blocked, and back to Python's frames while neither can be had. The page shows a
// ticket that Python asks for: good once, for this origin only (README, From a web page).
//
//   gatewayLink({ ask, take, up, down }): ask() wants a ticket, `ticket(answer)` brings it;
//   take(frame) gets odds; up() and down() say whether they come this way now.

const OPENING_MS = 5000; // a proxy that swallows frames is noticed
const LATE_MS = 5000; // past its heartbeat a gateway has stalled: Python takes over, and says so
const STEADY_MS = 10000; // what broke sooner than that is left alone for longer each time
const WAITS_MS = [1000, 2000, 4000, 8000, 16000, 30000];
const ANEW_MS = 6 * 3600_000; // a gateway forgets events that are over without a word
const MAX_HZ = 60; // more than a screen shows need not travel

function gatewayLink({ ask, take, up, down }) {
  const ways = [overSocket, overEvents];
  let way = 0;
  let attempt = 0;
  let close = null; // of what is open
  let timer = 0;
  let isUp = false;
  let upAt = 0;
  let cursor = null;
  let heartbeatMs = 30000 + LATE_MS;
  let disposed = false;

  const expect = (ms, then) => {
    clearTimeout(timer);
    timer = setTimeout(then, ms);
  };

  function start() {
    expect(OPENING_MS, later);
    ask();
  }

  function later(ms) {
    close?.();
    close = null;
    if (isUp) {
      if (performance.now() - upAt > STEADY_MS) attempt = 0;
      isUp = false;
      down();
    }
    if (disposed) return;
    way = 0; // what blocked the socket may have been a gateway that was about to start
    const wait = WAITS_MS[Math.min(attempt, WAITS_MS.length - 1)] * (0.8 + 0.4 * Math.random());
    attempt += 1;
    expect(Math.max(ms ?? 0, wait), start);
  }

  // Before the first word a way may be blocked: the next one is tried at once.
  function failed() {
    if (isUp) return later();
    way = (way + 1) % ways.length;
    if (way === 0) return later();
    close?.();
    close = null;
    start();
  }

  function hear(frame) {
    if (isUp && performance.now() - upAt > ANEW_MS) {
      cursor = null; // or a page that stands for days would keep them
      return later();
    }
    expect(isUp ? heartbeatMs : OPENING_MS, isUp ? later : failed);
    if (frame.type === "connected") {
      isUp = true;
      upAt = performance.now();
      heartbeatMs = (frame.heartbeat_s ?? 30) * 1000 + LATE_MS;
      expect(heartbeatMs, later);
      if (frame.mode !== "snapshot") up();
    } else if (frame.type === "snapshot") {
      cursor = frame.cursor;
      take(frame);
      up();
    } else if (frame.type === "updates") {
      if (!follows(frame.prev)) {
        cursor = null; // what is missing is on a new board
        return later();
      }
      cursor = frame.cursor;
      take(frame);
    } else if (frame.type === "draining") later(frame.retry_ms);
    else if (frame.type === "expiring") later(); // a new ticket is the newer token
  }

  function follows(prev) {
    const [mine, its] = [parse(cursor), parse(prev)];
    return mine && its && mine.epoch === its.epoch && its.seq <= mine.seq;
  }

  function overSocket({ url, ticket, filter }) {
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/api/v1/odds/realtime`);
    socket.onopen = () => socket.send(JSON.stringify({ type: "connect", ticket, resume: cursor, max_hz: MAX_HZ, filter }));
    socket.onmessage = (message) => hear(JSON.parse(message.data));
    socket.onclose = failed;
    return () => {
      socket.onmessage = socket.onclose = null;
      socket.close();
    };
  }

  function overEvents({ url, ticket, filter }) {
    const query = new URLSearchParams({ ticket, max_hz: MAX_HZ, ...(cursor ? { since: cursor } : {}) });
    for (const name of filter?.bookmakers ?? []) query.append("bookmaker", name);
    for (const name of filter?.events ?? []) query.append("event", name);
    for (const name of filter?.markets ?? []) query.append("market", name);
    const events = new EventSource(`${url}/api/v1/odds/stream?${query}`);
    for (const kind of ["connected", "snapshot", "updates", "heartbeat", "draining", "expiring"]) {
      events.addEventListener(kind, (event) => hear({ type: kind, ...JSON.parse(event.data) }));
    }
    events.onerror = failed; // by itself it would come back with a ticket that is used up
    return () => {
      events.onerror = null;
      events.close();
    };
  }

  return {
    start,
    ticket(answer) {
      if (disposed || close) return;
      if (!answer.ticket) return later(answer.retry_ms);
      expect(OPENING_MS, failed);
      try {
        close = ways[way](answer);
      } catch (error) {
        console.debug("protipp_stream: this way is closed to the page", error); // a page of https may open no ws
        failed();
      }
    },
    dispose() {
      disposed = true;
      clearTimeout(timer);
      close?.();
    },
  };
}

function parse(cursor) {
  const at = cursor?.lastIndexOf(":") ?? -1;
  return at < 0 ? null : { epoch: cursor.slice(0, at), seq: Number(cursor.slice(at + 1)) };
}
