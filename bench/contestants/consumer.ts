/** A thread that receives whatever comes. */
import { parentPort, workerData } from 'node:worker_threads';
import { Receiver } from '#channel';

const rx = Receiver.attach<unknown>(workerData);
parentPort?.postMessage('ready');
for (;;) if ((rx.tryRecv() ?? (await rx.recv())) === undefined) break;
