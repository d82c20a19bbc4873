//! Rust's channels doing what the contestants in JavaScript do: `count` tasks from each of `producers` threads go
//! through a queue with room for `capacity` to one thread, and each adds the size of what it captured to a sum.
//!
//! ```text
//! contestants NAME SETUP [MODE]
//!   NAME   template, tokio, crossbeam or std
//!   SETUP  {"count":20000,"producers":1,"capacity":32,"payload":"string"}
//!   MODE   async   async tasks instead of sync ones (template, tokio)
//!          hot     latency of a send, in bursts of 16 that never fill the queue, to a receiver that never sleeps
//!          bursts  latency of a send, in the same bursts, to a receiver that sleeps when it finds nothing
//!          paced   latency of a send, one every 20 µs, counted from when it was due, to such a receiver
//!          fair    how much of each producer is taken in the same second; `count` is not used
//! ```
//!
//! Prints one line of JSON: `{tasks, ms, sum}`, or `{p50, p99, p999, max, count}` in nanoseconds, or `{shares}`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc as std_mpsc, Arc, Barrier};
use std::time::{Duration, Instant};
use std::{env, future::Future, hint, pin::Pin, process::exit, thread};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc as tokio_mpsc;

const BURST: usize = 16;
const PACE: Duration = Duration::from_micros(20);

fn main() {
    let args: Vec<String> = env::args().collect();
    let name = args.get(1).expect("Expected a name");
    let mode = args.get(3).map_or("sync", String::as_str);
    let setup = Setup::parse(args.get(2).expect("Expected a setup"), mode == "async");
    match name.as_str() {
        "template" => run::<Tokio<true>>(setup, mode),
        "tokio" => run::<Tokio<false>>(setup, mode),
        "crossbeam" => run::<Crossbeam>(setup, mode),
        "std" => run::<Std>(setup, mode),
        other => panic!("Expected template, tokio, crossbeam or std, got {other}"),
    }
}

fn run<Q: Queue>(setup: Setup, mode: &str) {
    match mode {
        "sync" | "async" => throughput::<Q>(setup),
        "hot" => latency::<Q>(setup, bursts::<Q>, stay_awake::<Q>),
        "bursts" => latency::<Q>(setup, bursts::<Q>, Q::execute),
        "paced" => latency::<Q>(setup, paced::<Q>, Q::execute),
        "fair" => fairness::<Q>(setup),
        other => panic!("Expected sync, async, hot, bursts, paced or fair, got {other}"),
    }
}

#[derive(Clone)]
struct Setup {
    count: usize,
    producers: usize,
    capacity: usize,
    payload: Captured,
    is_async: bool,
}

impl Setup {
    /// Reads the flat JSON that `JSON.stringify` makes of a setup: no spaces, nothing escaped.
    fn parse(json: &str, is_async: bool) -> Self {
        let field = |key: &str| {
            let start = json.find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("Expected `{key}`"));
            let value = &json[start + key.len() + 3..];
            let end = value.find([',', '}']).expect("Expected the end of a value");
            value[..end].trim().trim_matches('"')
        };
        let number =
            |key: &str| field(key).parse().unwrap_or_else(|_| panic!("Expected `{key}` to be a number"));
        Setup {
            count: number("count"),
            producers: number("producers"),
            capacity: number("capacity"),
            payload: Captured::named(field("payload")),
            is_async,
        }
    }
}

/// What a task captures; each task gets a copy of its own.
#[derive(Clone)]
enum Captured {
    Number(usize),
    Text(String),
    Object(Order),
}

#[derive(Clone)]
#[allow(dead_code)] // carried along, not read
struct Order {
    user: String,
    id: u32,
    urgent: bool,
}

impl Captured {
    fn named(payload: &str) -> Self {
        match payload {
            "number" => Self::Number(11),
            "string" => Self::Text("foo bar baz".into()),
            "object" => Self::Object(Order { user: "foo bar baz".into(), id: 17, urgent: true }),
            "1KiB" => Self::Text("x".repeat(1024)),
            "32KiB" => Self::Text("x".repeat(32 * 1024)),
            other => panic!("Expected a payload, got {other}"),
        }
    }

    /// The work of a task.
    fn size(&self) -> usize {
        match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.len(),
            Self::Object(order) => order.user.len(),
        }
    }
}

/// Who sent a task, and the size of what it captured.
type Outcome = (usize, usize);
type SyncTask = Box<dyn FnOnce() -> Outcome + Send>;
type AsyncTask = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = Outcome>>> + Send>;

enum Task {
    Sync(SyncTask),
    Async(AsyncTask),
}

fn sync_task(setup: &Setup, producer: usize) -> SyncTask {
    assert!(!setup.is_async, "Expected sync tasks");
    let captured = setup.payload.clone();
    Box::new(move || (producer, captured.size()))
}

