//! When what the worker says of a call is said.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use tempfile::TempDir;
use tracing::span::{Attributes, Id};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::world;

/// What a call passes on its way, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    Settled,
    Claimed,
    Prepared,
    Runs,
    Finished,
}

/// The moments of the calls of this process.
pub(super) struct Moments {
    seen: Receiver<(Moment, Instant)>,
    /// What a command is to write a line to as its first step.
    pub(super) pipe: PathBuf,
    _folder: TempDir,
}

impl Moments {
    pub(super) fn watch() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let pipe = folder.path().join("runs");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        // Open for writing too, so that it does not end with the first command.
        let opened = std::fs::File::options().read(true).write(true).open(&pipe);
        let mut lines = opened.expect("the pipe opens");
        let (tell, seen) = channel();
        let watch = Watch(tell.clone());
        let info = watch.with_filter(LevelFilter::INFO);
        // What goes wrong is said.
        let wrong = tracing_subscriber::fmt::layer().with_filter(LevelFilter::WARN);
        let subscriber = tracing_subscriber::registry().with(info).with(wrong);
        tracing::subscriber::set_global_default(subscriber).expect("there is none yet");
        std::thread::spawn(move || {
            while lines.read_exact(&mut [0]).is_ok() {
                let _ = tell.send((Moment::Runs, Instant::now()));
            }
        });
        Self { seen, pipe, _folder: folder }
    }

    /// Waits until the one call under way has finished; its moments in their order.
    pub(super) fn of_a_call(&self) -> [Instant; 5] {
        let mut seen: Vec<(Moment, Instant)> = (0..5)
            .map(|_| self.seen.recv_timeout(world::PATIENCE).expect("the call goes its way"))
            .collect();
        seen.sort();
        let order: Vec<Moment> = seen.iter().map(|(moment, _)| *moment).collect();
        use Moment::{Claimed, Finished, Prepared, Runs, Settled};
        assert_eq!(order, [Settled, Claimed, Prepared, Runs, Finished]);
        std::array::from_fn(|n| seen[n].1)
    }
}

/// Reads the moments off what the worker logs: the span of a call is entered by its claim.
struct Watch(Sender<(Moment, Instant)>);

impl<S: tracing::Subscriber> Layer<S> for Watch {
    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        if span.metadata().name() == "run" {
            let _ = self.0.send((Moment::Claimed, Instant::now()));
        }
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let now = Instant::now();
        let mut said = Said::default();
        event.record(&mut said);
        let moment = match said.0.as_str() {
            "Delivery settled" => Moment::Settled,
            "Call started" => Moment::Prepared,
            "Call finished" => Moment::Finished,
            _ => return,
        };
        let _ = self.0.send((moment, now));
    }
}

/// The message of an event.
#[derive(Default)]
struct Said(String);

impl tracing::field::Visit for Said {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
