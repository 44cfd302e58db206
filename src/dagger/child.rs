//! Child processes: the only place that starts any.
//!
//! A child is a stream of [`Activity`] that ends in exactly one [`Ended`]. It leads a process
//! group of its own, and nothing of that group outlives the future that watches it: not after a
//! time-out, not after a cancellation, not when the future is dropped. What leaves the group on
//! purpose (`setsid`) is out of reach; it loses its pipe, no more.
//!
//! What it prints is read from both streams at once, masked ([`Redactor`]) and cut into lines.
//! An exit status other than zero is an end like any other, not an error.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::select;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, interval, sleep};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroize as _;

use crate::domain::redact::Redactor;
use lines::Lines;

mod lines;

/// What is to be started. No shell is involved, and nothing is inherited but what is here.
#[derive(Debug, Clone)]
pub struct Program {
    /// A path, or a name to be looked for in the `PATH` of `env`.
    pub program: PathBuf,
    pub args: Vec<OsString>,
    /// The complete environment.
    pub env: Vec<(String, OsString)>,
    pub cwd: PathBuf,
    /// What it reads from its standard input; none is an empty one.
    pub stdin: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// What happens while a child runs.
#[derive(Debug)]
pub enum Activity<'a> {
    /// It runs; always the first.
    Started(Started),
    /// A line without its end, masked, in valid UTF-8. One longer than [`LINE_LIMIT`] comes in
    /// several parts.
    Line(Stream, &'a [u8]),
}

/// Which process it is, in a way that a later start of the agent can check: process ids are used
/// again, a process id together with its start time is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// Also the id of its process group.
    pub pid: i32,
    /// In clock ticks since the machine started, as `/proc/<pid>/stat` has it.
    pub start_time: Option<u64>,
}

/// The one end of a child.
#[derive(Debug)]
pub enum Ended {
    Exited(i32),
    /// Killed by a signal that we did not send.
    Signalled(i32),
    /// We ended it because its time was over.
    TimedOut,
    /// We ended it because somebody asked for it.
    Cancelled,
    /// It never ran.
    NotStarted(io::Error),
}

/// How long a child may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until it is asked to end.
    pub deadline: Duration,
    /// From `SIGINT` to `SIGTERM`, and from there to `SIGKILL`.
    pub grace: Duration,
    /// From its end to the end of its output, which a process that it left behind may hold open.
    pub drain: Duration,
}

impl Limits {
    /// This deadline, with 5 s of grace and 2 s to drain.
    pub fn deadline(deadline: Duration) -> Self {
        Self { deadline, grace: Duration::from_secs(5), drain: Duration::from_secs(2) }
    }
}

/// A line is cut when it grows longer than this, in bytes.
pub const LINE_LIMIT: usize = 64 * 1024;

/// How much is read at once, in bytes: what a pipe holds.
const READ: usize = 64 * 1024;

/// A child's exit is learned from `SIGCHLD`; this is how often we look all the same.
const LOOK: Duration = Duration::from_secs(1);

/// What is left in the pipes after the group was killed is read within this time.
const LEFTOVERS: Duration = Duration::from_millis(250);

/// Runs a program to its end and reports its lines; see [`watch`] for everything.
pub async fn run(
    program: Program,
    redactor: &Redactor,
    deadline: Duration,
    cancel: &CancellationToken,
    mut on_line: impl FnMut(Stream, &[u8]) + Send,
) -> Ended {
    let on = |activity: Activity<'_>| match activity {
        Activity::Started(_) => {}
        Activity::Line(stream, line) => on_line(stream, line),
    };
    watch(program, redactor, Limits::deadline(deadline), cancel, on).await
}

