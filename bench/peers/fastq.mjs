/** fastq: a queue within the thread, one task at a time. No thread is crossed and nothing is copied. */
import fastq from 'fastq';
import { contend, readSetup, sizeOf } from './contract.mjs';

const queue = fastq.promise(async (captured) => sizeOf(captured), 1);
await contend(readSetup(), (captured) => queue.push(captured));