/// One channel under test.
trait Queue {
    type Task: Send + 'static;
    type Tx: Clone + Send + 'static;
    type Rx: Send + 'static;

    fn channel(capacity: usize) -> (Self::Tx, Self::Rx);
    fn task(setup: &Setup, producer: usize) -> Self::Task;
    /// Blocks until the task is in the queue.
    fn send(tx: &Self::Tx, task: Self::Task);
    /// Runs tasks until all senders are gone; sleeps while there are none.
    fn execute(rx: Self::Rx, done: &mut dyn FnMut(Outcome));
    /// Runs a task if there is one. Only for sync tasks.
    fn try_execute(rx: &mut Self::Rx) -> Option<Outcome>;
}

/// With `NEW_RUNTIME` it is the Rust template as it was written, less its log lines: every `run_task` builds a runtime
/// of its own to send on.
struct Tokio<const NEW_RUNTIME: bool>;

impl<const NEW_RUNTIME: bool> Queue for Tokio<NEW_RUNTIME> {
    type Task = Task;
    type Tx = tokio_mpsc::Sender<Task>;
    type Rx = tokio_mpsc::Receiver<Task>;

    fn channel(capacity: usize) -> (Self::Tx, Self::Rx) {
        tokio_mpsc::channel(capacity)
    }

    fn task(setup: &Setup, producer: usize) -> Task {
        if !setup.is_async {
            return Task::Sync(sync_task(setup, producer));
        }
        let captured = setup.payload.clone();
        Task::Async(Box::new(move || Box::pin(async move { (producer, captured.size()) })))
    }

    fn send(tx: &Self::Tx, task: Task) {
        if NEW_RUNTIME {
            run_task(task, tx.clone());
        } else {
            assert!(tx.blocking_send(task).is_ok());
        }
    }

    fn execute(rx: Self::Rx, done: &mut dyn FnMut(Outcome)) {
        simple_async_runtime().block_on(task_exec(rx, done));
    }

    fn try_execute(rx: &mut Self::Rx) -> Option<Outcome> {
        match rx.try_recv().ok()? {
            Task::Sync(t) => Some(t()),
            Task::Async(_) => unreachable!("Expected sync tasks"),
        }
    }
}

fn run_task(task: Task, tx: tokio_mpsc::Sender<Task>) {
    simple_async_runtime().block_on(async move { assert!(tx.send(task).await.is_ok()) });
}

async fn task_exec(mut rx: tokio_mpsc::Receiver<Task>, done: &mut dyn FnMut(Outcome)) {
    while let Some(task) = rx.recv().await {
        done(match task {
            Task::Sync(t) => t(),
            Task::Async(t) => t().await,
        });
    }
}

fn simple_async_runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

struct Crossbeam;

impl Queue for Crossbeam {
    type Task = SyncTask;
    type Tx = crossbeam_channel::Sender<SyncTask>;
    type Rx = crossbeam_channel::Receiver<SyncTask>;

    fn channel(capacity: usize) -> (Self::Tx, Self::Rx) {
        crossbeam_channel::bounded(capacity)
    }

    fn task(setup: &Setup, producer: usize) -> SyncTask {
        sync_task(setup, producer)
    }

    fn send(tx: &Self::Tx, task: SyncTask) {
        assert!(tx.send(task).is_ok());
    }

    fn execute(rx: Self::Rx, done: &mut dyn FnMut(Outcome)) {
        rx.iter().for_each(|task| done(task()));
    }

    fn try_execute(rx: &mut Self::Rx) -> Option<Outcome> {
        rx.try_recv().ok().map(|task| task())
    }
}

struct Std;

impl Queue for Std {
    type Task = SyncTask;
    type Tx = std_mpsc::SyncSender<SyncTask>;
    type Rx = std_mpsc::Receiver<SyncTask>;

    fn channel(capacity: usize) -> (Self::Tx, Self::Rx) {
        std_mpsc::sync_channel(capacity)
    }

    fn task(setup: &Setup, producer: usize) -> SyncTask {
        sync_task(setup, producer)
    }

    fn send(tx: &Self::Tx, task: SyncTask) {
        assert!(tx.send(task).is_ok());
    }

    fn execute(rx: Self::Rx, done: &mut dyn FnMut(Outcome)) {
        rx.iter().for_each(|task| done(task()));
    }

    fn try_execute(rx: &mut Self::Rx) -> Option<Outcome> {
        rx.try_recv().ok().map(|task| task())
    }
}

