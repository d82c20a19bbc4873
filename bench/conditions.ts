/** What a process runs under: one core, beside busy neighbours, with a quarter of a processor. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';

export interface Condition {
  /** Why it cannot be had here, if it cannot. */
  readonly missing?: string | undefined;
  /** The command that runs a command under it. */
  readonly wrap?: readonly string[];
  /** Starts what the process runs beside. */
  readonly neighbours?: () => readonly ChildProcess[];
}

export const ONE_CORE: Condition = {
  wrap: ['taskset', '-c', '0'],
  missing: existsSync('/usr/bin/taskset') ? undefined : 'there is no `taskset` here',
};

/** Two loops, which end at the latest with this process. */
export const BUSY: Condition = {
  neighbours: () =>
    [1, 2].map(() => {
      const loop = 'while kill -0 $PPID; do n=0; while [ $n -lt 9999 ]; do n=$((n + 1)); done; done';
      return spawn('sh', ['-c', loop], { stdio: 'ignore' });
    }),
};

export const QUARTER: Condition = quarter();

/** A control group of this program's own, by either interface of Linux. */
function quarter(): Condition {
  for (const [root, file, text] of [
    ['/sys/fs/cgroup/cpu', 'cpu.cfs_quota_us', '25000'],
    ['/sys/fs/cgroup', 'cpu.max', '25000 100000'],
  ] as const) {
    const group = `${root}/async-tasks-bench-${process.pid}`;
    try {
      mkdirSync(group);
      process.once('exit', () => rmdirSync(group));
      writeFileSync(`${group}/${file}`, text, { flag: 'r+' });
      return { wrap: ['sh', '-c', `echo $$ > ${group}/cgroup.procs && exec "$@"`, 'sh'] };
    } catch {
      // not there, or not allowed
    }
  }
  return { missing: 'no control group with a quota may be made here' };
}
