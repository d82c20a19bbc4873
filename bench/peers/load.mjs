/** Runs autocannon with the options given as JSON, and prints requests per second and latencies in milliseconds. */
import autocannon from 'autocannon';

const result = await autocannon(JSON.parse(process.argv[2]));
const { requests, latency, non2xx, errors, timeouts } = result;
console.log(
  JSON.stringify({
    perSecond: requests.average,
    p50: latency.p50,
    p99: latency.p99,
    max: latency.max,
    failed: non2xx + errors + timeouts,
  }),
);