/// From the moment that the first thread passes the gate until the last task has run.
fn throughput<Q: Queue>(setup: Setup) {
    let tasks = setup.count * setup.producers;
    let gate = Arc::new(Barrier::new(setup.producers + 1));
    let (tx, rx) = Q::channel(setup.capacity);
    let producers: Vec<_> = (0..setup.producers)
        .map(|producer| {
            let (tx, setup, gate) = (tx.clone(), setup.clone(), gate.clone());
            thread::spawn(move || {
                gate.wait();
                let begin = Instant::now();
                (0..setup.count).for_each(|_| Q::send(&tx, Q::task(&setup, producer)));
                begin
            })
        })
        .collect();
    drop(tx);
    let (mut ran, mut sum) = (0, 0);
    let mut end = None;
    gate.wait();
    let mut begin = Instant::now();
    Q::execute(rx, &mut |(_, size)| {
        ran += 1;
        sum += size;
        if ran == tasks {
            end = Some(Instant::now());
        }
    });
    for producer in producers {
        begin = begin.min(producer.join().unwrap());
    }
    assert_eq!(sum, tasks * setup.payload.size(), "Expected each task to have run once");
    let ms = (end.expect("Expected a task") - begin).as_secs_f64() * 1e3;
    println!(r#"{{"tasks":{tasks},"ms":{ms:.3},"sum":{sum}}}"#);
}

/// Ends the process after half a second without, and one with counting.
fn fairness<Q: Queue>(setup: Setup) {
    let (tx, rx) = Q::channel(setup.capacity);
    for producer in 0..setup.producers {
        let (tx, setup) = (tx.clone(), setup.clone());
        thread::spawn(move || loop {
            Q::send(&tx, Q::task(&setup, producer));
        });
    }
    let counted = Instant::now() + Duration::from_millis(500);
    let mut shares = vec![0; setup.producers];
    Q::execute(rx, &mut |(producer, _)| {
        let now = Instant::now();
        if now > counted + Duration::from_secs(1) {
            println!(r#"{{"shares":{shares:?}}}"#);
            exit(0);
        }
        shares[producer] += usize::from(now > counted);
    });
}

/// For each task, the time from its making until it is in the queue.
type Measure<Q> = fn(&<Q as Queue>::Tx, &Setup, ran: &AtomicUsize) -> Vec<Duration>;
type Executor<Q> = fn(<Q as Queue>::Rx, &mut dyn FnMut(Outcome));

fn latency<Q: Queue>(setup: Setup, measure: Measure<Q>, executor: Executor<Q>) {
    assert_eq!(setup.producers, 1, "Expected one producer");
    assert!(setup.count > 0, "Expected a task");
    assert!(setup.capacity >= BURST, "Expected a capacity of at least {BURST}");
    let (tx, rx) = Q::channel(setup.capacity);
    let ran = Arc::new(AtomicUsize::new(0));
    thread::spawn({
        let ran = ran.clone();
        move || executor(rx, &mut |_| _ = ran.fetch_add(1, Ordering::Release))
    });
    let warm_up = Setup { count: 1_000, ..setup.clone() };
    measure(&tx, &warm_up, &ran);
    await_ran(&ran, warm_up.count);
    ran.store(0, Ordering::Relaxed);
    let mut samples = measure(&tx, &setup, &ran);
    await_ran(&ran, setup.count);

    samples.sort_unstable();
    let at = |quantile: f64| samples[((samples.len() - 1) as f64 * quantile).round() as usize].as_nanos();
    let (p50, p99, p999, max, count) = (at(0.5), at(0.99), at(0.999), at(1.0), samples.len());
    println!(r#"{{"p50":{p50},"p99":{p99},"p999":{p999},"max":{max},"count":{count}}}"#);
}

/// Runs tasks without ever sleeping, until the process ends.
fn stay_awake<Q: Queue>(mut rx: Q::Rx, done: &mut dyn FnMut(Outcome)) {
    loop {
        match Q::try_execute(&mut rx) {
            Some(outcome) => done(outcome),
            None => hint::spin_loop(),
        }
    }
}

/// Sends a few back to back, then waits until they have run: the queue is never full.
fn bursts<Q: Queue>(tx: &Q::Tx, setup: &Setup, ran: &AtomicUsize) -> Vec<Duration> {
    let mut samples = Vec::with_capacity(setup.count);
    for sent in 0..setup.count {
        if sent % BURST == 0 {
            await_ran(ran, sent);
        }
        let begin = Instant::now();
        Q::send(tx, Q::task(setup, 0));
        samples.push(begin.elapsed());
    }
    samples
}

/// A send that comes late because the one before it stalled counts the stall as well.
fn paced<Q: Queue>(tx: &Q::Tx, setup: &Setup, _ran: &AtomicUsize) -> Vec<Duration> {
    let mut samples = Vec::with_capacity(setup.count);
    let mut due = Instant::now();
    for _ in 0..setup.count {
        due += PACE;
        while Instant::now() < due {
            hint::spin_loop();
        }
        Q::send(tx, Q::task(setup, 0));
        samples.push(due.elapsed());
    }
    samples
}

fn await_ran(ran: &AtomicUsize, tasks: usize) {
    while ran.load(Ordering::Acquire) < tasks {
        hint::spin_loop();
    }
}
