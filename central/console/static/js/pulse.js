// A clock that hidden pages keep: browsers slow down the timers of pages in the background, not those of workers.
setInterval(() => postMessage(0), 500);