/// Runs a program to its end and reports all that happens.
///
/// At the deadline, or when `cancel` is cancelled, the whole group gets `SIGINT`, then `SIGTERM`,
/// then `SIGKILL`. After the child's own end its output is read until it ends or for
/// [`Limits::drain`], and what is left of its group is killed.
pub async fn watch(
    program: Program,
    redactor: &Redactor,
    limits: Limits,
    cancel: &CancellationToken,
    mut on: impl FnMut(Activity<'_>) + Send,
) -> Ended {
    if cancel.is_cancelled() {
        return Ended::Cancelled;
    }
    // Before the start, or an exit in between would go unnoticed.
    let mut children = match signal(SignalKind::child()) {
        Ok(children) => children,
        Err(error) => return Ended::NotStarted(error),
    };
    let (group, mut input, mut output) = match start(program) {
        Ok(started) => started,
        Err(error) => return Ended::NotStarted(error),
    };
    on(Activity::Started(Started {
        pid: group.id.as_raw(),
        start_time: start_time(group.id.as_raw()),
    }));

    crate::crash::point("child.started");

    let mut lines = Lines::new(redactor);
    let mut ending = None;
    let mut next_step = pin!(sleep(limits.deadline));
    let mut look = interval(LOOK);
    let status = loop {
        // Reading comes last, so that a child that prints without end cannot put off its own.
        select! {
            biased;
            () = cancel.cancelled(), if ending.is_none() => {
                if let Some(status) = group.exited() { break status }
                ending = Some((Ended::Cancelled, group.signal(Signal::SIGINT)));
                next_step.as_mut().reset(Instant::now() + limits.grace);
            }
            () = &mut next_step => {
                if let Some(status) = group.exited() { break status }
                ending = Some(match ending {
                    None => (Ended::TimedOut, group.signal(Signal::SIGINT)),
                    Some((cause, Signal::SIGINT)) => (cause, group.signal(Signal::SIGTERM)),
                    Some((cause, _)) => (cause, group.signal(Signal::SIGKILL)),
                });
                next_step.as_mut().reset(Instant::now() + limits.grace);
            }
            _ = children.recv() => if let Some(status) = group.exited() { break status },
            _ = look.tick() => if let Some(status) = group.exited() { break status },
            () = input.feed(), if input.is_open() => {}
            (stream, bytes) = output.read(), if output.is_open() => {
                lines.push(stream, bytes, &mut on);
            }
        }
    };

    crate::crash::point("child.ended");
    // The leader is gone but not yet reaped: until then nobody else can get its process id, so
    // that killing its group hits nothing but its group.
    next_step.as_mut().reset(Instant::now() + limits.drain);
    let mut given_up = false;
    while output.is_open() {
        select! {
            biased;
            () = &mut next_step => {
                if given_up {
                    break;
                }
                given_up = true;
                group.signal(Signal::SIGKILL);
                next_step.as_mut().reset(Instant::now() + LEFTOVERS);
            }
            (stream, bytes) = output.read() => lines.push(stream, bytes, &mut on),
        }
    }
    drop(group);
    lines.finish(&mut on);
    match (ending, status) {
        (Some((cause, _)), _) => cause,
        (None, WaitStatus::Exited(_, code)) => Ended::Exited(code),
        (None, WaitStatus::Signaled(_, signal, _)) => Ended::Signalled(signal as i32),
        (None, other) => unreachable!("{other:?} is not the end of a process"),
    }
}

/// When the process started, in clock ticks since the machine did; none when there is no such
/// process or the system does not tell.
pub fn start_time(pid: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses and may hold anything, also spaces.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19)?.parse().ok()
}

