/** p-queue: a queue within the thread, one task at a time. No thread is crossed and nothing is copied. */
import PQueue from 'p-queue';
import { contend, readSetup, sizeOf } from './contract.mjs';

const queue = new PQueue({ concurrency: 1 });
await contend(readSetup(), (captured) => queue.add(() => sizeOf(captured)));
