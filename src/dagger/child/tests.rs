//! Real processes. What a test waits for is an event: a line, or the end of a pipe that a process
//! holds until it dies ([`Witness`]). Nothing here depends on how long anything takes.

use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::thread::JoinHandle;

use nix::sys::stat::Mode;
use tempfile::TempDir;

use super::*;

fn sh(script: &str) -> Program {
    Program {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), script.into()],
        env: vec![("PATH".to_owned(), "/usr/bin:/bin".into())],
        cwd: "/".into(),
        stdin: None,
    }
}

/// Grace short enough for tests, and a deadline that only a broken test meets.
fn limits() -> Limits {
    let soon = Duration::from_millis(50);
    Limits { deadline: Duration::from_secs(120), grace: soon, drain: soon }
}

/// What a finished child left: its end and its lines, `1:` or `2:` before each by its stream.
struct Seen {
    ended: Ended,
    lines: Vec<String>,
    pid: i32,
}

async fn see(program: Program, limits: Limits) -> Seen {
    see_with(program, limits, &CancellationToken::new(), |_| {}).await
}

async fn see_with(
    program: Program,
    limits: Limits,
    cancel: &CancellationToken,
    mut on_line: impl FnMut(&str) + Send,
) -> Seen {
    let mut lines = Vec::new();
    let mut pid = 0;
    let redactor = Redactor::new(&["hunter2"]);
    let ended = watch(program, &redactor, limits, cancel, |activity| match activity {
        Activity::Started(started) => {
            assert!(started.start_time.is_some());
            assert_eq!(start_time(started.pid), started.start_time);
            pid = started.pid;
        }
        Activity::Line(stream, line) => {
            let line = std::str::from_utf8(line).expect("lines are valid UTF-8");
            lines.push(format!("{}:{line}", if stream == Stream::Stdout { 1 } else { 2 }));
            on_line(line);
        }
    })
    .await;
    Seen { ended, lines, pid }
}

/// A named pipe whose end tells that every process that held it is gone.
struct Witness {
    folder: TempDir,
    reader: JoinHandle<String>,
}

impl Witness {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("witness");
        nix::unistd::mkfifo(&path, Mode::S_IRWXU).unwrap();
        let reader = std::thread::spawn(move || {
            let mut said = String::new();
            fs::File::open(path).unwrap().read_to_string(&mut said).unwrap();
            said
        });
        Self { folder, reader }
    }

    /// A shell redirection that holds the pipe.
    fn held(&self) -> String {
        format!("9>{}", self.folder.path().join("witness").display())
    }

    /// Waits until nobody holds it; gives back what was written to it.
    async fn gone(self) -> String {
        let wake = || {
            // The reader waits for a first writer, whom a quick death may have kept from it.
            let path = self.folder.path().join("witness");
            let flags = nix::libc::O_NONBLOCK;
            drop(fs::OpenOptions::new().write(true).custom_flags(flags).open(path));
        };
        while !self.reader.is_finished() {
            wake();
            sleep(Duration::from_millis(1)).await;
        }
        self.reader.join().unwrap()
    }
}

/// A named pipe in a folder of its own, for a word between a child and somebody else.
fn fifo() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    nix::unistd::mkfifo(&path, Mode::S_IRWXU).unwrap();
    let path = path.display().to_string();
    (folder, path)
}