fn start(program: Program) -> io::Result<(Group, Input, Output)> {
    #[expect(clippy::disallowed_methods, reason = "the one place that starts processes")]
    let mut command = Command::new(&program.program);
    command
        .args(&program.args)
        .env_clear()
        .envs(program.env.iter().map(|(name, value)| (name, value)))
        .current_dir(&program.cwd)
        .process_group(0)
        .stdin(if program.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let spawned = command.spawn();
    // Some are secrets; what the child has of them is its own.
    program.env.into_iter().for_each(|(_, value)| value.into_vec().zeroize());
    let mut leader = spawned?;
    let (stdin, stdout, stderr) = (leader.stdin.take(), leader.stdout.take(), leader.stderr.take());
    // From here on an early return kills what was started.
    let group = Group::new(leader);
    let input = Input {
        text: program.stdin.unwrap_or_default(),
        written: 0,
        pipe: stdin.map(ChildStdin::from_std).transpose()?,
    };
    let output = Output {
        stdout: stdout.map(ChildStdout::from_std).transpose()?,
        stderr: stderr.map(ChildStderr::from_std).transpose()?,
        out: vec![0; READ],
        err: vec![0; READ],
    };
    Ok((group, input, output))
}

/// A process group and its leader; dropping it kills the one and reaps the other.
struct Group {
    id: Pid,
    leader: Option<Child>,
}

impl Group {
    fn new(leader: Child) -> Self {
        let id = i32::try_from(leader.id()).expect("process ids fit pid_t, which is an i32");
        Self { id: Pid::from_raw(id), leader: Some(leader) }
    }

    /// Sends a signal to everyone in it, and gives the signal back.
    fn signal(&self, signal: Signal) -> Signal {
        if let Err(error) = killpg(self.id, signal)
            && error != Errno::ESRCH
        {
            tracing::warn!(pid = self.id.as_raw(), %signal, %error, "Failed to signal a child");
        }
        signal
    }

    /// How the leader ended, if it has; it stays a zombie, which keeps its process id taken.
    fn exited(&self) -> Option<WaitStatus> {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        match waitid(Id::Pid(self.id), flags) {
            Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => None,
            Ok(status) => Some(status),
            Err(error) => {
                // Somebody else reaped it; nothing is known but that it is gone.
                tracing::error!(pid = self.id.as_raw(), %error, "Failed to wait for a child");
                Some(WaitStatus::Exited(self.id, -1))
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(mut leader) = self.leader.take() else { return };
        self.signal(Signal::SIGKILL);
        if !matches!(leader.try_wait(), Ok(None)) {
            return;
        }
        // Killed, but not yet gone: waiting here would hold up the runtime's thread.
        let reaper = std::thread::Builder::new().name("reaper".to_owned());
        if let Err(error) = reaper.spawn(move || leader.wait()) {
            tracing::error!(%error, "Failed to start a thread that reaps a killed child");
        }
    }
}

/// The child's standard input.
struct Input {
    text: Vec<u8>,
    written: usize,
    pipe: Option<ChildStdin>,
}

impl Input {
    fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Writes some of the text; closes the pipe behind the last of it, or when nobody reads.
    async fn feed(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        match pipe.write(&self.text[self.written..]).await {
            Ok(written) if written > 0 => self.written += written,
            Ok(_) | Err(_) => self.written = self.text.len(),
        }
        if self.written == self.text.len() {
            self.pipe = None;
        }
    }
}

/// The child's output, until both streams have ended.
struct Output {
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Output {
    fn is_open(&self) -> bool {
        self.stdout.is_some() || self.stderr.is_some()
    }

    /// The next bytes of either stream; none of them when it has just ended.
    async fn read(&mut self) -> (Stream, &[u8]) {
        let (stream, read) = select! {
            read = read(&mut self.stdout, &mut self.out) => (Stream::Stdout, read),
            read = read(&mut self.stderr, &mut self.err) => (Stream::Stderr, read),
        };
        match (stream, read) {
            (Stream::Stdout, 0) => self.stdout = None,
            (Stream::Stderr, 0) => self.stderr = None,
            _ => {}
        }
        let buffer = if stream == Stream::Stdout { &self.out } else { &self.err };
        (stream, &buffer[..read])
    }
}

/// How much was read; zero is the end, and so is a broken pipe. Waits for ever on a closed one.
async fn read(pipe: &mut Option<impl AsyncRead + Unpin>, buffer: &mut [u8]) -> usize {
    match pipe {
        Some(pipe) => pipe.read(buffer).await.unwrap_or(0),
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
