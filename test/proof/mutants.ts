/**
 * Ways to break the channel, the ring of ends and the table of runs: mistakes that somebody could make. The scheduler has to
 * find every one in the scenario that it stands under. A `-` line has a piece of the built text, without comments, that is
 * there once; the `+` line below it, what takes its place.
 */
import type { Edit } from './realm.js';

const list = `
## one blocked, one async, which closes early
waiting: a waiter that sends and does not wake the receiver
- if (outcome === Sent.YES) this.#ring.bell.ring();
park: a wake-up that notifies before it clears the word
- Atomics.store(this.#words, this.#at, IDLE); Atomics.notify(this.#words, this.#at);
+ Atomics.notify(this.#words, this.#at); Atomics.store(this.#words, this.#at, IDLE);
park: a thread that looks before it says that it parks
- Atomics.store(this.#words, this.#at, how); if (!ready()) Atomics.wait
+ const is = ready(); Atomics.store(this.#words, this.#at, how); if (!is) Atomics.wait
ring: a sender that does not help TAIL on
- Atomics.compareExchange(words, TAIL, tail, after); continue;
+ continue;
ring: an end that is not looked at again
- else if (Atomics.load(this.words, at) === state) {
+ else {
waiting: a sender that waits in an empty channel
- || !this.#ring.isEmpty)
+ || true)
waiting: a sender that reads CALLS too late
- const calls = Atomics.load(this.#words, CALLS);
- !this.#ring.isEmpty) return calls;
+ !this.#ring.isEmpty) return Atomics.load(this.#words, CALLS);
waiting: a caller that does not look for comers
- if (Atomics.load(this.#words, COMERS) === comers)
+ if (true)
waiting: a call that is not counted
- Atomics.add(this.#words, CALLS, 1); if
+ if
sender: a sender that is closed while sends wait
- if (this.#closed && this.#waiting.count === 0)
+ if (this.#closed)
## long messages, and three cells
park: a thread that awaits without looking
- if (!ready()) {
+ if (true) {
cells: one room for all long messages
- const index = (at - this.#layout.first) / this.#layout.size;
+ const index = 0;
## late wake-ups
park: duties that are not done before a thread is blocked
- for (const duty of duties) duty();
sender: a late wake-up that never comes
- setImmediate(this.#wake);
## one waits, and a newcomer tries
ring: a cell that is busy, taken for a full channel
- this.isLapBefore(before, free)
+ true
waiting: a sender that does not take its turn
- this.turn = Atomics.load(this.#words, CALLS); else
+ ; else
ring: a message that is published before it is copied
- this.copyIn(at, message, length);
- this.sent = p;
+ this.copyIn(at, message, length); this.sent = p;
ring: a sender that goes on without the turn
- Atomics.load(words, CALLS) !== turn
+ false
memory: a lap that is compared wrongly at the wrap-around
- (free === 0 ? this.#laps : free >>> 7) - 1
+ (free >>> 7) - 1
waiting: a caller that leaves WAITS set
- Atomics.and(this.#words, TAIL, ~WAITS);
## the receiver discards what is left while senders write
ring: a sender that publishes in a closed channel
- && this.#moveTailBeyond(p)
+ && (this.#moveTailBeyond(p), false)
ring: a sender that publishes what was discarded
- Atomics.compareExchange(words, at, writing, free | (seat << 2) | Phase.READY) !== writing
+ Atomics.store(words, at, free | (seat << 2) | Phase.READY) === 0
ring: a close that forgets where TAIL is
- Atomics.or(this.words, TAIL, CLOSED);
+ Atomics.store(this.words, TAIL, Atomics.load(this.words, TAIL) | CLOSED);
receiver: a discard that waits for what is being written
- this.#ring.abort();
## the receiver closes, is killed anywhere, and replaced
ring: a sender that gives up and does not say so
- | Phase.ABORTED); this.bell.ring();
+ | Phase.ABORTED);
waiting: a sender that waits in a closed channel
- if ((before & CLOSED) !== 0) return undefined;
ring: an heir that stops at what was taken
- if ((state & ~BELOW_LAP) !== this.#free) { this.#advance();
+ if ((state & ~BELOW_LAP) !== this.#free) { return EMPTY;
receiver: an heir that calls nobody
- receiver.#calls.repeat();
receiver: a close that calls before it closes
- this.#ring.close(); this.#calls.callAll();
+ this.#calls.callAll(); this.#ring.close();
## a message is taken back
ring: a message that is taken back after it was taken
- return Atomics.compareExchange(this.words, at, ready, ready | Phase.ABORTED) === ready;
+ Atomics.store(this.words, at, ready | Phase.ABORTED); return true;
ring: a message that is taken after it was taken back
- Atomics.compareExchange(this.words, at, found, freed) === found;
+ Atomics.store(this.words, at, freed) === freed;
ring: a message that was taken back and stays
- if (!taken) Atomics.store(this.words, at, freed);
receiver: a receiver that calls nobody when it finds nothing
- if (length === EMPTY) this.#calls.callIfWaits();
receiver: a receiver that frees room on its way to sleep, and tells nobody
- #isReady = () => this.#peek() !== EMPTY;
+ #isReady = () => this.#ring.peek() !== EMPTY;
## a receiver that is slow, and senders that look
waiting: a blocked thread that trusts its async waits to be heard
- Math.min(left, LOOK_MS)
+ left
waiting: a blocked thread that does not take the turn that its async waits have swallowed
- if (how === 'ok' || ms !== NAP_MS) this.#calls.take(how);
+ if (how === 'ok') this.#calls.take(how);
waiting: a sender that looks, and waits for its turn
- else this.#calls.take(how);
+ else if (how === 'ok') this.#calls.take(how);
## sends of three senders are aborted, and another waits
waiting: a waiter that has given up and keeps its call
- this.#calls.call(); else
+ ; else
## a send after those before it timed out
waiting: a sender that listens only once
- keepAlive(-1); this.#listening = false;
+ keepAlive(-1);
## a blocking send behind async ones gives up
waiting: the oldest send gives up for another
- const at = this.#sends.indexOf(send);
+ const at = 0;
sender: a send that overtakes those of its thread
- if (this.#waiting.count > 0) return this.#ring.closed ? Sent.CLOSED : Sent.FULL;
## looks and naps
look: a nap that is taken for a message sent
- this.#napping.learn(found); return found;
+ this.#napping.learn(found); return true;
## two threads bury one sender, and its seat is used again
seats: a shared sender that does not count as open
- Atomics.or(words, OPEN, 1 << seat);
seats: a close that does not wake the receiver
- bell.ring(); Atomics.store
+ Atomics.store
seats: two burials at once
- if (Atomics.compareExchange(words, OPENINGS + seat, opening, -opening) !== opening)
+ if (Atomics.load(words, OPENINGS + seat) !== opening)
seats: a seat that is free before its sender is buried
- ring.abort(seat); ring.bell.ringAlways(); calls.repeat(); closeSeat(ring, { seat, opening });
+ closeSeat(ring, { seat, opening }); ring.abort(seat); ring.bell.ringAlways(); calls.repeat();
seats: a seat that is free while it counts as open
- Atomics.and(words, OPEN, ~(1 << seat)); bell.ring(); Atomics.store(words, OPENINGS + seat, (opening + 1) & 0x7fff_fffe);
+ Atomics.store(words, OPENINGS + seat, (opening + 1) & 0x7fff_fffe); Atomics.and(words, OPEN, ~(1 << seat)); bell.ring();
## a sender is killed when it gives up, and buried
seats: a burial that leaves what is half-written
- ring.abort(seat);
ring: a burial that leaves TAIL behind
- this.#moveTailBeyond((state >>> 7) * this.capacity + i);
seats: a burial that trusts WAITS
- calls.repeat();
+ calls.callIfWaits();
## an async sender is killed, and buried
ring: a burial that gives up what others write
- if (seat !== undefined && (state & BELOW_LAP) >> 2 !== seat)
+ if (false)
seats: a burial that trusts the word of the bell
- ring.bell.ringAlways();
+ ring.bell.ring();
## the receiver closes, and that is all
waiting: a close that wakes one sender
- Atomics.notify(this.#words, CALLS);
+ Atomics.notify(this.#words, CALLS, 1);
## ends, and an owner who listens
ends: an owner that wakes a worker only after a whole ring
- if (((tail - before) | 0) === this.count)
+ if (((this.#head - before) | 0) === this.count)
ends: an end that is published before it is written
- numbers[(at >> 1) + ID] = end.id;
- Atomics.store(words, TAIL, this.#tail);
+ Atomics.store(words, TAIL, this.#tail); numbers[(at >> 1) + ID] = end.id;
ends: an end that is told only to callers
- this.#free <= half && this.#lookForRoom() <= half
+ false
park: a thread that looks before it says that it awaits
- Atomics.store(this.#words, this.#at, how); if (!ready()) {
+ const is = ready(); Atomics.store(this.#words, this.#at, how); if (!is) {
## ends that a caller waits for
ends: an end that a caller is not told
- this.bell.ring(); const half
+ const half
ends: a caller that is not eager
- this.bell.hurry();
ends: an owner that looks only at what it has
- this.bell.hurry(); this.drain();
+ this.bell.hurry();
## the worker is killed while it reports
park: a wake-up that is not repeated for a dead worker
- ringAlways() {
+ ringAlways() { if (Atomics.load(this.#words, this.#at) === IDLE) return;
ends: a worker that begins anew
- this.#tail = Atomics.load(this.words, TAIL);
+ this.#tail = 0;
## the owner is blocked in a send, and the ring is full
ends: a worker that writes over an end
- this.#free = this.count - (
+ this.#free = this.count + 1 - (
ends: a worker that waits for an owner who is blocked
- this.#whenFull();
## a task is cancelled, and the worker killed anywhere
receiver: a task that is named after it was taken
- this.#hooks.taking(ring.taken); const taken = ring.take();
+ const position = ring.taken; const taken = ring.take(); this.#hooks.taking(position);
runs: a table that is not cleared
- for (const row of this.rows) row.end();
ring: a task that may be taken back from another sender
- const ready = this.free(p) | (seat << 2) | Phase.READY;
+ const ready = Atomics.load(this.words, this.cell(p));
ring: a position that seems to be here for ever
- return (state & ~BELOW_LAP) === this.free(p) && (state & PHASE_MASK) !== Phase.ABORTED;
+ return true;
## another thread sends a task, and the owner sees it run
runs: a task that keeps the name of the one before
- Atomics.store(this.#words, NAMED, this.#who);
## a deadline, against the end of its task, and another one
runs: a worker that looks at the gate before it names the task
- Atomics.store(this.#words, WHO, this.#who); while (Atomics.load(this.#table, GATE) === SHUT) Atomics.wait(this.#table, GATE, SHUT);
+ while (Atomics.load(this.#table, GATE) === SHUT) Atomics.wait(this.#table, GATE, SHUT); Atomics.store(this.#words, WHO, this.#who);
runs: a worker that starts whatever the gate says
- while (Atomics.load(this.#table, GATE) === SHUT)
+ if (false)
runs: a gate that is opened and nobody told
- Atomics.notify(this.#words, GATE);
runs: a gate that stays shut for the next thread
- this.open();
`;

export interface Mutant {
  readonly name: string;
  readonly scenario: string;
  readonly edits: readonly Edit[];
}

export const mutants: readonly Mutant[] = list.split('\n## ').flatMap((group) => {
  const scenario = group.slice(0, group.indexOf('\n'));
  return [...group.matchAll(/^(\w+): (.*)\n((?:[-+] .*\n?)+)/gm)].map(
    ([, file = '', name = '', diff = '']) => ({
      name,
      scenario,
      edits: [...diff.matchAll(/^- (.*)(?:\n\+ (.*))?/gm)].map(([, from = '', to = '']) => ({
        file,
        from,
        to,
      })),
    }),
  );
});
