//! Rust's channels doing what the contestants in JavaScript do: `count` tasks from each of `producers` threads go
//! through a queue with room for `capacity` to one thread, and each adds the length of its string to a sum.
//!
//! `contestants template|tokio|crossbeam|std '{"count":20000,"producers":1,"capacity":32}'` prints `{"perSecond":…}`.

use std::sync::{mpsc as std_mpsc, Arc, Barrier};
use std::{env, thread, time::Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc as tokio_mpsc;

const CAPTURED: &str = "foo bar baz";

/// Returns the length of what it captured.
type Task = Box<dyn FnOnce() -> usize + Send>;
/// Blocks until the task is in the queue.
type Sender = Arc<dyn Fn(Task) + Send + Sync>;
/// Runs tasks until all senders are gone, and sleeps while there are none.
type Executor = Box<dyn FnOnce(&mut dyn FnMut(usize))>;

fn main() {
    let args: Vec<String> = env::args().collect();
    let [_, name, setup] = args.as_slice() else { panic!("Expected a name and a setup") };
    let (count, producers) = (number(setup, "count"), number(setup, "producers"));
    let (tx, executor) = queue(name, number(setup, "capacity"));
    let gate = Arc::new(Barrier::new(producers + 1));
    for _ in 0..producers {
        let (tx, gate) = (tx.clone(), gate.clone());
        thread::spawn(move || {
            gate.wait();
            (0..count).for_each(|_| tx(task()));
        });
    }
    drop(tx);
    let mut sum = 0;
    gate.wait();
    let begin = Instant::now();
    executor(&mut |size| sum += size);
    let seconds = begin.elapsed().as_secs_f64();
    assert_eq!(sum, count * producers * CAPTURED.len(), "Expected each task to have run once");
    println!(r#"{{"perSecond":{:.0}}}"#, (count * producers) as f64 / seconds);
}

/// Each task has a string of its own.
fn task() -> Task {
    let captured = CAPTURED.to_string();
    Box::new(move || captured.len())
}

/// Of flat JSON as `JSON.stringify` makes it.
fn number(json: &str, key: &str) -> usize {
    let value = json.split_once(&format!("\"{key}\":")).and_then(|(_, rest)| rest.split([',', '}']).next());
    value.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("Expected a number `{key}`"))
}

fn queue(name: &str, capacity: usize) -> (Sender, Executor) {
    match name {
        "crossbeam" => {
            let (tx, rx) = crossbeam_channel::bounded::<Task>(capacity);
            let send = move |task| assert!(tx.send(task).is_ok());
            (Arc::new(send), Box::new(move |done| rx.iter().for_each(|task| done(task()))))
        }
        "std" => {
            let (tx, rx) = std_mpsc::sync_channel::<Task>(capacity);
            let send = move |task| assert!(tx.send(task).is_ok());
            (Arc::new(send), Box::new(move |done| rx.iter().for_each(|task| done(task()))))
        }
        "tokio" => {
            let (tx, rx) = tokio_mpsc::channel::<Task>(capacity);
            (Arc::new(move |task| assert!(tx.blocking_send(task).is_ok())), task_exec(rx))
        }
        // as it was written, less its log lines: every send builds a runtime of its own
        "template" => {
            let (tx, rx) = tokio_mpsc::channel::<Task>(capacity);
            let send = move |task| {
                let tx = tx.clone();
                simple_async_runtime().block_on(async move { assert!(tx.send(task).await.is_ok()) });
            };
            (Arc::new(send), task_exec(rx))
        }
        other => panic!("Expected template, tokio, crossbeam or std, got {other}"),
    }
}

fn task_exec(mut rx: tokio_mpsc::Receiver<Task>) -> Executor {
    Box::new(move |done| {
        simple_async_runtime().block_on(async move {
            while let Some(task) = rx.recv().await {
                done(task());
            }
        });
    })
}

fn simple_async_runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}