fn exists(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[tokio::test]
async fn the_exit_status_is_the_end() {
    for (script, expected) in [
        ("exit 0", "Exited(0)"),
        ("exit 1", "Exited(1)"),
        ("exit 255", "Exited(255)"),
        ("no-such-command 2>&-", "Exited(127)"),
        ("kill -TERM $$", "Signalled(15)"),
        ("kill -KILL $$", "Signalled(9)"),
        // Not HUP: `nohup` has it ignored, and children take that over.
        ("kill -USR1 $$", "Signalled(10)"),
    ] {
        let seen = see(sh(script), limits()).await;
        assert_eq!(format!("{:?}", seen.ended), expected, "{script}");
        assert!(!exists(seen.pid), "{script} leaves a zombie");
    }
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let missing = Program { program: "/no/such/dagger".into(), ..sh("") };
    let not_in_path = Program { program: "dagger-of-nowhere".into(), ..sh("") };
    let nowhere = Program { cwd: "/no/such/folder".into(), ..sh("") };
    for program in [missing, not_in_path, nowhere] {
        match see(program, limits()).await.ended {
            Ended::NotStarted(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn both_streams_come_in_lines() {
    let script = r"printf 'one\r\n\ntwo' && printf 'three\nfour\r\n' >&2 && printf ' and more'";
    let mut lines = see(sh(script), limits()).await.lines;
    lines.sort();
    assert_eq!(lines, ["1:", "1:one", "1:two and more", "2:four", "2:three"]);
}

#[tokio::test]
async fn a_line_arrives_while_the_child_runs() {
    let (_folder, fifo) = fifo();
    // Were the line held back until the end, nobody would ever answer.
    let script = format!("echo asking; read answer < {fifo}; echo got $answer");
    let seen = see_with(sh(&script), limits(), &CancellationToken::new(), |line| {
        if line == "asking" {
            fs::write(&fifo, "this\n").unwrap();
        }
    })
    .await;
    assert_eq!(seen.lines, ["1:asking", "1:got this"]);
}

#[tokio::test]
async fn a_secret_written_in_two_halves_is_masked() {
    let (_folder, fifo) = fifo();
    let script = format!("printf 'ready\\na hunt'; read x < {fifo}; echo er2 z; echo hunt");
    let seen = see_with(sh(&script), limits(), &CancellationToken::new(), |line| {
        if line == "ready" {
            fs::write(&fifo, "on\n").unwrap();
        }
    })
    .await;
    assert_eq!(seen.lines, ["1:ready", "1:a *** z", "1:hunt"]);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_replaced() {
    let seen = see(sh(r"printf 'a\377b\n\303'"), limits()).await;
    assert_eq!(seen.lines, ["1:a\u{fffd}b", "1:\u{fffd}"]);
}

#[tokio::test]
async fn an_endless_line_is_cut_between_characters() {
    // 100,000 times two bytes, and one before, so that the limit falls into a character.
    let script = "printf x; yes é | head -n 100000 | tr -d '\\n'";
    let seen = see(sh(script), limits()).await;
    let lengths: Vec<usize> = seen.lines.iter().map(|line| line.len() - 2).collect();
    assert_eq!(lengths, [LINE_LIMIT - 1, LINE_LIMIT, LINE_LIMIT, 200_001 - 3 * LINE_LIMIT + 1]);
    assert!(!seen.lines.concat().contains('\u{fffd}'));
}

#[tokio::test]
async fn much_output_on_both_streams_does_not_block() {
    let script = "yes out | head -n 200000; yes err | head -n 200000 >&2; echo end";
    let seen = see(sh(script), limits()).await;
    assert_eq!(seen.lines.len(), 400_001);
    assert_eq!(seen.lines.iter().filter(|line| *line == "2:err").count(), 200_000);
}

#[tokio::test]
async fn environment_folder_and_input_are_what_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let cwd = folder.path().canonicalize().unwrap();
    let mut program = sh("");
    program.program = "env".into();
    program.args = Vec::new();
    program.env.push(("NAME".to_owned(), OsStr::new("a value").to_owned()));
    let mut lines = see(program, limits()).await.lines;
    lines.sort();
    assert_eq!(lines, ["1:NAME=a value", "1:PATH=/usr/bin:/bin"]);

    let program = Program { cwd: cwd.clone(), ..sh("pwd; cat; ls -A") };
    assert_eq!(see(program, limits()).await.lines, [format!("1:{}", cwd.display())]);

    let text = "0123456789abcde\n".repeat(20_000);
    let program = Program { stdin: Some(text.into_bytes()), ..sh("wc -c; exit 4") };
    let seen = see(program, limits()).await;
    assert_eq!(
        (seen.lines, format!("{:?}", seen.ended)),
        (vec!["1:320000".into()], "Exited(4)".into())
    );

    // Nobody reads it.
    let program = Program { stdin: Some(vec![b'x'; 1 << 20]), ..sh("exit 0") };
    assert!(matches!(see(program, limits()).await.ended, Ended::Exited(0)));
}

#[tokio::test]
async fn a_cancelled_child_may_say_goodbye() {
    let cancel = CancellationToken::new();
    let script = "trap 'echo bye; exit 3' INT; echo ready; while :; do sleep 0.01; done";
    let patient = Limits { grace: Duration::from_secs(60), ..limits() };
    let seen = see_with(sh(script), patient, &cancel, |line| {
        if line == "ready" {
            cancel.cancel();
        }
    })
    .await;
    assert!(matches!(seen.ended, Ended::Cancelled), "{:?}", seen.ended);
    assert_eq!(seen.lines, ["1:ready", "1:bye"]);
    assert!(!exists(seen.pid));
}

#[tokio::test]
async fn a_deaf_child_and_its_children_are_killed() {
    let witness = Witness::new();
    let cancel = CancellationToken::new();
    let held = witness.held();
    let script = format!(
        "trap '' INT TERM
        (trap '' INT TERM; echo grandchild >&9; echo ready; while :; do sleep 1000; done) {held} &
        while :; do sleep 1000; done"
    );
    let seen = see_with(sh(&script), limits(), &cancel, |line| {
        if line == "ready" {
            cancel.cancel();
        }
    })
    .await;
    assert!(matches!(seen.ended, Ended::Cancelled), "{:?}", seen.ended);
    assert_eq!(witness.gone().await, "grandchild\n");
    assert!(!exists(seen.pid));
}

#[tokio::test]
async fn at_the_deadline_the_grandchildren_end_too() {
    let witness = Witness::new();
    let script = format!("(sleep 1000) {} & wait", witness.held());
    let hurried = Limits { deadline: Duration::from_millis(500), ..limits() };
    let seen = see(sh(&script), hurried).await;
    assert!(matches!(seen.ended, Ended::TimedOut), "{:?}", seen.ended);
    assert!(!exists(seen.pid));
    witness.gone().await;
}

#[tokio::test]
async fn a_grandchild_that_holds_the_pipe_is_given_up_on() {
    let witness = Witness::new();
    let script = format!("(echo left behind; exec sleep 1000) {} & exit 5", witness.held());
    let patient = Limits { drain: Duration::from_millis(500), ..limits() };
    let seen = see(sh(&script), patient).await;
    assert!(matches!(seen.ended, Ended::Exited(5)), "{:?}", seen.ended);
    assert_eq!(seen.lines, ["1:left behind"]);
    witness.gone().await;
}

#[tokio::test]
async fn a_grandchild_without_the_pipe_does_not_outlive_the_call() {
    let witness = Witness::new();
    let (_folder, fifo) = fifo();
    let script = format!(
        "(echo up >&9; echo > {fifo}; exec sleep 1000) {} >/dev/null 2>&1 & read x < {fifo}; echo done",
        witness.held()
    );
    let seen = see(sh(&script), limits()).await;
    assert_eq!(seen.lines, ["1:done"]);
    witness.gone().await;
}

#[tokio::test]
async fn one_that_left_the_group_holds_up_nobody() {
    let (_folder, fifo) = fifo();
    let script =
        format!("setsid sh -c 'echo $$; echo > {fifo}; exec sleep 1000' & read x < {fifo}; exit 6");
    let seen = see(sh(&script), limits()).await;
    assert!(matches!(seen.ended, Ended::Exited(6)), "{:?}", seen.ended);
    // Only this test knows of it now, and has to end it.
    let pid = seen.lines[0][2..].parse().unwrap();
    nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn dropping_the_future_kills() {
    let witness = Witness::new();
    let script = format!("(trap '' INT TERM; echo ready; sleep 1000) {} & wait", witness.held());
    let (tell, told) = tokio::sync::oneshot::channel();
    let mut tell = Some(tell);
    let mut pid = 0;
    let (redactor, cancel) = (Redactor::default(), CancellationToken::new());
    {
        let child = watch(sh(&script), &redactor, limits(), &cancel, |activity| match activity {
            Activity::Started(started) => pid = started.pid,
            Activity::Line(..) => drop(tell.take().map(|tell| tell.send(()))),
        });
        select! {
            ended = child => panic!("{ended:?}"),
            told = told => told.unwrap(),
        }
    }
    witness.gone().await;
    while exists(pid) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_was_cancelled_before_is_not_started() {
    let cancel = CancellationToken::new();
    cancel.cancel();
    let seen = see_with(sh("echo no"), limits(), &cancel, |_| {}).await;
    assert!(matches!(seen.ended, Ended::Cancelled));
    assert_eq!(seen.lines.len(), 0);
}

#[tokio::test]
async fn many_at_once_each_get_their_own_end() {
    let child =
        |code: i32| tokio::spawn(async move { see(sh(&format!("exit {code}")), limits()).await });
    let ends = futures_util::future::join_all((0..40).map(child)).await;
    for (code, seen) in ends.into_iter().enumerate() {
        assert_eq!(format!("{:?}", seen.unwrap().ended), format!("Exited({code})"));
    }
}
