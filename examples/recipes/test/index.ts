/** All tests: a list, since not every shell and every Node.js expands a glob. */
import './await-result.test.js';
import './batch.test.js';
import './lanes.test.js';
import './later.test.js';
import './process-metrics.test.js';
import './retry.test.js';
import './web-frameworks.test.js';
