/** A thread that receives whatever comes, through the channel or by `postMessage`. */
import { parentPort, workerData } from 'node:worker_threads';
import { Receiver } from '#index';

const rx = Receiver.attach<unknown>(workerData);
parentPort?.on('message', () => {}).postMessage('ready');
while ((rx.tryRecv() ?? (await rx.recv())) !== undefined);
